use proptest::prelude::*;

use super::*;

fn video() -> VideoId {
    VideoId::new(1_700_000_000_000, [7; 10])
}

fn every_key() -> Vec<ObjectKey> {
    let (video, generation) = (video(), Generation::of("etag", "profile"));
    let rendition: RenditionName = "1080p".parse().unwrap();
    vec![
        ObjectKey::Source {
            video,
            file_name: FileName::clean("Holiday 2024.mp4"),
        },
        ObjectKey::ArchivedSource {
            video,
            file_name: FileName::clean("a.mp4"),
        },
        ObjectKey::ContentKey {
            video,
            generation: generation.clone(),
            key: rendition.clone(),
        },
        ObjectKey::Manifest {
            video,
            generation: generation.clone(),
        },
        ObjectKey::Plan {
            video,
            generation: generation.clone(),
        },
        ObjectKey::SharedPlan {
            video,
            generation: generation.clone(),
        },
        ObjectKey::Master { video },
        ObjectKey::MediaPlaylist {
            video,
            generation: generation.clone(),
            rendition: rendition.clone(),
        },
        ObjectKey::InitSegment {
            video,
            generation: generation.clone(),
            rendition: rendition.clone(),
            attempt: 1,
        },
        ObjectKey::InitSegment {
            video,
            generation: generation.clone(),
            rendition: rendition.clone(),
            attempt: 12,
        },
        ObjectKey::Segment {
            video,
            generation: generation.clone(),
            rendition: rendition.clone(),
            index: 7,
            attempt: 1,
            format: SegmentFormat::MpegTs,
        },
        ObjectKey::Segment {
            video,
            generation: generation.clone(),
            rendition,
            index: 7,
            attempt: 1,
            format: SegmentFormat::Fmp4,
        },
        ObjectKey::Segment {
            video,
            generation: generation.clone(),
            rendition: "audio-128k".parse().unwrap(),
            index: 7,
            attempt: 12,
            format: SegmentFormat::MpegTs,
        },
        ObjectKey::Thumbnail {
            video,
            generation: generation.clone(),
            index: 9,
        },
        ObjectKey::Preview {
            video,
            generation: generation.clone(),
            index: 50_117,
        },
        ObjectKey::Storyboard {
            video,
            generation: generation.clone(),
            size: StoryboardSize::Small,
        },
        ObjectKey::StoryboardIndex {
            video,
            generation: generation.clone(),
            size: StoryboardSize::Small,
        },
        ObjectKey::Storyboard {
            video,
            generation: generation.clone(),
            size: StoryboardSize::Large,
        },
        ObjectKey::StoryboardIndex {
            video,
            generation: generation.clone(),
            size: StoryboardSize::Large,
        },
        ObjectKey::Poster { video, generation },
        ObjectKey::CustomPoster {
            video,
            poster: PosterId::from_timestamp(7),
        },
        ObjectKey::Chapters {
            video,
            chapters: ChaptersId::of("[]"),
        },
        ObjectKey::PosterImage {
            video,
            poster: PosterId::from_timestamp(7),
        },
        ObjectKey::Segment {
            video,
            generation: Generation::of("etag", "profile"),
            rendition: "captions-efd9bf88b975d52b".parse().unwrap(),
            index: 7,
            attempt: 1,
            format: SegmentFormat::WebVtt,
        },
        ObjectKey::Captions {
            video,
            language: "pt-BR".parse().unwrap(),
            captions: CaptionId::of("pt-BR", "text", 7),
        },
        ObjectKey::Download {
            video,
            generation: Generation::of("etag", "profile"),
            rung: "720p".parse().unwrap(),
        },
        ObjectKey::Download {
            video,
            generation: Generation::of("etag", "profile"),
            rung: "audio-128k".parse().unwrap(),
        },
    ]
}

#[test]
fn paths_types_and_cache_policies() {
    let table: String = every_key()
        .iter()
        .map(|key| {
            format!(
                "{:?} {} | {} | {}\n",
                key.bucket(),
                key.path(),
                key.content_type(),
                key.cache_policy().header()
            )
        })
        .collect();
    insta::assert_snapshot!(table, @"
    Private uploads/vid_018bcfe5680077078707070707070707/Holiday_2024.mp4 | application/octet-stream | no-store
    Private archive/vid_018bcfe5680077078707070707070707/a.mp4 | application/octet-stream | no-store
    Private keys/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/1080p.json | application/json | no-store
    Private manifests/vid_018bcfe5680077078707070707070707/6580b562fc319fd8.json | application/json | no-store
    Private manifests/vid_018bcfe5680077078707070707070707/6580b562fc319fd8.plan.json | application/json | no-store
    Private manifests/vid_018bcfe5680077078707070707070707/6580b562fc319fd8.shared.json | application/json | no-store
    Media hls/vid_018bcfe5680077078707070707070707/master.m3u8 | application/vnd.apple.mpegurl | no-cache
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/1080p/1080p.m3u8 | application/vnd.apple.mpegurl | no-cache
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/1080p/1080p_init.mp4 | video/mp4 | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/1080p/1080p_init-12.mp4 | video/mp4 | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/1080p/1080p_00007.ts | video/mp2t | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/1080p/1080p_00007.m4s | video/iso.segment | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/audio-128k/audio-128k_00007-12.ts | video/mp2t | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/thumbs/thumb_009.jpg | image/jpeg | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/previews/preview_50117.webp | image/webp | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/storyboard.jpg | image/jpeg | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/storyboard.vtt | text/vtt | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/storyboard-large.jpg | image/jpeg | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/storyboard-large.vtt | text/vtt | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/poster.jpg | image/jpeg | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/posters/efd9bf88b975d52b.jpg | image/jpeg | public, max-age=31536000, immutable
    Media hls/vid_018bcfe5680077078707070707070707/chapters/fd93fa39c1404268.json | application/json | public, max-age=31536000, immutable
    Private posters/vid_018bcfe5680077078707070707070707/efd9bf88b975d52b | application/octet-stream | no-store
    Media hls/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/captions-efd9bf88b975d52b/captions-efd9bf88b975d52b_00007.vtt | text/vtt | public, max-age=31536000, immutable
    Private captions/vid_018bcfe5680077078707070707070707/pt-BR/7cc51be4dec83304.vtt | text/vtt | no-store
    Private downloads/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/720p.mp4 | video/mp4 | no-store
    Private downloads/vid_018bcfe5680077078707070707070707/6580b562fc319fd8/audio-128k.m4a | audio/mp4 | no-store
    ");
}

#[test]
fn every_key_parses_back() {
    for key in every_key() {
        assert_eq!(ObjectKey::parse(key.bucket(), &key.path()), Some(key));
    }
}

#[test]
fn second_spellings_and_foreign_paths_are_not_keys() {
    let (video, generation) = (video(), Generation::of("etag", "profile"));
    for path in [
        format!("hls/{video}//master.m3u8"),
        format!("hls/{video}/{generation}/1080p/1080p_7.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_+0007.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_00007-1.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_00007-0.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_00007-02.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_00007-+2.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_00007-2-2.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_00007-.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_-2.ts"),
        format!("hls/{video}/{generation}/1080p/720p_00007.ts"),
        format!("hls/{video}/{generation}/1080p/720p_init.mp4"),
        format!("hls/{video}/{generation}/1080p/1080p_init.ts"),
        format!("hls/{video}/{generation}/1080p/1080p_init-1.mp4"),
        format!("hls/{video}/{generation}/1080p/1080p_init-0.mp4"),
        format!("hls/{video}/{generation}/1080p/1080p_00007.mp4"),
        format!("hls/{video}/{generation}/1080p/init.mp4"),
        format!("hls/{video}/{generation}/1080p/1080p_init_init.mp4"),
        format!("hls/{video}/{generation}/../{generation}/poster.jpg"),
        format!("hls/{video}/{generation}/thumbs/thumbs.m3u8"),
        format!("hls/{video}/{generation}/previews/preview_007.webp"),
        format!("hls/{video}/{generation}/previews/preview_4294967296.webp"),
        format!("hls/{video}/{generation}/previews/preview_7.jpg"),
        format!("hls/{video}/{generation}/storyboard-small.jpg"),
        format!("hls/{video}/{generation}/storyboard.webp"),
        format!("hls/{video}/{generation}/poster.jpg/"),
        format!("/hls/{video}/master.m3u8"),
        "hls".to_owned(),
        String::new(),
    ] {
        assert_eq!(ObjectKey::parse(Bucket::Media, &path), None, "{path}");
    }
    for path in [
        ObjectKey::Master { video }.path(),
        format!("downloads/{video}/{generation}/720p.m4a"),
        format!("downloads/{video}/{generation}/audio-128k.mp4"),
    ] {
        assert_eq!(ObjectKey::parse(Bucket::Private, &path), None, "{path}");
    }
}

#[test]
fn file_names_are_cleaned() {
    for (name, expected) in [
        ("film.mp4", "film.mp4"),
        ("../../x.mp4", "x.mp4"),
        ("..\\..\\x.mp4", "x.mp4"),
        ("My Holiday (1).MOV", "My_Holiday_(1).MOV"),
        ("été.mkv", "été.mkv"),
        ("", "video"),
        ("..", "video"),
        (".mp4", "mp4"),
        ("a\u{0}b\n.mp4", "a_b.mp4"),
        ("x.mp4/", "video"),
        ("film\u{202e}4pm.exe", "film_4pm.exe"),
        ("a\u{2066}b\u{200f}c.mp4", "a_b_c.mp4"),
    ] {
        assert_eq!(FileName::clean(name).as_str(), expected, "{name:?}");
    }
}

proptest! {
    #[test]
    fn any_name_gives_a_key_that_parses_back(name in "\\PC{0,300}|.{0,300}") {
        let key = ObjectKey::Source { video: video(), file_name: FileName::clean(&name) };
        prop_assert!(key.path().len() <= 1024);
        prop_assert_eq!(ObjectKey::parse(Bucket::Private, &key.path()), Some(key));
    }

    #[test]
    fn any_path_that_parses_is_its_own_path(path in "(hls|uploads|keys)/[a-z0-9_/.-]{0,80}") {
        for bucket in [Bucket::Private, Bucket::Media] {
            if let Some(key) = ObjectKey::parse(bucket, &path) {
                prop_assert_eq!(key.path(), path.clone());
            }
        }
    }
}

#[test]
fn external_paths_are_outside_our_own() {
    for good in [
        "film.mp4",
        "2024/Süd/film 1.mp4",
        "a//b",
        "upload/x",
        "hls.mp4",
        "uploads/a.mp4",
        "uploads/2024/a.mp4",
        "downloads/a.mp4",
        &"x".repeat(1024),
    ] {
        assert!(ExternalPath::try_from(good.to_owned()).is_ok(), "{good}");
    }
    let long = "x".repeat(1025);
    for bad in [
        "",
        "/film.mp4",
        "a/../film.mp4",
        "..",
        "./a",
        "a\nb",
        "uploads",
        "uploads/",
        "hls",
        "downloads/vid_018bcfe5680077078707070707070707/a.mp4",
        "keys/a/b.json",
        "films/",
        &long,
    ] {
        assert!(ExternalPath::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}
