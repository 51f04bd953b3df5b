//! I-frame playlists (RFC 8216, 4.3.3.6 and 4.3.4.3; Apple 6.2).

use media::segment::Packing;

use crate::report::Findings;
use crate::rules::{APPLE_6_2, APPLE_8_1, RFC_4_3_3_6, RFC_4_3_4_3, RFC_6_2_4};
use crate::tree::{Rendition, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for (rendition, variant) in tree.iframes() {
        if rendition.said().is_some_and(|it| it.iframes_only.is_none()) {
            findings.add(
                &RFC_4_3_4_3,
                rendition.document.at(None),
                "EXT-X-I-FRAME-STREAM-INF names this playlist, and it has no EXT-X-I-FRAMES-ONLY",
                "Write #EXT-X-I-FRAMES-ONLY.",
            );
        }
        let _ = variant;
    }
    let start = tree
        .variants()
        .find_map(|(it, _)| Some(it.segments.first()?.measured()?.video.as_ref()?.start));
    for rendition in tree.renditions.iter().filter(|it| it.is_iframes()) {
        entries(rendition, findings);
        density(rendition, findings);
        times(rendition, start, findings);
    }
}

fn entries(rendition: &Rendition, findings: &mut Findings) {
    for segment in &rendition.segments {
        let Some(measured) = segment.measured() else {
            continue;
        };
        let what = match &measured.video {
            None => "there is no video".to_owned(),
            Some(video) if video.frames != 1 => format!("there are {} frames", video.frames),
            Some(video) if video.intra_frames != 1 => "the frame is not intra-coded".to_owned(),
            // Fragments may have been cut out of ordinary segments; transport streams contain their
            // parameter sets.
            Some(video)
                if measured.packing == Packing::Ts
                    && !video.starts_with_idr
                    && rendition.maps.is_empty() =>
            {
                "the frame lacks parameter sets, or is not an IDR frame".to_owned()
            }
            Some(_) => continue,
        };
        let fix = "Make each entry one I-frame with the tables and parameter sets that it needs.";
        findings.add(&RFC_4_3_3_6, rendition.at_segment(segment), what, fix);
    }
}

fn density(rendition: &Rendition, findings: &mut Findings) {
    let times: Vec<f64> = rendition
        .segments
        .iter()
        .filter_map(|it| it.extinf)
        .collect();
    let total: f64 = times.iter().sum();
    let mean = total / times.len().max(1) as f64;
    if mean > 2.0 {
        findings.add(
            &APPLE_6_2,
            rendition.document.at(None),
            format!("one I-frame every {mean:.1} s"),
            "Publish one I-frame per second: previews jump otherwise.",
        );
    }
}

/// Each entry has to be presented at the time that the sum of the EXTINF before it declares, on the
/// clock of the variants.
fn times(rendition: &Rendition, start: Option<f64>, findings: &mut Findings) {
    const TOLERANCE_S: f64 = 0.1;
    let first = rendition
        .segments
        .first()
        .and_then(|it| it.measured()?.video.as_ref());
    let Some(first) = first else { return };
    if let Some(start) = start
        && (first.start - start).abs() > TOLERANCE_S
        && let Some(segment) = rendition.segments.first()
    {
        findings.add(
            &RFC_6_2_4,
            rendition.at_segment(segment),
            format!(
                "the first I-frame is at {:.3} s, the variants start at {start:.3} s",
                first.start
            ),
            "Use the clock of the variants.",
        );
        return;
    }
    let mut declared = 0.0;
    for segment in &rendition.segments {
        if segment.discontinuity {
            return;
        }
        if let Some(video) = segment.measured().and_then(|it| it.video.as_ref()) {
            let actual = video.start - first.start;
            if (actual - declared).abs() > TOLERANCE_S {
                findings.add(
                    &APPLE_8_1,
                    rendition.at_segment(segment),
                    format!("the I-frame is at {actual:.3} s, the EXTINF before it sum up to {declared:.3} s"),
                    "Write the time until the next I-frame as EXTINF.",
                );
                return;
            }
        }
        let Some(extinf) = segment.extinf else { return };
        declared += extinf;
    }
}
