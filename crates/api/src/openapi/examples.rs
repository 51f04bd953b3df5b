//! Examples for the document. Tests validate them against their schemas.

use serde_json::{Value, json};

const VIDEO: &str = "vid_018bcfe5680077078707070707070707";
const AT: &str = "2026-11-21T18:27:05.123Z";
const LATER: &str = "2026-11-22T18:27:05.123Z";

pub(super) fn signed_request() -> Value {
    json!({
        "method": "PUT",
        "url": "https://account.example/private/uploads/vid_.../film.mp4?X-Amz-Signature=...",
        "headers": { "content-length": "52428800", "content-type": "video/mp4", "if-none-match": "*" },
    })
}

pub(super) fn created_upload() -> Value {
    json!({
        "video": VIDEO, "state": "uploading", "filename": "film.mp4", "size": 52_428_800,
        "upload": { "kind": "single", "request": signed_request() }, "expires_at": LATER,
    })
}

pub(super) fn upload() -> Value {
    json!({
        "video": VIDEO, "state": "uploading", "complete": false, "size": 5_368_709_120u64, "kind": "multipart",
        "part_size": 16_777_216, "parts": 320, "expires_at": LATER,
        "stored": [{ "number": 1, "size": 16_777_216, "etag": "9a0364b9e99bb480dd25e1f0284c8555" }],
    })
}

pub(super) fn signed_parts() -> Value {
    json!({
        "parts": [{ "number": 2, "size": 16_777_216, "request": signed_request() }], "expires_at": LATER,
    })
}

pub(super) fn completed_upload() -> Value {
    json!({ "video": VIDEO, "state": "queued" })
}

pub(super) fn video_summary() -> Value {
    json!({
        "id": VIDEO, "owner": "ann", "state": "ready", "playable": true, "stage": null, "percent": 100,
        "title": "Lesson 1", "duration_seconds": 1834.5, "width": 1920, "height": 1080,
        "poster_url": "https://video.example/s/AZ.../0123456789abcdef/poster.jpg", "external_id": "lesson:1",
        "metadata": { "course": "algebra" }, "profile": "default",
        "mode": "abr", "generate": "on_upload", "failure": null,
        "source": { "size": 52_428_800, "content_type": "video/mp4", "filename": "film.mp4" },
        "created_at": AT, "updated_at": AT, "queued_at": AT, "playable_at": AT, "ready_at": LATER,
    })
}

pub(super) fn video() -> Value {
    let mut video = video_summary();
    for field in [
        "duration_seconds",
        "width",
        "height",
        "poster_url",
        "ready_at",
    ] {
        video[field] = Value::Null;
    }
    (video["state"], video["stage"], video["percent"]) =
        (json!("playable"), json!("encode"), json!(42));
    video["renditions"] = json!([{
        "name": "1080p", "kind": "video", "width": 1920, "height": 1080, "copied": false, "frame_rate": 25.0,
        "codecs": "avc1.640028,mp4a.40.2", "hdr": null, "bandwidth": 5_350_000, "average_bandwidth": 4_120_000, "state": "playable",
    }]);
    video["attempts"] = json!([{
        "number": 1, "outcome": null, "failure": null, "stage": "encode", "percent": 42, "started_at": AT,
        "ended_at": null,
    }]);
    video["poster"] = json!({ "status": "automatic", "failure": null });
    video["receipt"] = Value::Null;
    video["warnings"] = json!([]);
    video
}

pub(super) fn playback_info() -> Value {
    json!({
        "video": VIDEO, "title": "Lesson 1", "status": "ready",
        "hls_url": "https://edge.example/v/vid_.../master.m3u8?grant=eyJ...",
        "poster_url": "https://edge.example/s/.../poster.jpg",
        "storyboard_url": "https://edge.example/s/.../storyboard.vtt",
        "large_storyboard_url": "https://edge.example/s/.../storyboard-large.vtt", "expires_at": LATER,
    })
}

pub(super) fn processing_info() -> Value {
    json!({ "video": VIDEO, "title": "Lesson 1", "status": "processing", "stage": "copy", "percent": 3 })
}

pub(super) fn timeline() -> Value {
    json!({
        "attempts": [{
            "number": 1, "stages": [{ "stage": "encode", "started_at": AT, "ended_at": null }],
            "chunks": [{ "rung": "encode", "number": 0, "started_at": AT, "ended_at": LATER }],
        }],
        "ffmpeg_log": null,
    })
}

pub(super) fn webhook() -> Value {
    json!({
        "id": "whe_018bcfe5680077078707070707070707", "url": "https://backend.example/hooks/video",
        "events": ["video.ready", "video.failed"], "description": "The course catalogue", "active": true,
        "disabled": null, "failing_since": null, "created_at": AT, "updated_at": AT,
    })
}

pub(super) fn webhook_with_secret() -> Value {
    let mut webhook = webhook();
    webhook["secret"] = json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    webhook
}

pub(super) fn delivery() -> Value {
    json!({
        "id": "whd_018bcfe5680077078707070707070707", "status": "pending", "attempts": 1, "last_status": 503,
        "event": { "id": "evt_018bcfe5680077078707070707070707", "type": "video.ready", "video": VIDEO, "at": AT },
        "last_error": "HTTP 503", "last_duration_ms": 120, "last_attempt_at": AT, "next_attempt_at": LATER,
        "created_at": AT, "settled_at": null,
    })
}

pub(super) fn api_key() -> Value {
    json!({
        "id": "key_018bcfe5680077078707070707070707", "name": "the course catalogue", "owner": "ann",
        "scopes": ["upload", "play"], "created_by": "installation", "created_at": AT, "expires_at": LATER,
        "last_used_at": null,
    })
}

pub(super) fn created_api_key() -> Value {
    let mut key = api_key();
    key["key"] = json!("er_8f14e45fceea167a5a36dedd4bea2543...");
    key
}

pub(super) fn share() -> Value {
    json!({
        "id": "shr_018bcfe5680077078707070707070707", "video": VIDEO, "label": "for the jury", "max_height": 720,
        "created_by": "user:ann", "created_at": AT, "expires_at": LATER, "last_used_at": null,
    })
}

pub(super) fn created_share() -> Value {
    let mut share = share();
    share["url"] = json!("https://api.example/shared/8f14e45fceea167a5a36dedd4bea2543...");
    share
}

pub(super) fn source_download() -> Value {
    json!({
        "url": "https://account.example/private/uploads/vid_.../film.mp4?X-Amz-Signature=...", "size": 52_428_800,
        "content_type": "video/mp4", "filename": "film.mp4", "expires_at": LATER,
    })
}

pub(super) fn dead_letter() -> Value {
    json!({
        "id": "17", "video": VIDEO, "attempts": 5, "reason": "worker-lost", "code": "worker-lost",
        "class": "infrastructure", "readable": true, "sent_at": AT,
        "dead_lettered_at": LATER,
    })
}
