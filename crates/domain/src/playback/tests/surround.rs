//! Master playlists with a surround group beside a stereo one.

use hls::attributes::Resolution;
use hls::bandwidth::Bandwidth;
use hls::write::{AudioSpec, MasterPlaylistSpec, VariantSpec, VideoSpec};

use super::*;

/// Two rungs, each with both groups. The second track is the same stereo rendition in both.
fn stored() -> String {
    let uri = |name: &str| format!("{}/{name}/{name}.m3u8", world::generation());
    let rate = |peak| Bandwidth {
        peak,
        average: peak,
    };
    let variant = |(height, group): (u32, &str)| VariantSpec {
        uri: uri(&format!("{height}p")),
        bandwidth: rate(u64::from(height) * 3000),
        codecs: "avc1.640028".to_owned(),
        video: Some(VideoSpec {
            size: Resolution {
                width: height * 16 / 9,
                height,
            },
            frame_rate: hls::Ratio { num: 25, den: 1 },
            range: hls::write::VideoRange::Sdr,
        }),
        audio: Some(group.to_owned()),
    };
    let member =
        |(group, number, name, channels, codecs): (&str, u32, &str, u32, &str)| AudioSpec {
            group: group.to_owned(),
            name: format!("Track {number}"),
            language: Some("en".to_owned()),
            uri: uri(name),
            channels,
            default: number == 1,
            auto_select: number == 1,
            characteristics: None,
            bandwidth: rate(400_000),
            codecs: codecs.to_owned(),
        };
    let spec = MasterPlaylistSpec {
        growing: false,
        data: vec![],
        variants: [
            (1080, "audio-128k"),
            (1080, "audio-surround"),
            (360, "audio-128k"),
            (360, "audio-surround"),
        ]
        .map(variant)
        .to_vec(),
        audio: [
            ("audio-128k", 1, "audio-128k", 2, "mp4a.40.2"),
            ("audio-128k", 2, "audio-128k-2", 2, "mp4a.40.2"),
            ("audio-surround", 1, "audio-surround", 6, "ac-3"),
            ("audio-surround", 2, "audio-128k-2", 2, "mp4a.40.2"),
        ]
        .map(member)
        .to_vec(),
        iframes: vec![],
    };
    spec.render()
}

/// The playlist for a viewer, without the passes.
fn shown(limits: crate::grant::Limits) -> String {
    let grant = Grant {
        video: world::video(),
        viewer: None,
        id: None,
        expires: NOW + 600,
        not_before: None,
        limits,
    };
    let token = grant.issue(&keyring().grants).unwrap();
    let (path, query) = (
        format!("/v/{}/master.m3u8", world::video()),
        format!("grant={token}"),
    );
    let request = Request {
        method: "GET",
        path: &path,
        query: Some(&query),
        ..Request::default()
    };
    let EdgeAction::RewriteMaster(plan) = decide(&request, NOW, &keyring(), &config()) else {
        panic!("it is served")
    };
    let text = plan.rewrite(&stored(), &keyring().passes).unwrap();
    let passes: Vec<&str> = text.split("/s/").skip(1).collect();
    let pass = passes[0].split('/').next().unwrap();
    assert!(passes.iter().all(|it| it.starts_with(pass)), "one pass");
    text.replace(&format!("/s/{pass}/"), "")
}

#[test]
fn only_passes_are_added() {
    assert_eq!(shown(crate::grant::Limits::default()), stored());
}

/// Without the largest rung, both groups stay, and the pass covers all of their renditions.
#[test]
fn a_limit_of_the_height_keeps_both_groups() {
    let limits = crate::grant::Limits {
        max_height: Some(720),
        ..Default::default()
    };
    let text = shown(limits);
    let kept = stored();
    let mut lines = kept.lines().peekable();
    let mut expected = String::new();
    while let Some(line) = lines.next() {
        if line.contains("RESOLUTION=1920x1080") {
            lines.next();
            continue;
        }
        expected += &format!("{line}\n");
    }
    assert_eq!(text, expected);
    assert_eq!(text.matches("AUDIO=\"audio-surround\"").count(), 1);
}
