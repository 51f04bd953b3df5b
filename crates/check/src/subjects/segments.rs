//! Checks each segment: available, complete, decryptable, in a format of HLS, starting with a
//! keyframe.

use media::segment::{Measured, Packing};

use crate::fetch::FetchError;
use crate::report::Findings;
use crate::rules::{
    APPLE_7_4, APPLE_8_20, ISO_2_4_3, RFC_3, RFC_3_2, RFC_3_3, RFC_4_3_2_2, RFC_4_3_2_4,
    RFC_4_3_5_1, RFC_6_2_1, Rule, UNCHECKED,
};
use crate::tree::{Failure, Rendition, Segment, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for rendition in &tree.renditions {
        for segment in &rendition.segments {
            match &segment.outcome {
                None => {}
                Some(Err(failure)) => {
                    if let Some((rule, what, fix)) = describe(failure, segment) {
                        findings.add(rule, rendition.at_segment(segment), what, fix);
                    }
                }
                Some(Ok(received)) => judge(tree, rendition, segment, &received.media, findings),
            }
        }
    }
}

fn judge(
    tree: &Tree,
    rendition: &Rendition,
    segment: &Segment,
    measured: &Measured,
    findings: &mut Findings,
) {
    let place = || rendition.at_segment(segment);
    if let Some(damage) = damage(measured) {
        let rule = if measured.packing == Packing::Fmp4 {
            &RFC_3_3
        } else {
            &ISO_2_4_3
        };
        findings.add(
            rule,
            place(),
            format!("the segment has {damage}"),
            "Create and store it again.",
        );
    }
    let has_map = !rendition.maps.is_empty();
    if !measured.starts_with_tables && !has_map {
        let what = "media comes before the PAT and the PMT";
        findings.add(
            &RFC_3_2,
            place(),
            what,
            "Begin every segment with a PAT and a PMT.",
        );
    }
    let media = matches!(measured.packing, Packing::Ts | Packing::Fmp4);
    if media && measured.lead().is_none() {
        findings.add(
            &RFC_3,
            place(),
            "the segment holds neither video nor audio",
            "Create it again.",
        );
    }
    if let Some(video) = &measured.video
        && !video.starts_with_idr
        && !rendition.is_iframes()
    {
        let what = "the segment does not start with a keyframe (IDR) and its parameter sets";
        let fix = "Force a keyframe at every segment boundary.";
        findings.add(&APPLE_7_4, place(), what, fix);
        let in_master = tree
            .master
            .as_ref()
            .is_some_and(|it| it.playlist.independent_segments.is_some());
        if in_master
            || rendition
                .said()
                .is_some_and(|it| it.independent_segments.is_some())
        {
            let what =
                "EXT-X-INDEPENDENT-SEGMENTS is declared, and this segment needs the one before";
            findings.add(&RFC_4_3_5_1, place(), what, fix);
        }
    }
}

/// The damage of the container, and of the audio in it.
fn damage(measured: &Measured) -> Option<String> {
    let audio = (measured.lost_audio_bytes > 0).then(|| {
        format!(
            "{} bytes of audio outside any frame",
            measured.lost_audio_bytes
        )
    });
    let all: Vec<_> = measured.damage.clone().into_iter().chain(audio).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// The rule, the problem, and the fix. `None` if the cause is reported elsewhere.
fn describe(failure: &Failure, segment: &Segment) -> Option<(&'static Rule, String, &'static str)> {
    let publish = "Publish everything that a playlist names before the playlist.";
    let again = "Create and store it again.";
    let decrypt =
        "Encrypt it with the key and the IV of its EXT-X-KEY: AES-128-CBC, PKCS7 padding.";
    Some(match failure {
        Failure::NoKey => return None,
        // One invalid initialisation section is one finding.
        Failure::NoInit => return None,
        Failure::Fetch(error @ FetchError::Range { .. }) => (
            &RFC_4_3_2_2,
            error.to_string(),
            "Correct EXT-X-BYTERANGE, or store the whole file.",
        ),
        Failure::Fetch(error @ FetchError::TooLarge(_)) => (
            &UNCHECKED,
            format!("the segment was not checked: {error}"),
            "Cut shorter segments.",
        ),
        Failure::Fetch(error) => (
            &RFC_6_2_1,
            format!("the segment cannot be read: {error}"),
            publish,
        ),
        Failure::Empty => (&RFC_3, "the segment is empty".to_owned(), again),
        Failure::CannotDecrypt(method) => {
            let what = format!("segments encrypted by {method} were not checked");
            (
                &UNCHECKED,
                what,
                "Check the clear segments before encrypting them in this way.",
            )
        }
        Failure::NotWholeBlocks(bytes) => {
            let what = format!(
                "its length of {bytes} bytes is not a multiple of 16, so it is truncated or not encrypted"
            );
            (&RFC_4_3_2_4, what, decrypt)
        }
        Failure::Padding => (
            &RFC_4_3_2_4,
            "its padding is invalid: truncated, or another key".to_owned(),
            decrypt,
        ),
        Failure::Garbled => (
            &RFC_4_3_2_4,
            "it does not decrypt to media: another key, or another IV".to_owned(),
            decrypt,
        ),
        Failure::UnknownFormat if segment.encrypted => {
            (&RFC_4_3_2_4, "it is not media".to_owned(), decrypt)
        }
        Failure::UnknownFormat => {
            let what =
                "it is in no format that HLS knows, or encrypted without an EXT-X-KEY".to_owned();
            (
                &RFC_3,
                what,
                "Use MPEG-2 TS, fragmented MPEG-4, packed audio or WebVTT.",
            )
        }
        Failure::NoMap => {
            let what = "fragmented MPEG-4 needs an EXT-X-MAP".to_owned();
            (
                &APPLE_8_20,
                what,
                "Name the initialisation section in EXT-X-MAP.",
            )
        }
        Failure::Damaged(why) => (&RFC_3, why.clone(), again),
    })
}
