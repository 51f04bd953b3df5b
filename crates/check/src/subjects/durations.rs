//! Compares EXTINF with the media (Apple 8.1, 7.7).

use media::segment::Measured;

use crate::report::Findings;
use crate::rules::{APPLE_7_7, APPLE_8_1};
use crate::tree::{Rendition, Segment, Tree};

/// Rounding tolerance, seconds: times are written in decimals and measured in ticks.
const ROUNDING_S: f64 = 0.002;

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for rendition in tree.renditions.iter().filter(|it| !it.is_iframes()) {
        too_long(rendition, findings);
        // A run ends where the clock is discontinuous, or where a segment was not read.
        let mut run: Vec<(&Segment, &Measured)> = vec![];
        for segment in &rendition.segments {
            if segment.discontinuity || segment.measured().is_none() {
                sums(rendition, &run, findings);
                run.clear();
            }
            run.extend(segment.measured().map(|it| (segment, it)));
        }
        sums(rendition, &run, findings);
    }
}

fn too_long(rendition: &Rendition, findings: &mut Findings) {
    let Some(target) = rendition.target_duration() else {
        return;
    };
    for segment in &rendition.segments {
        let Some(lead) = segment.measured().and_then(Measured::lead) else {
            continue;
        };
        let seconds = lead.end - lead.start;
        if seconds > target as f64 + 0.5 + ROUNDING_S {
            findings.add(
                &APPLE_7_7,
                rendition.at_segment(segment),
                format!("the segment lasts {seconds:.3} s and the target duration is {target} s"),
                "Cut at a keyframe before that, or raise the target duration.",
            );
        }
    }
}

/// Any sum of consecutive EXTINF has to be within a frame of the media. That holds if the sums from
/// the start of the run do not vary by more than that.
fn sums(rendition: &Rendition, run: &[(&Segment, &Measured)], findings: &mut Findings) {
    let leads: Vec<_> = run
        .iter()
        .filter_map(|(segment, it)| Some((*segment, it.lead()?)))
        .collect();
    let Some((_, first)) = leads.first() else {
        return;
    };
    let frame = leads.iter().map(|(_, it)| it.frame).fold(0.0, f64::max);
    let (mut declared, mut lowest, mut highest) = (0.0f64, 0.0f64, 0.0f64);
    for (index, (segment, lead)) in leads.iter().enumerate() {
        let Some(extinf) = segment.extinf else { return };
        declared += extinf;
        let end = leads
            .get(index + 1)
            .map_or(lead.end, |(_, next)| next.start);
        let off = declared - (end - first.start);
        lowest = lowest.min(off);
        highest = highest.max(off);
        if highest - lowest > frame + ROUNDING_S {
            let own = end - lead.start;
            findings.add(
                &APPLE_8_1,
                rendition.at_segment(segment),
                format!(
                    "EXTINF is {extinf:.3} s and the media lasts {own:.3} s; the sum up to here is {off:+.3} s off, \
                     and a frame is {frame:.3} s"
                ),
                "Write the measured duration: from the first frame to the first frame of the next segment.",
            );
            // Otherwise everything after it would be reported as well.
            (lowest, highest) = (off, off);
        }
    }
}
