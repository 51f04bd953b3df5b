//! The choices: tables of measurements, and properties of any measurements.

use proptest::prelude::*;

mod plans;

use super::curve::Curve;
use super::*;
use crate::job::Mode;
use crate::plan::{Codec, EncodePlan, RungPlan};
use crate::probe::cases::standard;
use crate::probe::{Probe, Ratio};
use crate::profile::Profile;
use crate::segment::{TICKS_PER_SECOND, seconds};

fn auto() -> Profile {
    Profile::built_in("auto").unwrap()
}

/// A source that cannot be remuxed.
fn foreign() -> Probe {
    let mut probe = standard();
    probe.video_mut().codec = "mpeg4".to_owned();
    probe
}

fn rungs(profile: &Profile) -> Vec<RungPlan> {
    EncodePlan::new(&foreign(), profile, Mode::Abr)
        .unwrap()
        .rungs
}

/// The measurements of a rung: scores and rates at the lowest, the middle and the highest CRF.
fn measured(
    profile: &Profile,
    rung: RungPlan,
    scores: [f64; TRIALS],
    kbps: [u32; TRIALS],
    full_size: Option<f64>,
) -> MeasuredRung {
    let crfs = profile.trial_crfs(rung.rendition.codec);
    let trials = crfs.into_iter().zip(scores).zip(kbps);
    let trials = trials.map(|((crf, score), kbps)| Trial {
        crf,
        score: score.into(),
        kbps,
    });
    MeasuredRung {
        rung,
        trials: trials.collect(),
        full_size: full_size.map(Score::from),
    }
}

fn choose_vmaf(profile: &Profile, copied: bool, rungs: &[MeasuredRung]) -> String {
    let choices = choose(profile, Measure::Vmaf, copied, rungs);
    let line = |it: &RungChoice| {
        let left_out = it.same_as.as_ref().map(|it| format!(" left out: {it}"));
        format!(
            "{} crf {} score {:.1} full size {:.1} {} kbit/s, by profile {}{}\n",
            it.name,
            it.crf,
            it.score.as_f64(),
            it.full_size_score.as_f64(),
            it.kbps,
            it.profile_kbps,
            left_out.unwrap_or_default()
        )
    };
    choices.iter().map(line).collect()
}

#[test]
fn kinds_of_video_get_other_choices() {
    let profile = auto();
    let ladder = rungs(&profile);
    let names: Vec<_> = ladder.iter().map(|it| it.rendition.name.as_str()).collect();
    assert_eq!(names, ["1080p", "720p", "480p", "360p"]);
    let of = |index: usize, scores, kbps, full| {
        measured(&profile, ladder[index].clone(), scores, kbps, full)
    };
    // Flat colours: every rung looks like the source at any CRF.
    let flat = [
        of(0, [99.5, 98.5, 96.0], [900, 500, 280], None),
        of(1, [99.5, 98.5, 95.5], [500, 280, 160], Some(97.5)),
        of(2, [99.0, 98.0, 95.0], [300, 170, 100], Some(96.0)),
        of(3, [99.0, 98.0, 94.5], [200, 110, 70], Some(91.0)),
    ];
    // A film: scores fall with the CRF, and with the size.
    let film = [
        of(0, [97.5, 93.0, 84.0], [5000, 2600, 1100], None),
        of(1, [97.0, 92.5, 83.0], [3000, 1500, 700], Some(86.0)),
        of(2, [96.5, 92.0, 82.0], [1500, 800, 400], Some(71.0)),
        of(3, [96.0, 91.0, 81.0], [800, 450, 240], Some(55.0)),
    ];
    // Noise: the cap decides up to the middle.
    let noise = [
        of(0, [71.0, 71.2, 60.0], [5000, 5000, 4200], None),
        of(1, [70.0, 70.0, 61.0], [3000, 3000, 2600], Some(60.0)),
        of(2, [69.0, 68.9, 60.0], [1500, 1500, 1300], Some(50.0)),
        of(3, [68.0, 68.0, 60.0], [800, 800, 700], Some(40.0)),
    ];
    let table = format!(
        "flat:\n{}flat, remuxed:\n{}film:\n{}noise:\n{}",
        choose_vmaf(&profile, false, &flat),
        choose_vmaf(&profile, true, &flat[1..]),
        choose_vmaf(&profile, false, &film),
        choose_vmaf(&profile, false, &noise)
    );
    insta::assert_snapshot!(table, @"
    flat:
    1080p crf 34 score 96.0 full size 96.0 280 kbit/s, by profile 699
    720p crf 34 score 95.5 full size 94.5 160 kbit/s, by profile 390 left out: 480p
    480p crf 34 score 95.0 full size 93.0 100 kbit/s, by profile 235
    360p crf 34 score 94.5 full size 87.5 70 kbit/s, by profile 153
    flat, remuxed:
    720p crf 34 score 95.5 full size 94.5 160 kbit/s, by profile 390 left out: 480p
    480p crf 34 score 95.0 full size 93.0 100 kbit/s, by profile 235
    360p crf 34 score 94.5 full size 87.5 70 kbit/s, by profile 153
    film:
    1080p crf 27 score 93.0 full size 93.0 2600 kbit/s, by profile 3813
    720p crf 29 score 90.3 full size 83.8 1213 kbit/s, by profile 2237
    480p crf 31 score 86.7 full size 65.7 540 kbit/s, by profile 1149
    360p crf 31 score 85.6 full size 49.6 315 kbit/s, by profile 627
    noise:
    1080p crf 28 score 70.6 full size 70.6 4967 kbit/s, by profile 5000
    720p crf 28 score 69.7 full size 59.7 2984 kbit/s, by profile 3000
    480p crf 28 score 68.5 full size 49.6 1492 kbit/s, by profile 1500
    360p crf 28 score 67.7 full size 39.7 796 kbit/s, by profile 800
    ");
}

#[test]
fn rungs_are_compared_within_their_codec() {
    let text = "segment_format = \"fmp4\"\n[per_title]\nenabled = true\n";
    let rung = |name: &str, codec: &str, height: u32| {
        format!(
            "[[rung]]\nname = \"{name}\"\ncodec = \"{codec}\"\nwidth = {}\nheight = {height}\n\
             video_kbps = 3000\naudio_kbps = 128\n",
            height * 16 / 9
        )
    };
    let all = [
        ("1080p-hevc", "hevc", 1080),
        ("720p-hevc", "hevc", 720),
        ("360p-hevc", "hevc", 360),
        ("720p", "h264", 720),
        ("360p", "h264", 360),
        ("720p-av1", "av1", 720),
    ];
    let profile = Profile::parse(
        &all.iter()
            .fold(text.to_owned(), |text, it| text + &rung(it.0, it.1, it.2)),
    )
    .unwrap();
    let rungs: Vec<_> = rungs(&profile)
        .into_iter()
        .map(|it| {
            measured(
                &profile,
                it,
                [97.0, 95.0, 90.0],
                [900, 500, 300],
                Some(80.0),
            )
        })
        .collect();
    // All are alike: the largest and the smallest of each codec stay.
    insta::assert_snapshot!(choose_vmaf(&profile, false, &rungs), @"
    1080p-hevc crf 33 score 93.2 full size 78.2 400 kbit/s, by profile 697
    720p crf 34 score 90.0 full size 75.0 300 kbit/s, by profile 697
    720p-hevc crf 37 score 90.0 full size 75.0 300 kbit/s, by profile 697 left out: 360p-hevc
    720p-av1 crf 46 score 90.0 full size 75.0 300 kbit/s, by profile 697
    360p crf 34 score 90.0 full size 75.0 300 kbit/s, by profile 697
    360p-hevc crf 37 score 90.0 full size 75.0 300 kbit/s, by profile 697
    ");
    assert_eq!(
        [Codec::H264, Codec::Hevc, Codec::Av1].map(|it| profile.trial_crfs(it)),
        [[20, 27, 34], [23, 30, 37], [32, 39, 46]]
    );
}

#[test]
fn samples_are_spread_over_the_video() {
    let rate = Ratio { num: 30, den: 1 };
    let starts = |length: u64, gop_bytes: &dyn Fn(u64) -> u64| -> Vec<f64> {
        let mut index = standard().index;
        index.keyframes = (0..length / 2)
            .map(|it| it * 2 * TICKS_PER_SECOND)
            .collect();
        index.gop_bytes = (0..length / 2).map(gop_bytes).collect();
        (index.video_end, index.end) = (length * TICKS_PER_SECOND, length * TICKS_PER_SECOND);
        let samples = samples(&index, rate);
        assert!(samples.iter().all(|it| {
            let is_inside = it.end.ticks <= index.video_end;
            is_inside && it.end.frame - it.start.frame == 60
        }));
        samples.iter().map(|it| seconds(it.start.ticks)).collect()
    };
    let equal = |_| 100;
    for (length, expected) in [
        (2, vec![]),
        (4, vec![1.0]),
        (10, vec![4.0]),
        (39, vec![18.0]),
        (40, vec![10.0, 28.0]),
        (60, vec![12.0, 30.0, 46.0]),
        (7200, vec![1170.0, 2790.0, 4410.0, 6028.0]),
    ] {
        assert_eq!(starts(length, &equal), expected, "{length}");
    }
    // The black half of each part is passed over.
    let black = |group: u64| if group % 10 < 4 { 1 } else { 100 + group };
    let found = starts(200, &black);
    assert!(
        found.iter().all(|it| (it / 2.0) as u64 % 10 >= 4),
        "{found:?}"
    );

    // Without an index of its frames.
    let mut index = standard().index;
    (index.keyframes, index.gop_bytes) = (vec![], vec![]);
    let samples = samples(&index, rate);
    assert_eq!(samples.len(), 3);
    assert!(
        samples
            .windows(2)
            .all(|it| it[0].end.ticks < it[1].start.ticks)
    );
}

#[test]
fn impossible_settings_are_refused() {
    for (settings, problem) in [
        (
            "enabled = true\n[encoder]\nrate_control = \"cbr\"",
            "`encoder.rate_control` must be \"capped-crf\" with per_title.enabled, which chooses the CRF",
        ),
        (
            "target_vmaf = 59",
            "`per_title.target_vmaf` must be 60 to 99",
        ),
        (
            "least_difference = -1",
            "`per_title.least_difference` must be 0 to 20",
        ),
        ("max_crf = 52", "`per_title.max_crf` must be 0 to 51"),
        (
            "min_crf = 30\nmax_crf = 33",
            "`per_title.max_crf` must be at least 4 above per_title.min_crf",
        ),
    ] {
        let profile = Profile::parse(&format!("[per_title]\n{settings}"));
        assert_eq!(profile.unwrap_err().to_string(), problem);
    }
}

#[test]
fn the_time_limit_grows_with_the_video() {
    let limit = |minutes: u64| time_limit(minutes * 60 * TICKS_PER_SECOND).as_secs();
    assert_eq!([0, 10, 90, 720].map(limit), [120, 150, 390, 600]);
}

#[test]
fn ssim_has_points_like_vmaf() {
    let points: Vec<_> = [0.0, 0.5, 0.95, 0.98, 0.99, 0.999, 1.0]
        .map(|it| Score::from(it).points(Measure::Ssim).round())
        .into();
    assert!(
        points.is_sorted() && points[0] == 0.0 && points[6] == 100.0,
        "{points:?}"
    );
    for points in [45.0, 80.0, 93.0, 99.0] {
        let score = Score::of_points(points, Measure::Ssim);
        assert!(
            (score.points(Measure::Ssim) - points).abs() < 0.3,
            "{score:?}"
        );
    }
    assert_eq!(Score::from(f64::NAN), Score::from(-1.0));
    assert_eq!(f64::from(Score::from(93.415_92)), 93.4159);
}

proptest! {
    /// The curve goes through its points, and stays between neighbours.
    #[test]
    fn a_curve_does_not_overshoot(
        steps in prop::collection::vec((0.1f64..10.0, -20f64..20.0), 1..8),
        at in -5f64..90.0,
    ) {
        let mut x = 0.0;
        let points: Vec<_> = steps.iter().map(|it| { x += it.0; (x, it.1) }).collect();
        let curve = Curve::through(points.iter().copied());
        for (x, y) in &points {
            prop_assert!((curve.at(*x) - y).abs() < 1e-9);
        }
        let after = points.partition_point(|it| it.0 <= at);
        let near = &points[after.saturating_sub(1)..(after + 1).min(points.len())];
        let low = near.iter().map(|it| it.1).fold(f64::INFINITY, f64::min);
        let high = near.iter().map(|it| it.1).fold(f64::NEG_INFINITY, f64::max);
        let value = curve.at(at);
        prop_assert!((low - 1e-9..=high + 1e-9).contains(&value), "{value} {near:?}");
    }

    /// Whatever is measured: the CRF is in its range, the rate below the cap, a higher target has no
    /// higher CRF, and the largest and the smallest rung stay.
    #[test]
    fn any_measurements_have_a_sensible_choice(
        scores in prop::collection::vec(prop::array::uniform4(0f64..101.0), 4),
        kbps in prop::collection::vec(prop::array::uniform3(0u32..20_000), 4),
        copied: bool,
        ssim: bool,
        target in 60f64..98.0,
    ) {
        let (measure, unit) = match ssim {
            true => (Measure::Ssim, 0.01),
            false => (Measure::Vmaf, 1.0),
        };
        let mut profile = auto();
        let ladder = rungs(&profile);
        let largest = ladder[0].size;
        let rungs: Vec<_> = ladder.into_iter().zip(scores).zip(kbps).map(|((rung, it), kbps)| {
            let full = (rung.size != largest || copied).then_some(it[3] * unit);
            measured(&profile, rung, [it[0], it[1], it[2]].map(|it| it * unit), kbps, full)
        }).collect();
        profile.per_title.target_vmaf = target;
        let low = choose(&profile, measure, copied, &rungs);
        profile.per_title.target_vmaf = target + 1.0;
        let high = choose(&profile, measure, copied, &rungs);
        prop_assert_eq!(low.len(), rungs.len());
        for ((low, high), rung) in low.iter().zip(&high).zip(&rungs) {
            prop_assert!((20..=34).contains(&low.crf) && high.crf <= low.crf);
            prop_assert!(low.kbps <= rung.rung.video_kbps && low.profile_kbps <= rung.rung.video_kbps);
            prop_assert!(low.full_size_score.points(measure) <= low.score.points(measure) + 0.01);
        }
        prop_assert!(low[3].same_as.is_none());
        prop_assert!(copied || low[0].same_as.is_none());
        for (index, choice) in low.iter().enumerate() {
            if let Some(smaller) = &choice.same_as {
                let kept = low[index + 1..].iter().find(|it| it.same_as.is_none()).unwrap();
                prop_assert_eq!(&kept.name, smaller);
            }
        }
    }
}
