//! Command lines of per-title encoding.

use domain::object_key::RenditionName;
use domain::per_title::Measure;
use domain::plan::{Boundary, Size};

use super::*;
use crate::ffmpeg::arguments::samples::Comparison;

/// Two seconds of a source that cannot be remuxed, in two encodings of its largest rung and one of the
/// next.
fn paper() -> Paper {
    let mut probe = standard();
    probe.video_mut().codec = "mpeg4".to_owned();
    let mut paper = Paper::by(Profile::built_in("auto").unwrap(), probe);
    let boundary = |frame: u64| Boundary {
        ticks: frame * 3000,
        frame,
    };
    paper.plan.boundaries = vec![boundary(600), boundary(660)];
    let rungs = [(0, 18), (0, 34), (1, 26)].into_iter().enumerate();
    let rungs = rungs.map(|(number, (index, crf))| {
        let mut rung = paper.plan.rungs[index].clone();
        (rung.rendition.name, rung.crf) = (name(&format!("t{number}")), Some(crf));
        rung
    });
    paper.plan.rungs = rungs.collect();
    paper
}

fn name(text: &str) -> RenditionName {
    text.parse().unwrap()
}

#[test]
fn a_sample_is_decoded_once_for_all_encodings() {
    insta::assert_snapshot!(paper().arguments(|it| it.sample(2)));
}

#[test]
fn encodings_are_compared_at_their_size_and_at_the_largest() {
    let paper = paper();
    let mut comparisons: Vec<Comparison> = (0..3)
        .map(|encoding| Comparison {
            reference: paper.plan.rungs[encoding].clone(),
            encoding,
        })
        .collect();
    let mut upscaled = comparisons[2].clone();
    upscaled.reference.rendition.name = name("u2");
    upscaled.reference.size = Size {
        width: 1920,
        height: 1080,
    };
    comparisons.insert(0, upscaled);
    let urls = ["IN/0", "IN/1", "IN/2"].map(str::to_owned);
    let of = |measure| paper.arguments(|it| it.comparison(measure, &urls, &comparisons, 2));
    insta::assert_snapshot!(of(Measure::Vmaf));
    let ssim = of(Measure::Ssim);
    assert!(
        ssim.contains("]ssim@u2[") && !ssim.contains("vmaf"),
        "{ssim}"
    );
}
