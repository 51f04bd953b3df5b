//! The installation of the cases: its keys, and its stored objects.

mod tokens;

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::Mac as _;

use crate::content_key::{ContentKey, KeyEncryptionKeys};
use crate::grant::{Fingerprint, Grant, Limits};
use crate::ids::{Generation, PosterId, VideoId};
use crate::keyring::{GrantKeys, Keyring, PassKeys};
use crate::object_key::{ObjectKey, RenditionName, SegmentFormat, StoryboardSize};
use crate::pass::{Pass, Purpose, SessionName};
use crate::playback::Config;
use hls::write::START_AT_BEGINNING;
pub(in crate::playback) use tokens::*;

/// Grant keys in the format of [`GrantKeys::parse`].
pub const GRANT_KEYS: &str = "g2:HS256:Z3JhbnQga2V5IG51bWJlciB0d28sIDMyIGJ5dGVzISE,g1:HS256:Z3JhbnQga2V5IG51bWJlciBvbmUsIDMyIGJ5dGVzISE,\
    ed:EdDSA:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo,\
    ec:ES256:BH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRFx_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/// The private halves of `ed` (RFC 8037, A.1) and of `ec` (RFC 7515, A.3.1), base64url.
pub const ED_PRIVATE: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
/// See [`ED_PRIVATE`].
pub const EC_PRIVATE: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// Pass keys in the format of [`PassKeys::parse`].
pub const PASS_KEYS: &str =
    "p2:cGFzcyBrZXkgbnVtYmVyIHR3bywgMzIgYnl0ZXMgISE,p1:cGFzcyBrZXkgbnVtYmVyIG9uZSwgMzIgYnl0ZXMgISE";

/// Key-encryption keys in the format of [`KeyEncryptionKeys::parse`].
pub const KEY_ENCRYPTION_KEYS: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// The signing keys.
pub fn keyring() -> Keyring {
    Keyring {
        grants: GrantKeys::parse(GRANT_KEYS).expect("well-formed"),
        passes: PassKeys::parse(PASS_KEYS).expect("well-formed"),
    }
}

/// The keys that wrap content keys.
pub fn key_encryption_keys() -> KeyEncryptionKeys {
    KeyEncryptionKeys::parse(KEY_ENCRYPTION_KEYS).expect("well-formed")
}

/// Configuration of the edge.
pub fn config() -> Config {
    Config {
        credential_origins: vec!["https://portal.example".parse().expect("an origin")],
        ..Config::default()
    }
}

/// The entries of the list, names with values: revocations (a viewer and a session of the video, and another video)
/// and renewed sessions.
pub fn listed(now: u64) -> Vec<(String, String)> {
    let revoked = [
        format!("viewer/{}", Fingerprint::of("mallory")),
        format!("session/{}", Fingerprint::of("session-0")),
        format!("video/{}", revoked_video()),
    ];
    let mallory = Pass {
        viewer: Fingerprint::of("mallory"),
        ..renewed(now)
    };
    let ended = Pass {
        session: Fingerprint::of("renewed, and ended"),
        ..renewed(now)
    };
    let renewals = [
        (renewed(now), now + 600),
        (strictly(&renewed(now)), now + 600),
        (mallory.clone(), now + 600),
        (strictly(&mallory), now + 600),
        (ended, now - 10),
    ];
    let renewals = renewals.into_iter().filter_map(|(pass, until)| {
        let name = SessionName::of(pass.video, pass.session, pass.viewer, &pass.limits)?;
        Some((format!("renewed/{name}"), until.to_string()))
    });
    revoked
        .into_iter()
        .map(|it| (it, "1".to_owned()))
        .chain(renewals)
        .collect()
}

/// An expired pass of a renewed session.
pub(super) fn renewed(now: u64) -> Pass {
    Pass {
        session: Fingerprint::of("renewed"),
        expires: now - 3600,
        ..pass(now)
    }
}

/// The same pass, with look-ups for every segment.
pub(super) fn strictly(pass: &Pass) -> Pass {
    Pass {
        limits: Limits {
            check_segments: true,
            ..pass.limits.clone()
        },
        ..pass.clone()
    }
}

/// A video that was revoked.
pub fn revoked_video() -> VideoId {
    VideoId::new(1_700_000_000_002, [9; 10])
}

/// The video that the cases play.
pub fn video() -> VideoId {
    VideoId::new(1_700_000_000_000, [7; 10])
}

/// Another video, without stored objects.
pub fn other_video() -> VideoId {
    VideoId::new(1_700_000_000_001, [8; 10])
}

/// A video whose master playlist marks it as growing, and whose media playlist has become complete since.
pub(super) fn growing_video() -> VideoId {
    VideoId::new(1_700_000_000_003, [10; 10])
}

/// The segments of [`growing_video`].
pub(super) const GROWN_SEGMENTS: u32 = 6;

/// The encoding of the video.
pub fn generation() -> Generation {
    Generation::of("etag", "profile")
}

/// A rendition name from text.
pub(super) fn rendition(name: &str) -> RenditionName {
    name.parse().expect("a legal name")
}

/// The content key of a rendition.
pub fn content_key(rendition: &str) -> ContentKey {
    let mut bytes = [0x5a; 16];
    for (byte, letter) in bytes.iter_mut().zip(rendition.bytes()) {
        *byte ^= letter;
    }
    ContentKey::new(bytes)
}

/// A segment of a rendition, before encryption.
pub fn clear_segment(rendition: &str, index: u32) -> Vec<u8> {
    format!("segment {index} of {rendition}\n")
        .repeat(40)
        .into_bytes()
}

/// Number of segments of every rendition.
const SEGMENTS: u32 = 3;

/// `source` has 2160 lines, which its name does not show.
const RENDITIONS: [&str; 5] = ["source", "1080p", "480p", "audio-96k", "iframes"];

/// All stored objects.
pub fn objects() -> Vec<(ObjectKey, Vec<u8>)> {
    let (video, generation) = (video(), generation());
    let mut objects = vec![(ObjectKey::Master { video }, master().into_bytes())];
    let keks = key_encryption_keys();
    for (number, name) in RENDITIONS.into_iter().enumerate() {
        let rendition = rendition(name);
        let playlist = ObjectKey::MediaPlaylist {
            video,
            generation: generation.clone(),
            rendition: rendition.clone(),
        };
        objects.push((playlist, media_playlist(name, SEGMENTS).into_bytes()));
        for index in 0..SEGMENTS {
            let object = segment(name, index);
            let bytes = hls::SegmentEncryptor::encrypt(
                content_key(name).expose(),
                index.into(),
                &clear_segment(name, index),
            );
            objects.push((object, bytes));
        }
        objects.push((init_segment(name), INIT_SEGMENT.to_vec()));
        let object = ObjectKey::ContentKey {
            video,
            generation: generation.clone(),
            key: rendition,
        };
        let wrapped = keks.wrap(&content_key(name), &object, [number as u8; 12]);
        objects.push((object, wrapped));
    }
    let growing = growing_video();
    let rendition = rendition("720p");
    let playlist = ObjectKey::MediaPlaylist {
        video: growing,
        generation: generation.clone(),
        rendition,
    };
    objects.push((
        ObjectKey::Master { video: growing },
        growing_master().into_bytes(),
    ));
    objects.push((
        playlist,
        media_playlist("720p", GROWN_SEGMENTS).into_bytes(),
    ));
    objects.push((
        ObjectKey::Poster {
            video,
            generation: generation.clone(),
        },
        b"poster".to_vec(),
    ));
    objects.push((
        ObjectKey::CustomPoster {
            video,
            poster: PosterId::from_timestamp(0),
        },
        b"own poster".to_vec(),
    ));
    for size in StoryboardSize::ALL {
        objects.push((
            ObjectKey::Storyboard {
                video,
                generation: generation.clone(),
                size,
            },
            size.file_stem().as_bytes().to_vec(),
        ));
        objects.push((
            ObjectKey::StoryboardIndex {
                video,
                generation: generation.clone(),
                size,
            },
            b"WEBVTT\n".to_vec(),
        ));
    }
    objects.push((
        ObjectKey::Thumbnail {
            video,
            generation: generation.clone(),
            index: 0,
        },
        b"thumbnail".to_vec(),
    ));
    objects.push((
        ObjectKey::Preview {
            video,
            generation,
            index: 50_117,
        },
        b"preview".to_vec(),
    ));
    objects
}

/// The object of a segment.
pub(super) fn segment(name: &str, index: u32) -> ObjectKey {
    ObjectKey::Segment {
        video: video(),
        generation: generation(),
        rendition: rendition(name),
        index,
        attempt: 1,
        format: SegmentFormat::MpegTs,
    }
}

/// The initialisation section of every rendition, which is stored in clear.
pub(super) const INIT_SEGMENT: &[u8] = b"\x00\x00\x00\x08ftyp";

fn init_segment(name: &str) -> ObjectKey {
    ObjectKey::InitSegment {
        video: video(),
        generation: generation(),
        rendition: rendition(name),
        attempt: 1,
    }
}

/// A segment as it is stored, encrypted.
pub(super) fn stored_segment(name: &str, index: u32) -> Vec<u8> {
    let objects: BTreeMap<String, Vec<u8>> = objects()
        .into_iter()
        .map(|(key, bytes)| (key.path(), bytes))
        .collect();
    objects
        .get(&segment(name, index).path())
        .cloned()
        .unwrap_or_default()
}

fn master() -> String {
    let generation = generation();
    let mut text = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    text += &format!(
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio-96k\",NAME=\"Audio\",DEFAULT=YES,AUTOSELECT=YES,URI=\"{generation}/audio-96k/audio-96k.m3u8\"\n"
    );
    for (name, size, bandwidth) in [
        ("1080p", "1920x1080", 5_000_000),
        ("source", "3840x2160", 9_000_000),
        ("480p", "854x480", 1_500_000),
    ] {
        text += &format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS=\"avc1.640028,mp4a.40.2\",RESOLUTION={size},AUDIO=\"audio-96k\"\n{generation}/{name}/{name}.m3u8\n"
        );
    }
    text += &format!(
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,CODECS=\"avc1.64001e\",RESOLUTION=640x360,URI=\"{generation}/iframes/iframes.m3u8\"\n"
    );
    text
}

fn growing_master() -> String {
    let generation = generation();
    format!(
        "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS=\"avc1.640028\",RESOLUTION=1280x720\n\
         {generation}/720p/720p.m3u8\n{START_AT_BEGINNING}"
    )
}

fn media_playlist(name: &str, segments: u32) -> String {
    use hls::write::{MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec};
    let segment = |index| SegmentSpec {
        uri: format!("{name}_{index:05}.ts"),
        duration: 540_000,
        byte_range: None,
        map: None,
        key: Some(format!("{name}.key")),
    };
    let segments = (0..segments).map(segment).collect();
    MediaPlaylistSpec {
        target_duration: 6,
        kind: MediaPlaylistKind::Vod,
        iframes_only: name == "iframes",
        segments,
    }
    .render()
}

/// `/s/{pass}/{generation}/{path}`.
pub(super) fn under(pass: &Pass, path: &str) -> String {
    format!("/s/{}/{}/{path}", signed(pass), generation())
}

/// `/s/{pass}/posters/{poster}.jpg`.
pub(super) fn own_poster(pass: &Pass) -> String {
    format!(
        "/s/{}/posters/{}.jpg",
        signed(pass),
        PosterId::from_timestamp(0)
    )
}

/// `/k/{pass}/{generation}/{key}.key`.
pub(super) fn key_under(pass: &Pass, key: &str) -> String {
    format!("/k/{}/{}/{key}.key", signed(pass), generation())
}

/// `/v/{video}/master.m3u8?grant=...`.
pub(super) fn master_with(token: &str) -> String {
    format!("/v/{}/master.m3u8?grant={token}", video())
}
