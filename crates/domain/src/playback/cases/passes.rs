//! Passes, at playlists, segments, images and keys.

mod forged;

use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::grant::{Fingerprint, Geo, Limits};
use crate::ids::Generation;
use crate::keyring::PassKeys;
use crate::pass::{Pass, Purpose};
use crate::playback::Refusal;

use super::Case;
use super::world::{
    INIT_SEGMENT, content_key, generation, key_pass, key_under, other_video, own_poster, pass,
    rendition, signed, stored_segment, under,
};
use forged::forged;

const PLAYLIST: &str = "1080p/1080p.m3u8";
const SEGMENT: &str = "1080p/1080p_00001.ts";
const INIT: &str = "1080p/1080p_init.mp4";

pub(super) fn cases(now: u64) -> Vec<Case> {
    [
        served(now),
        judged(now),
        limited(now),
        revoked(now),
        forged(now),
    ]
    .concat()
}

fn served(now: u64) -> Vec<Case> {
    let all = pass(now);
    let image = |path: &str, kind: &str, body: &str| {
        Case::good(path, under(&all, path))
            .answers("content-type", kind)
            .answers("cache-control", "private, max-age=31536000, immutable")
            .body(body)
    };
    vec![
        Case::good("media playlist", under(&all, PLAYLIST))
            .answers("content-type", "application/vnd.apple.mpegurl")
            .answers("cache-control", "private, no-cache")
            .holds("#EXT-X-KEY:METHOD=AES-128,URI=\"/k/")
            .holds(&format!("/{}/1080p.key\"\n#EXTINF:", generation()))
            .holds("\n1080p_00002.ts\n#EXT-X-ENDLIST\n")
            .lacks("URI=\"1080p.key\""),
        Case::good("audio playlist", under(&all, "audio-96k/audio-96k.m3u8"))
            .holds("\naudio-96k_00000.ts\n"),
        Case::good("iframe playlist", under(&all, "iframes/iframes.m3u8"))
            .holds("#EXT-X-I-FRAMES-ONLY"),
        Case::good("segment", under(&all, SEGMENT))
            .answers("content-type", "video/mp2t")
            .answers("cache-control", "private, max-age=31536000, immutable")
            .answers("accept-ranges", "bytes")
            .body(stored_segment("1080p", 1)),
        Case::good("poster", under(&all, "poster.jpg"))
            .answers("content-type", "image/jpeg")
            .answers("cache-control", "private, max-age=31536000, immutable")
            .body("poster"),
        Case::good("own poster", own_poster(&all))
            .answers("content-type", "image/jpeg")
            .answers("cache-control", "private, max-age=31536000, immutable")
            .body("own poster"),
        image("thumbs/thumb_000.jpg", "image/jpeg", "thumbnail"),
        image("previews/preview_50117.webp", "image/webp", "preview"),
        image("storyboard.jpg", "image/jpeg", "storyboard"),
        image("storyboard-large.jpg", "image/jpeg", "storyboard-large"),
        image("storyboard.vtt", "text/vtt", "WEBVTT\n"),
        image("storyboard-large.vtt", "text/vtt", "WEBVTT\n"),
        Case::good("key", key_under(&key_pass(now, "1080p"), "1080p"))
            .answers("content-type", "application/octet-stream")
            .answers("cache-control", "no-store")
            .body(content_key("1080p").expose().as_slice()),
        Case::good("initialisation section, in clear", under(&all, INIT))
            .answers("content-type", "video/mp4")
            .answers("cache-control", "private, max-age=31536000, immutable")
            .body(INIT_SEGMENT),
        Case::refused(
            "initialisation section of another rendition",
            under(&all, "480p/1080p_init.mp4"),
            Refusal::NotFound,
        ),
        Case::refused(
            "segment that is not stored",
            under(&all, "1080p/1080p_00003.ts"),
            Refusal::NotFound,
        ),
        Case::refused(
            "rendition that is not stored",
            under(&all, "720p/720p.m3u8"),
            Refusal::NotFound,
        ),
        Case::refused(
            "key that is not stored",
            key_under(&key_pass(now, "720p"), "720p"),
            Refusal::NotFound,
        ),
    ]
}

fn judged(now: u64) -> Vec<Case> {
    let expired = Pass {
        expires: now - 1,
        ..pass(now)
    };
    let elsewhere = Pass {
        video: other_video(),
        ..pass(now)
    };
    let earlier = Pass {
        generation: Generation::of("earlier", "profile"),
        ..pass(now)
    };
    let low = Pass {
        renditions: Some(vec![rendition("480p"), rendition("audio-96k")]),
        ..pass(now)
    };
    let none = Pass {
        renditions: Some(vec![]),
        ..pass(now)
    };
    let stream = key_pass(now, "1080p");
    let stream = Pass {
        purpose: Purpose::Stream,
        renditions: None,
        ..stream
    };
    let expired_key = Pass {
        expires: now - 1,
        ..key_pass(now, "1080p")
    };
    let elsewhere_key = Pass {
        video: other_video(),
        ..key_pass(now, "1080p")
    };
    let earlier_key = Pass {
        generation: Generation::of("earlier", "profile"),
        ..key_pass(now, "1080p")
    };
    vec![
        Case::refused(
            "expired pass, playlist",
            under(&expired, PLAYLIST),
            Refusal::PassExpired,
        ),
        Case::refused(
            "expired pass, segment",
            under(&expired, SEGMENT),
            Refusal::PassExpired,
        ),
        Case::refused(
            "expired pass, key",
            key_under(&expired_key, "1080p"),
            Refusal::PassExpired,
        ),
        Case::refused(
            "pass of another video, playlist",
            under(&elsewhere, PLAYLIST),
            Refusal::NotFound,
        ),
        Case::refused(
            "pass of another video, segment",
            under(&elsewhere, SEGMENT),
            Refusal::NotFound,
        ),
        Case::refused(
            "pass of another video, key",
            key_under(&elsewhere_key, "1080p"),
            Refusal::NotFound,
        ),
        Case::refused(
            "pass of another encoding, playlist",
            under(&earlier, PLAYLIST),
            Refusal::PassGeneration,
        ),
        Case::refused(
            "pass of another encoding, poster",
            under(&earlier, "poster.jpg"),
            Refusal::PassGeneration,
        ),
        Case::refused(
            "pass of another encoding, key",
            key_under(&earlier_key, "1080p"),
            Refusal::PassGeneration,
        ),
        Case::good("limited pass, its playlist", under(&low, "480p/480p.m3u8")).holds("/k/"),
        Case::good(
            "limited pass, its segment",
            under(&low, "480p/480p_00000.ts"),
        ),
        Case::good(
            "limited pass, its audio",
            under(&low, "audio-96k/audio-96k_00000.ts"),
        ),
        Case::good("limited pass, poster", under(&low, "poster.jpg")),
        Case::good("pass for nothing, own poster", own_poster(&none)),
        Case::good("pass of another encoding, own poster", own_poster(&earlier)),
        Case::refused(
            "pass of another video, own poster",
            own_poster(&elsewhere),
            Refusal::NotFound,
        ),
        Case::refused(
            "expired pass, own poster",
            own_poster(&expired),
            Refusal::PassExpired,
        ),
        Case::refused(
            "own poster with a key pass",
            own_poster(&key_pass(now, "1080p")),
            Refusal::PassPurpose,
        ),
        Case::refused(
            "own poster under an encoding",
            under(&low, "posters/0.jpg"),
            Refusal::NotFound,
        ),
        Case::refused(
            "limited pass, taller playlist",
            under(&low, PLAYLIST),
            Refusal::PassRendition,
        ),
        Case::refused(
            "limited pass, taller segment",
            under(&low, SEGMENT),
            Refusal::PassRendition,
        ),
        Case::refused(
            "limited pass, source playlist",
            under(&low, "source/source.m3u8"),
            Refusal::PassRendition,
        ),
        Case::refused(
            "limited pass, taller initialisation section",
            under(&low, INIT),
            Refusal::PassRendition,
        ),
        Case::refused(
            "limited pass, source segment",
            under(&low, "source/source_00000.ts"),
            Refusal::PassRendition,
        ),
        Case::refused(
            "limited pass, other iframes",
            under(&low, "iframes/iframes.m3u8"),
            Refusal::PassRendition,
        ),
        Case::refused(
            "pass for nothing",
            under(&none, PLAYLIST),
            Refusal::PassRendition,
        ),
        Case::refused(
            "key of another rendition",
            key_under(&key_pass(now, "480p"), "1080p"),
            Refusal::PassRendition,
        ),
        Case::refused(
            "key with a stream pass",
            key_under(&stream, "1080p"),
            Refusal::PassPurpose,
        ),
        Case::refused(
            "playlist with a key pass",
            under(&key_pass(now, "1080p"), PLAYLIST),
            Refusal::PassPurpose,
        ),
        Case::refused(
            "segment with a key pass",
            under(&key_pass(now, "1080p"), SEGMENT),
            Refusal::PassPurpose,
        ),
    ]
}

fn limited(now: u64) -> Vec<Case> {
    let with = |limits: Limits| Pass {
        limits,
        ..pass(now)
    };
    let ip = with(Limits {
        ip: "192.0.2.0/24".parse().into_iter().collect(),
        ..Limits::default()
    });
    let geo = with(Limits {
        geo: Some(Geo::Allow("DE".parse().into_iter().collect())),
        ..Limits::default()
    });
    let page = with(Limits {
        origins: "https://a.example".parse().into_iter().collect(),
        ..Limits::default()
    });
    let key = |limits: &Pass| {
        key_under(
            &Pass {
                limits: limits.limits.clone(),
                ..key_pass(now, "1080p")
            },
            "1080p",
        )
    };
    vec![
        Case::good("pass from its network", under(&ip, PLAYLIST)).from("192.0.2.1"),
        Case::refused(
            "playlist from another network",
            under(&ip, PLAYLIST),
            Refusal::Address,
        ),
        Case::refused(
            "segment from another network",
            under(&ip, SEGMENT),
            Refusal::Address,
        ),
        Case::refused("key from another network", key(&ip), Refusal::Address),
        Case::good("pass in its country", under(&geo, SEGMENT)).country("DE"),
        Case::refused("key in another country", key(&geo), Refusal::Country).country("FR"),
        Case::good("pass on its page", under(&page, PLAYLIST))
            .header("origin", "https://a.example")
            .answers("access-control-allow-origin", "https://a.example")
            .answers("vary", "origin"),
        Case::good("pass on a player without a page", under(&page, SEGMENT))
            .without("access-control-allow-origin"),
        Case::refused(
            "playlist on another page",
            under(&page, PLAYLIST),
            Refusal::Origin,
        )
        .header("origin", "https://evil.example"),
        Case::refused("key on another page", key(&page), Refusal::Origin)
            .header("origin", "https://evil.example"),
    ]
}

/// Revoked during use: playlists and keys stop at once.
fn revoked(now: u64) -> Vec<Case> {
    let viewer = Pass {
        viewer: Fingerprint::of("mallory"),
        ..pass(now)
    };
    let session = Pass {
        session: Fingerprint::of("session-0"),
        ..pass(now)
    };
    let key = |pass: &Pass| Pass {
        purpose: Purpose::Key,
        renditions: Some(vec![rendition("1080p")]),
        ..pass.clone()
    };
    vec![
        Case::refused(
            "playlist of a revoked viewer",
            under(&viewer, PLAYLIST),
            Refusal::Revoked,
        ),
        Case::refused(
            "key of a revoked viewer",
            key_under(&key(&viewer), "1080p"),
            Refusal::Revoked,
        ),
        Case::refused(
            "playlist of a revoked session",
            under(&session, PLAYLIST),
            Refusal::Revoked,
        ),
        Case::refused(
            "key of a revoked session",
            key_under(&key(&session), "1080p"),
            Refusal::Revoked,
        ),
        Case::refused(
            "poster of a revoked viewer",
            under(&viewer, "poster.jpg"),
            Refusal::Revoked,
        ),
        Case::refused(
            "storyboard of a revoked session",
            under(&session, "storyboard.jpg"),
            Refusal::Revoked,
        ),
        Case::refused(
            "HEAD of a key of a revoked session",
            key_under(&key(&session), "1080p"),
            Refusal::Revoked,
        )
        .method("HEAD"),
    ]
}
