//! Checks the clock: continuous from segment to segment, audio and video aligned, frequent
//! keyframes.

use media::segment::{Measured, StreamInfo};

use crate::report::Findings;
use crate::rules::{APPLE_1_13, AV_END, AV_START, RFC_4_3_2_3};
use crate::tree::{Rendition, Tree};

/// Minimum gap or overlap that players cannot bridge unnoticed, seconds.
const BREAK_S: f64 = 0.1;
/// Minimum offset at the start that hls.js reports as a gap, seconds.
const START_S: f64 = 0.1;
const END_S: f64 = 0.5;
const KEYFRAME_S: f64 = 2.0;

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for rendition in tree.renditions.iter().filter(|it| !it.is_iframes()) {
        breaks(rendition, findings);
        keyframes(rendition, findings);
        for segment in &rendition.segments {
            let Some(Measured {
                video: Some(video),
                audio: Some(audio),
                ..
            }) = segment.measured()
            else {
                continue;
            };
            start(rendition, video, audio, findings);
            break;
        }
    }
    for (rendition, variant) in tree.variants() {
        let Some(video) = whole(rendition, |it| it.video.as_ref()) else {
            continue;
        };
        for (audio_rendition, _) in tree.audio_of(variant) {
            let Some(audio) = whole(audio_rendition, |it| it.audio.as_ref()) else {
                continue;
            };
            start(audio_rendition, &video.0, &audio.0, findings);
            end(audio_rendition, &video.1, &audio.1, findings);
        }
        // One variant is sufficient: 6.2.4 and 8.22 compare the others with it.
        break;
    }
}

/// The `essence` of the first and of the last segment.
fn whole(
    rendition: &Rendition,
    of: impl Fn(&Measured) -> Option<&StreamInfo>,
) -> Option<(StreamInfo, StreamInfo)> {
    let first = of(rendition.segments.first()?.measured()?)?;
    let last = of(rendition.segments.last()?.measured()?)?;
    Some((first.clone(), last.clone()))
}

fn breaks(rendition: &Rendition, findings: &mut Findings) {
    for pair in rendition.segments.windows(2) {
        let [before, after] = pair else { continue };
        if after.discontinuity {
            continue;
        }
        let leads = (
            before.measured().and_then(Measured::lead),
            after.measured().and_then(Measured::lead),
        );
        let (Some(a), Some(b)) = leads else { continue };
        let gap = b.start - a.end;
        if gap.abs() > BREAK_S.max(a.frame.max(b.frame) * 1.5) {
            let what = if gap > 0.0 { "a gap" } else { "an overlap" };
            findings.add(
                &RFC_4_3_2_3,
                rendition.at_segment(after),
                format!("time stamps go from {:.3} s to {:.3} s: {what} of {:.3} s", a.end, b.start, gap.abs()),
                "Keep one clock from segment to segment, or write #EXT-X-DISCONTINUITY before this one.",
            );
        }
    }
}

fn keyframes(rendition: &Rendition, findings: &mut Findings) {
    for segment in &rendition.segments {
        let Some(video) = segment.measured().and_then(|it| it.video.as_ref()) else {
            continue;
        };
        let starts = video.keyframes.iter().copied();
        let ends = starts.clone().skip(1).chain([video.end]);
        let longest = starts
            .zip(ends)
            .map(|(start, end)| end - start)
            .fold(0.0, f64::max);
        if longest > KEYFRAME_S + video.frame * 1.5 {
            findings.add(
                &APPLE_1_13,
                rendition.at_segment(segment),
                format!("keyframes are up to {longest:.3} s apart"),
                "Encode a keyframe every two seconds.",
            );
        }
    }
}

fn start(rendition: &Rendition, video: &StreamInfo, audio: &StreamInfo, findings: &mut Findings) {
    let off = audio.start - video.start;
    if off.abs() > START_S {
        findings.add(
            &AV_START,
            rendition.document.at(None),
            format!(
                "audio starts at {:.3} s, video at {:.3} s",
                audio.start, video.start
            ),
            "Let both start at the same time, with silence or by cutting.",
        );
    }
}

fn end(rendition: &Rendition, video: &StreamInfo, audio: &StreamInfo, findings: &mut Findings) {
    let off = audio.end - video.end;
    if off.abs() > END_S {
        findings.add(
            &AV_END,
            rendition.document.at(None),
            format!(
                "audio ends at {:.3} s, video at {:.3} s",
                audio.end, video.end
            ),
            "Pad or cut the audio to the video, unless the source has the same ends.",
        );
    }
}
