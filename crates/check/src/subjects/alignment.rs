//! Compares variants: one timeline (RFC 8216, 6.2.4), the same boundaries (Apple 8.22).

use crate::report::Findings;
use crate::rules::{APPLE_8_22, RFC_6_2_4};
use crate::tree::{Rendition, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let mut variants = tree
        .variants()
        .map(|(it, _)| it)
        .filter(|it| it.has_video() && it.has_ended());
    let Some(first) = variants.next() else { return };
    for other in variants {
        if !std::ptr::eq(first, other) {
            compare(first, other, findings);
        }
    }
}

fn compare(first: &Rendition, other: &Rendition, findings: &mut Findings) {
    let name = &first.document.place;
    if first.segments.len() != other.segments.len() {
        findings.add(
            &APPLE_8_22,
            other.document.at(None),
            format!(
                "{} segments, and {} in `{name}`",
                other.segments.len(),
                first.segments.len()
            ),
            "Cut all variants at the same times.",
        );
        return;
    }
    for (index, (a, b)) in first.segments.iter().zip(&other.segments).enumerate() {
        let video = |it: &crate::tree::Segment| it.measured().and_then(|it| it.video.clone());
        let (Some(theirs), Some(ours)) = (video(a), video(b)) else {
            continue;
        };
        let tolerance = theirs.frame.max(ours.frame) / 2.0 + 0.001;
        let off = ours.start - theirs.start;
        if off.abs() <= tolerance {
            continue;
        }
        let what = format!(
            "the segment starts at {:.3} s, and at {:.3} s in `{name}`",
            ours.start, theirs.start
        );
        if index == 0 {
            let fix =
                "Start the clock of all variants at the same time: players switch between them.";
            findings.add(&RFC_6_2_4, other.at_segment(b), what, fix);
            return;
        }
        findings.add(
            &APPLE_8_22,
            other.at_segment(b),
            what,
            "Cut all variants at the same times.",
        );
    }
}
