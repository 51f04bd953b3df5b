//! Checks EXT-X-MEDIA and the groups that variants refer to (RFC 8216, 4.3.4.1, 4.3.4.2).

use hls::parse::{Media, MediaType};

use crate::report::Findings;
use crate::rules::{
    APPLE_8_10, RFC_4_3_4_1, RFC_4_3_4_1_1, RFC_4_3_4_2, RFC_CHANNELS, UNUSED_GROUP,
};
use crate::tree::{Master, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(master) = &tree.master else { return };
    for media in &master.playlist.media {
        member(master, media, findings);
    }
    same_group(master, findings);
    references(master, findings);
}

fn member(master: &Master, media: &Media, findings: &mut Findings) {
    let place = || master.document.at(media.line);
    let mut must = |what: &str, fix: &str| findings.add(&RFC_4_3_4_1, place(), what, fix);
    if media.default && !media.autoselect {
        must(
            "DEFAULT=YES goes with AUTOSELECT=YES",
            "Write AUTOSELECT=YES.",
        );
    }
    match media.media_type {
        Some(MediaType::ClosedCaptions) => {
            if media.uri.is_some() {
                must(
                    "closed captions have no URI: they are inside the video",
                    "Remove the URI.",
                );
            }
            if media.instream_id.is_none() {
                must(
                    "closed captions need an INSTREAM-ID",
                    "Add INSTREAM-ID, such as CC1.",
                );
            }
        }
        Some(MediaType::Subtitles) if media.uri.is_none() => {
            must("subtitles need a URI", "Name their playlist.");
        }
        Some(MediaType::Audio | MediaType::Video | MediaType::Subtitles)
            if media.instream_id.is_some() =>
        {
            must("only closed captions have an INSTREAM-ID", "Remove it.");
        }
        _ => {}
    }
    if media.forced && media.media_type != Some(MediaType::Subtitles) {
        must("only subtitles can be FORCED", "Remove FORCED.");
    }
    let spoken = matches!(
        media.media_type,
        Some(MediaType::Audio | MediaType::Subtitles)
    );
    if spoken && media.language.is_none() {
        findings.add(
            &APPLE_8_10,
            place(),
            "EXT-X-MEDIA has no LANGUAGE",
            "Add LANGUAGE, such as en, or und when unknown.",
        );
    }
    if media.media_type == Some(MediaType::Audio) && media.channels.is_none() {
        findings.add(
            &RFC_CHANNELS,
            place(),
            "the audio rendition has no CHANNELS",
            "Add CHANNELS=\"2\" for stereo.",
        );
    }
}

fn same_group(master: &Master, findings: &mut Findings) {
    let media = &master.playlist.media;
    for (index, member) in media.iter().enumerate() {
        let earlier = || {
            media[..index]
                .iter()
                .filter(|it| (it.media_type, &it.group) == (member.media_type, &member.group))
        };
        if let Some(twin) = earlier().find(|it| it.name.is_some() && it.name == member.name) {
            findings.add(
                &RFC_4_3_4_1_1,
                master.document.at(member.line),
                format!("NAME is the same as in line {}", twin.line),
                "Give each rendition of a group a unique name.",
            );
        }
        if let Some(twin) = earlier().find(|it| it.default && member.default) {
            findings.add(
                &RFC_4_3_4_1_1,
                master.document.at(member.line),
                format!("the group has its default in line {} already", twin.line),
                "Keep one DEFAULT=YES per group.",
            );
        }
    }
}

fn references(master: &Master, findings: &mut Findings) {
    let media = &master.playlist.media;
    let mut used = vec![];
    for variant in &master.playlist.variants {
        let captions = variant
            .closed_captions
            .as_deref()
            .filter(|it| *it != "NONE");
        for (kind, name, group) in [
            (MediaType::Audio, "AUDIO", variant.audio.as_deref()),
            (MediaType::Video, "VIDEO", variant.video.as_deref()),
            (
                MediaType::Subtitles,
                "SUBTITLES",
                variant.subtitles.as_deref(),
            ),
            (MediaType::ClosedCaptions, "CLOSED-CAPTIONS", captions),
        ] {
            let Some(group) = group else { continue };
            used.push((kind, group));
            if !media
                .iter()
                .any(|it| it.media_type == Some(kind) && it.group.as_deref() == Some(group))
            {
                findings.add(
                    &RFC_4_3_4_2,
                    master.document.at(variant.line),
                    format!("{name}=\"{group}\" refers to a group without EXT-X-MEDIA"),
                    "Correct the name, or add the group.",
                );
            }
        }
    }
    for member in media {
        let (Some(kind), Some(group)) = (member.media_type, member.group.as_deref()) else {
            continue;
        };
        if !used.contains(&(kind, group)) {
            findings.add(
                &UNUSED_GROUP,
                master.document.at(member.line),
                format!("no variant uses the group `{group}`"),
                "Name it in EXT-X-STREAM-INF, or remove it.",
            );
        }
    }
}
