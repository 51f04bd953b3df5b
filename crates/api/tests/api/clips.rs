//! Clips: parts of a video as videos of their own.

use domain::ids::VideoId;
use domain::job::{Import, JobMessage};
use http::StatusCode;
use serde_json::{Value, json};

use crate::thumbnails::{audio_only, ready};
use crate::world::World;

/// The imports since the last call.
async fn imports(world: &World) -> Vec<Import> {
    let messages = world.messages().await.into_iter();
    let import = |it| match it {
        JobMessage::ImportV1(import) => import,
        other => panic!("{other:?}"),
    };
    messages.map(import).collect()
}

/// The clip of a new video.
async fn clip_of(world: &World, created: &Value) -> String {
    let id: VideoId = created["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(imports(world).await, [Import::new(id)]);
    world.catalog.import(id).await.unwrap().unwrap().url
}

#[tokio::test]
async fn a_part_of_a_video_becomes_a_video() {
    let world = World::new().await;
    // It lasts 12.04 s.
    let (of, _) = ready(&world).await;
    let request = |clip: Value| json!({ "clip": clip, "external_id": "best-of" });
    for (times, align, expected) in [
        (
            json!({ "start": 2.5, "end": 7 }),
            "exact",
            "start_ms=2500&end_ms=7000",
        ),
        (
            json!({ "start": 2.5 }),
            "keyframe",
            "start_ms=2500&end_ms=12040",
        ),
        (
            json!({ "start": 0, "end": 900 }),
            "exact",
            "start_ms=0&end_ms=12040",
        ),
    ] {
        let mut clip = times;
        clip["video"] = json!(of);
        if align != "exact" {
            clip["align"] = json!(align);
        }
        let created = world.post("/v1/videos", request(clip.clone())).await;
        assert_eq!(
            (created.status, &created.body["state"]),
            (StatusCode::CREATED, &json!("uploading")),
            "{}",
            created.body
        );
        let stored = clip_of(&world, &created.body).await;
        assert_eq!(stored, format!("clip:{of}?{expected}&align={align}"));
        // The same part with the same external id.
        let again = world.post("/v1/videos", request(clip)).await;
        assert_eq!(
            (again.status, &again.body["id"]),
            (StatusCode::OK, &created.body["id"])
        );
        assert_eq!(imports(&world).await, []);
    }

    let clip = json!({ "video": of, "start": 2.5, "end": 7 });
    let untitled = world.post("/v1/videos", json!({ "clip": clip })).await;
    let title = untitled.body["title"].as_str().unwrap();
    assert!(title.ends_with(" (0:02 to 0:07)"), "{title}");
    imports(&world).await;
    let titled = json!({ "clip": clip, "title": "The experiment" });
    let titled = world.post("/v1/videos", titled).await;
    assert_eq!(titled.body["title"], "The experiment");
}

#[tokio::test]
async fn what_cannot_be_a_clip_is_refused() {
    let world = World::new().await;
    let waiting = world.upload_small().await;
    let (of, _) = ready(&world).await;
    let clip = |of: &VideoId, start: Value, end: Value| json!({ "clip": { "video": of, "start": start, "end": end } });
    let unknown = "vid_018bcfe5680077078707070707070707".parse().unwrap();
    for (body, problem, part) in [
        (
            clip(&of, json!(5), json!(5.5)),
            (422, "invalid-field"),
            "at least one second",
        ),
        (
            clip(&of, json!(13), json!(15)),
            (422, "invalid-field"),
            "after the end of the video",
        ),
        (
            clip(&of, json!(-1), json!(5)),
            (422, "invalid-field"),
            "seconds from the start",
        ),
        (
            clip(&of, json!("a"), json!(5)),
            (400, "malformed-request"),
            "",
        ),
        (
            clip(&waiting, json!(0), json!(5)),
            (409, "conflict"),
            "not ready",
        ),
        (
            clip(&unknown, json!(0), json!(5)),
            (404, "no-such-video"),
            "",
        ),
        (json!({}), (422, "invalid-field"), "either"),
        (
            json!({ "clip": { "video": of, "start": 0 }, "url": "https://a.example/b.mp4" }),
            (422, "invalid-field"),
            "either",
        ),
        // Only the API writes this form.
        (
            json!({ "url": format!("clip:{of}?start_ms=0&end_ms=5000&align=exact") }),
            (422, "url-not-accepted"),
            "",
        ),
    ] {
        let refused = world.post("/v1/videos", body.clone()).await;
        assert_eq!(refused.problem(), problem, "{body}");
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(part), "{body}: {detail}");
    }
    assert_eq!(imports(&world).await, []);
}

#[tokio::test]
async fn audio_has_clips_too() {
    let world = World::new().await;
    let of = audio_only(&world).await;
    let body = json!({ "clip": { "video": of, "start": 1, "end": 4 } });
    let created = world.post("/v1/videos", body).await;
    let id: VideoId = created.body["id"].as_str().unwrap().parse().unwrap();
    let source = world.catalog.get_video(id).await.unwrap().source.key;
    assert_eq!(source.unwrap(), format!("uploads/{id}/clip.m4a"));
}
