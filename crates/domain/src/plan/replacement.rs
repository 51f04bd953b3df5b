//! Encoded rungs in place of the remuxed rung: which they are, and whether they are worth it.

use std::collections::BTreeMap;

use crate::job::Mode;
use crate::object_key::RenditionName;
use crate::plan::{CopyDecision, CopyRefusal, EncodePlan, RungPlan, size};
use crate::prices::Prices;
use crate::probe::Probe;
use crate::profile::{CopyTop, Profile};
use crate::segment::seconds;

/// How long the outputs are expected to be stored, months.
const STORED_MONTHS: f64 = 12.0;

/// CPU time to decode and encode one pixel with the default preset, seconds. It is used where the
/// first conversion encoded nothing that could be measured (docs/benchmarks.md).
const CPU_SECONDS_PER_PIXEL: f64 = 20e-9;

/// The rungs that a later job encodes in place of the remuxed rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyReplacement {
    /// The name of the remuxed rung.
    pub copied: RenditionName,
    /// The rungs of the ladder that the remuxed rung displaced, largest first; none if a rung of its
    /// size is encoded already.
    pub rungs: Vec<RungPlan>,
}

impl EncodePlan {
    /// The replacement of the remuxed rung; `None`: nothing is remuxed, only a remux was requested,
    /// or the profile keeps it.
    pub fn copy_replacement(&self, probe: &Probe, profile: &Profile) -> Option<CopyReplacement> {
        if self.mode == Mode::Copy || profile.copy_top == CopyTop::Keep {
            return None;
        }
        let copy = self.copy.rung()?;
        let is_left_out = |name: &RenditionName| {
            let choices = self.per_title.as_ref();
            choices.is_some_and(|it| it.leaves_out(name))
        };
        let has = |name: &RenditionName| {
            is_left_out(name) || self.rungs.iter().any(|it| it.rendition.name == *name)
        };
        let displaced = size::ladder(probe, profile, false).into_iter();
        let rungs = displaced
            .filter(|it| !has(&it.rendition.name))
            .map(|it| RungPlan {
                audio: copy.audio.clone(),
                ..it
            });
        Some(CopyReplacement {
            copied: copy.rendition.name.clone(),
            rungs: rungs.collect(),
        })
    }

    /// This plan after the replacement of its remuxed rung. Segment boundaries and audio stay, so
    /// all other renditions can be reused.
    #[must_use]
    pub fn with_copy_replaced(&self, probe: &Probe, profile: &Profile) -> Self {
        let until_encoded = Profile {
            copy_top: CopyTop::UntilEncoded,
            ..profile.clone()
        };
        let Some(replacement) = self.copy_replacement(probe, &until_encoded) else {
            return self.clone();
        };
        let mut plan = self.clone();
        plan.rungs = replacement.rungs;
        plan.rungs.extend(self.rungs.iter().cloned());
        plan.rungs
            .sort_by_key(|it| std::cmp::Reverse(it.size.short_side()));
        plan.copy = CopyDecision::Encode(CopyRefusal::Replaced);
        if !plan.audio.iter().any(|it| it.copied) {
            plan.copy_chunks = vec![];
        }
        plan
    }
}

/// What a replacement of the remuxed rung costs and saves, US dollars: an estimate from what the
/// first conversion used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplacementCost {
    /// One-time cost of encoding, egress and requests.
    pub once_usd: f64,
    /// The storage that is saved in a year.
    pub saved_usd: f64,
}

impl ReplacementCost {
    /// Estimates the replacement. `bytes`: the stored bytes of each rendition of `plan`; `cpu_ms`:
    /// the CPU time of the conversion.
    pub fn estimate(
        replacement: &CopyReplacement,
        plan: &EncodePlan,
        bytes: &BTreeMap<RenditionName, u64>,
        cpu_ms: u64,
        prices: &Prices,
    ) -> Self {
        let duration = seconds(plan.duration());
        let stored = |name: &RenditionName| bytes.get(name).copied().unwrap_or_default() as f64;
        let at_most = |rung: &RungPlan| f64::from(rung.video_kbps) * 125.0 * duration;
        // Constant quality needs the same share of the cap for other rungs of the same film.
        let share = plan.rungs.first().map_or(1.0, |top| {
            (stored(&top.rendition.name) / at_most(top)).clamp(0.0, 1.0)
        });
        let copied = stored(&replacement.copied);
        let encoded: f64 = replacement.rungs.iter().map(|it| at_most(it) * share).sum();
        let pixels = |rungs: &[RungPlan]| {
            let one = |it: &RungPlan| f64::from(it.size.width) * f64::from(it.size.height);
            rungs.iter().map(one).sum::<f64>()
        };
        let cpu_seconds = if plan.rungs.is_empty() {
            let frames = duration * plan.frame_rate.as_f64();
            pixels(&replacement.rungs) * frames * CPU_SECONDS_PER_PIXEL
        } else {
            cpu_ms as f64 / 1000.0 * pixels(&replacement.rungs) / pixels(&plan.rungs)
        };
        // One request for each segment: reused segments are copied inside the store.
        let renditions = plan.all_renditions().len() - 1 + replacement.rungs.len();
        let writes = f64::from(plan.segments()) * renditions as f64;
        Self {
            once_usd: cpu_seconds / 3600.0 * prices.cpu_hour_usd
                + encoded / 1e9 * prices.egress_gigabyte_usd
                + writes / 1e6 * prices.million_writes_usd,
            saved_usd: (copied - encoded) / 1e9 * prices.gigabyte_month_usd * STORED_MONTHS,
        }
    }

    /// Whether the replacement is cheaper than keeping the remuxed rung for a year.
    pub fn is_worth_it(&self) -> bool {
        self.saved_usd > self.once_usd
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::cases::standard;
    use crate::segment::Lane;

    const UNTIL_ENCODED: &str = "copy_top = \"until_encoded\"";

    fn plan(profile: &Profile) -> EncodePlan {
        EncodePlan::new(&standard(), profile, Mode::Abr).unwrap()
    }

    fn names(rungs: &[RungPlan]) -> Vec<&str> {
        rungs.iter().map(|it| it.rendition.name.as_str()).collect()
    }

    #[test]
    fn the_displaced_rung_replaces_the_copy() {
        let profile = Profile::parse(UNTIL_ENCODED).unwrap();
        let base = plan(&profile);
        assert_eq!(names(&base.rungs), ["720p", "480p", "360p"]);
        let replacement = base.copy_replacement(&standard(), &profile).unwrap();
        assert_eq!(replacement.copied.as_str(), "source");
        assert_eq!(names(&replacement.rungs), ["1080p"]);
        let after = base.with_copy_replaced(&standard(), &profile);
        assert_eq!(names(&after.rungs), ["1080p", "720p", "480p", "360p"]);
        assert_eq!(after.copy, CopyDecision::Encode(CopyRefusal::Replaced));
        assert_eq!(
            (&after.boundaries, &after.audio, &after.encode_chunks),
            (&base.boundaries, &base.audio, &base.encode_chunks)
        );
        // The source's own audio is still copied.
        let copied: Vec<_> = after
            .renditions(Lane::Copy)
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(copied, ["audio-source"]);
        assert!(!after.copy_chunks.is_empty());
        assert_eq!(after.rungs[0].audio, base.copy.rung().unwrap().audio);
    }

    #[test]
    fn it_is_applied_once() {
        let profile = Profile::parse(UNTIL_ENCODED).unwrap();
        let after = plan(&profile).with_copy_replaced(&standard(), &profile);
        assert_eq!(after.copy_replacement(&standard(), &profile), None);
        assert_eq!(after.with_copy_replaced(&standard(), &profile), after);
    }

    #[test]
    fn nothing_is_replaced_unless_the_profile_says_so() {
        let (keep, replace) = (Profile::default(), Profile::parse(UNTIL_ENCODED).unwrap());
        assert_eq!(plan(&keep).copy_replacement(&standard(), &keep), None);
        assert_eq!(
            plan(&keep),
            plan(&replace),
            "the first conversion is the same"
        );
        let remux = EncodePlan::new(&standard(), &replace, Mode::Copy).unwrap();
        assert_eq!(remux.copy_replacement(&standard(), &replace), None);
    }

    #[test]
    fn a_rung_of_that_size_that_exists_suffices() {
        let text = format!(
            "{UNTIL_ENCODED}\n[[rung]]\nname = \"1080p\"\nwidth = 1920\nheight = 1080\nvideo_kbps = 1000\naudio_kbps = 128"
        );
        let profile = Profile::parse(&text).unwrap();
        let replacement = plan(&profile).copy_replacement(&standard(), &profile);
        assert_eq!(names(&replacement.unwrap().rungs), [] as [&str; 0]);
    }

    /// An hour with a remuxed rung of `copied_kbps`, whose other rungs used `share` of their caps.
    fn cost(copied_kbps: u64, share: f64, prices: &Prices) -> ReplacementCost {
        let profile = Profile::parse(UNTIL_ENCODED).unwrap();
        let plan = plan(&profile);
        let duration = seconds(plan.duration());
        let size = |kbps: f64| (kbps * 125.0 * duration) as u64;
        let mut bytes: BTreeMap<RenditionName, u64> = plan
            .rungs
            .iter()
            .map(|it| {
                (
                    it.rendition.name.clone(),
                    size(f64::from(it.video_kbps) * share),
                )
            })
            .collect();
        let replacement = plan.copy_replacement(&standard(), &profile).unwrap();
        bytes.insert(replacement.copied.clone(), size(copied_kbps as f64));
        let cpu_ms = (duration * 1000.0) as u64;
        ReplacementCost::estimate(&replacement, &plan, &bytes, cpu_ms, prices)
    }

    #[test]
    fn the_cheaper_way_depends_on_rate_and_prices() {
        let fargate = Prices::default();
        let own_server = Prices {
            egress_gigabyte_usd: 0.0,
            million_writes_usd: 0.0,
            ..fargate
        };
        for (copied_kbps, share, prices, expected) in [
            // 1.35 GB less an hour, but 2.25 GB would leave AWS once more.
            (8_000, 1.0, &fargate, false),
            // The other rungs need half of their caps: so does the new one.
            (8_000, 0.5, &fargate, true),
            (8_000, 1.0, &own_server, true),
            // As large as the rung that would replace it.
            (5_000, 1.0, &own_server, false),
            (3_000, 1.0, &own_server, false),
        ] {
            let cost = cost(copied_kbps, share, prices);
            assert_eq!(
                cost.is_worth_it(),
                expected,
                "{copied_kbps} {share}: {cost:?}"
            );
        }
    }
}
