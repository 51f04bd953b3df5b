//! Checks the structure of media playlists: target duration, type, end, order of tags, repetitions.

use std::collections::HashMap;

use hls::MediaPlaylist;
use hls::parse::PlaylistType;

use crate::report::Findings;
use crate::rules::{
    APPLE_7_5, APPLE_8_2, APPLE_8_6, DUPLICATE_SEGMENT, RFC_2, RFC_4_3_2_1, RFC_4_3_3_1,
    RFC_4_3_3_2, RFC_4_3_3_3, RFC_4_3_3_5, RFC_4_3_5_2, RFC_6_2_4,
};
use crate::tree::{Rendition, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for rendition in &tree.renditions {
        let Some(said) = rendition.said() else {
            continue;
        };
        target_duration(rendition, said, findings);
        ends(rendition, said, findings);
        order(rendition, said, findings);
        repetitions(rendition, findings);
    }
    same_target_durations(tree, findings);
}

fn target_duration(rendition: &Rendition, said: &MediaPlaylist, findings: &mut Findings) {
    let Some(target) = said.target_duration.as_ref() else {
        return;
    };
    for segment in &rendition.segments {
        let Some(extinf) = segment.extinf else {
            continue;
        };
        if extinf.round() as u64 > target.value {
            findings.add(
                &RFC_4_3_3_1,
                rendition.at_segment(segment),
                format!(
                    "EXTINF is {extinf} s and the target duration {} s",
                    target.value
                ),
                format!(
                    "Write #EXT-X-TARGETDURATION:{} or cut shorter segments.",
                    extinf.round()
                ),
            );
        }
        if extinf <= 0.0 {
            findings.add(
                &RFC_4_3_2_1,
                rendition.at_segment(segment),
                "EXTINF is zero",
                "Write the duration of the segment.",
            );
        }
    }
    let video = !rendition.is_iframes() && rendition.has_video();
    if video && target.value != 6 {
        findings.add(
            &APPLE_7_5,
            rendition.document.at(target.line),
            format!("the target duration is {} s", target.value),
            "Cut segments of six seconds, unless start-up time or size require another duration.",
        );
    }
}

fn ends(rendition: &Rendition, said: &MediaPlaylist, findings: &mut Findings) {
    let kind = said.playlist_type.as_ref();
    let ended = said.end_list;
    match (kind.map(|it| it.value), ended) {
        (None, Some(line)) => findings.add(
            &APPLE_8_6,
            rendition.document.at(line),
            "the playlist is complete and does not declare that it is on demand",
            "Write #EXT-X-PLAYLIST-TYPE:VOD.",
        ),
        (Some(PlaylistType::Vod), None) => findings.add(
            &RFC_4_3_3_5,
            rendition.document.at(kind.map(|it| it.line)),
            "a VOD playlist has no EXT-X-ENDLIST, so players load it again and again",
            "Write #EXT-X-ENDLIST at its end, or #EXT-X-PLAYLIST-TYPE:EVENT while it grows.",
        ),
        _ => {}
    }
    if ended.is_some() && said.segments.is_empty() {
        findings.add(
            &RFC_2,
            rendition.document.at(ended),
            "the playlist ended without any segment",
            "Remove it.",
        );
    }
    let Some(start) = &said.start else { return };
    if start.value.time_offset.abs() > said.duration() && !said.segments.is_empty() {
        findings.add(
            &RFC_4_3_5_2,
            rendition.document.at(start.line),
            format!(
                "EXT-X-START is {} s, the playlist lasts {:.3} s",
                start.value.time_offset,
                said.duration()
            ),
            "Write an offset inside the playlist.",
        );
    }
}

fn order(rendition: &Rendition, said: &MediaPlaylist, findings: &mut Findings) {
    let Some(first) = said.segments.first() else {
        return;
    };
    if let Some(sequence) = said
        .media_sequence
        .as_ref()
        .filter(|it| it.line > first.line)
    {
        findings.add(
            &RFC_4_3_3_2,
            rendition.document.at(sequence.line),
            format!(
                "EXT-X-MEDIA-SEQUENCE comes after the first segment (line {})",
                first.line
            ),
            "Write it before the first segment.",
        );
    }
    let first_break = said.segments.iter().find_map(|it| it.discontinuity);
    let limit = first_break.map_or(first.line, |it| it.min(first.line));
    if let Some(sequence) = said
        .discontinuity_sequence
        .as_ref()
        .filter(|it| it.line > limit)
    {
        findings.add(
            &RFC_4_3_3_3,
            rendition.document.at(sequence.line),
            format!("EXT-X-DISCONTINUITY-SEQUENCE comes after line {limit}"),
            "Write it before the first segment and the first EXT-X-DISCONTINUITY.",
        );
    }
}

fn repetitions(rendition: &Rendition, findings: &mut Findings) {
    let mut seen = HashMap::new();
    for segment in &rendition.segments {
        if let Some(line) = seen.insert((&segment.uri, segment.byte_range), segment.line) {
            findings.add(
                &DUPLICATE_SEGMENT,
                rendition.at_segment(segment),
                format!("the same segment is in line {line}"),
                "List each segment once.",
            );
        }
    }
}

/// RFC 8216, 6.2.4: all except subtitles and I-frame playlists; Apple 8.2 requires the same of
/// audio and video.
fn same_target_durations(tree: &Tree, findings: &mut Findings) {
    let Some((first, target)) = tree
        .variants()
        .find_map(|(it, _)| Some((it, it.target_duration()?)))
    else {
        return;
    };
    let audio = tree
        .media()
        .filter(|(_, media)| media.media_type == Some(hls::parse::MediaType::Audio));
    let variants = tree.variants().map(|(it, _)| (it, &RFC_6_2_4));
    for (rendition, rule) in variants.chain(audio.map(|(it, _)| (it, &APPLE_8_2))) {
        if let Some(other) = rendition.target_duration().filter(|it| *it != target) {
            let line = rendition
                .said()
                .and_then(|it| it.target_duration.as_ref())
                .map(|it| it.line);
            findings.add(
                rule,
                rendition.document.at(line),
                format!(
                    "the target duration is {other} s, that of `{}` is {target} s",
                    first.document.place
                ),
                "Give all of them the longest one.",
            );
        }
    }
}
