//! The CRF of each rung, and the rungs that are left out.

use super::curve::Curve;
use super::{Measure, PerTitleSettings, RungChoice, Score, Trial};
use crate::object_key::RenditionName;
use crate::plan::{Codec, RungPlan};
use crate::profile::Profile;

/// The measurements of one rung.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredRung {
    /// The rung, as it was planned.
    pub rung: RungPlan,
    /// The measurements at [`Profile::trial_crfs`], lowest CRF first.
    pub trials: Vec<Trial>,
    /// The score of the trial in the middle at the size of the largest rung; `None`: the rung has
    /// that size.
    pub full_size: Option<Score>,
}

/// A CRF whose score is within this many points of the best that the cap of the rung allows is as good
/// as that one. A lower CRF would only spend bits on the scenes that stay below the cap.
const SATURATED: f64 = 0.5;

/// Chooses the CRF of rungs, and which of them are left out. `measured`: largest rung first; `copied`:
/// whether a remuxed rung is above them.
///
/// The CRF is the highest one whose expected score reaches the target, within the range of the
/// profile. Of the rungs of a codec, the smallest and the largest always stay; a remuxed rung counts
/// as the largest one of H.264.
pub fn choose(
    profile: &Profile,
    measure: Measure,
    copied: bool,
    measured: &[MeasuredRung],
) -> Vec<RungChoice> {
    let mut choices: Vec<RungChoice> = measured
        .iter()
        .map(|it| rung_choice(profile, measure, it))
        .collect();
    for codec in [Codec::H264, Codec::Hevc, Codec::Av1] {
        let of_codec = |it: &usize| measured[*it].rung.rendition.codec == codec;
        let own: Vec<usize> = (0..measured.len()).filter(of_codec).collect();
        let top_is_copied = copied && codec == Codec::H264;
        leave_out(
            &profile.per_title,
            measure,
            top_is_copied,
            &own,
            &mut choices,
        );
    }
    choices
}

fn rung_choice(profile: &Profile, measure: Measure, measured: &MeasuredRung) -> RungChoice {
    let MeasuredRung {
        rung,
        trials,
        full_size,
    } = measured;
    let codec = rung.rendition.codec;
    let scores = scores(trials, measure);
    // Rates of constant quality are exponential in CRF.
    let rates = Curve::through(
        trials
            .iter()
            .map(|it| (f64::from(it.crf), f64::from(it.kbps.max(1)).ln())),
    );
    let kbps =
        |crf: u8| (rates.at(f64::from(crf)).exp().round() as u32).min(rung.video_kbps.max(1));
    let range = profile.crf_range(codec);
    let best = scores.at(f64::from(*range.start()));
    let goal = profile.per_title.target_of(rung.size).min(best - SATURATED);
    let reaches = |it: &u8| scores.at(f64::from(*it)) >= goal;
    let crf = range.clone().rev().find(reaches).unwrap_or(*range.start());
    let points = scores.at(f64::from(crf));
    let middle = trials.get(trials.len() / 2).map_or(crf, |it| it.crf);
    // The loss by the smaller size is about the same at every CRF.
    let full_size = full_size.map_or(points, |it| {
        it.points(measure) + points - scores.at(f64::from(middle))
    });
    RungChoice {
        name: rung.rendition.name.clone(),
        crf,
        score: Score::of_points(points, measure),
        full_size_score: Score::of_points(full_size.clamp(0.0, points.max(0.0)), measure),
        kbps: kbps(crf),
        profile_kbps: kbps(profile.crf(codec)),
        same_as: None,
        trials: trials.clone(),
    }
}

/// Points by CRF. A higher CRF is never better: measurements that say so are noise.
fn scores(trials: &[Trial], measure: Measure) -> Curve {
    let mut least = f64::INFINITY;
    Curve::through(trials.iter().map(|it| {
        least = least.min(it.score.points(measure));
        (f64::from(it.crf), least)
    }))
}

/// Leaves out rungs that viewers cannot tell from the next smaller one. `own`: the positions of the
/// rungs of one codec, largest first.
fn leave_out(
    settings: &PerTitleSettings,
    measure: Measure,
    top_is_copied: bool,
    own: &[usize],
    choices: &mut [RungChoice],
) {
    let Some((smallest, larger)) = own.split_last() else {
        return;
    };
    let points = |it: &RungChoice| it.full_size_score.points(measure);
    let mut kept: (RenditionName, f64) =
        (choices[*smallest].name.clone(), points(&choices[*smallest]));
    let free = if top_is_copied {
        larger
    } else {
        larger.get(1..).unwrap_or_default()
    };
    for position in free.iter().rev() {
        let choice = &mut choices[*position];
        let own = points(choice);
        if own - kept.1 < settings.least_difference {
            choice.same_as = Some(kept.0.clone());
        } else {
            kept = (choice.name.clone(), own);
        }
    }
}
