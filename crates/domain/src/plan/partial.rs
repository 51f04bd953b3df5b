//! Plans in which some rungs are re-encoded and the rest is reused.

use crate::object_key::RenditionName;
use crate::per_title::PerTitle;
use crate::plan::EncodePlan;

/// The reason why single rungs cannot be re-encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncompatiblePlan {
    /// One of the two plans does not encode such a rung.
    #[error("`{0}` is not encoded")]
    Rung(RenditionName),
    /// Segments would have other boundaries or another format: players could not switch.
    #[error("the segment boundaries or the format would differ")]
    Timeline,
    /// Some rungs would have another image in their frames than the others.
    #[error("the watermark would differ")]
    Watermark,
}

impl EncodePlan {
    /// This plan, with the named rungs taken from `fresh`. Each keeps its audio, and the chunks
    /// stay those of this plan, because the other rungs are reused by them.
    pub fn with_rungs_of(
        &self,
        fresh: &Self,
        names: &[RenditionName],
    ) -> Result<Self, IncompatiblePlan> {
        let fits = self.boundaries == fresh.boundaries
            && self.frame_rate == fresh.frame_rate
            && self.keyframe_interval == fresh.keyframe_interval
            && self.encrypt == fresh.encrypt;
        if !fits {
            return Err(IncompatiblePlan::Timeline);
        }
        if self.watermark != fresh.watermark {
            return Err(IncompatiblePlan::Watermark);
        }
        let mut plan = self.clone();
        // Only the master playlist says it, and that is written again.
        plan.viewer_text = fresh.viewer_text;
        for name in names {
            let old = plan.rungs.iter_mut().find(|it| it.rendition.name == *name);
            let new = fresh.rungs.iter().find(|it| it.rendition.name == *name);
            let (Some(old), Some(new)) = (old, new) else {
                return Err(IncompatiblePlan::Rung(name.clone()));
            };
            if old.rendition != new.rendition {
                return Err(IncompatiblePlan::Timeline);
            }
            (old.size, old.video_kbps, old.hdr) = (new.size, new.video_kbps, new.hdr);
            old.crf = new.crf;
        }
        let base = self.per_title.as_ref();
        plan.per_title = PerTitle::renewed(base, fresh.per_title.as_ref(), names);
        Ok(plan)
    }

    /// The part of this plan that is encoded if only these rungs are re-encoded. It includes the
    /// I-frames, which come from the same decoder, and the stills that are derived from them.
    #[must_use]
    pub fn only(&self, names: &[RenditionName]) -> Self {
        let mut plan = self.clone();
        plan.rungs.retain(|it| names.contains(&it.rendition.name));
        plan.first = plan.first.filter(|it| names.contains(it));
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Mode;
    use crate::probe::cases::standard;
    use crate::profile::Profile;
    use crate::segment::Lane;

    fn plan(profile: &str) -> EncodePlan {
        EncodePlan::new(&standard(), &Profile::parse(profile).unwrap(), Mode::Abr).unwrap()
    }

    fn name(text: &str) -> RenditionName {
        text.parse().unwrap()
    }

    const RICHER: &str = "[[rung]]\nname = \"720p\"\nwidth = 1280\nheight = 720\nvideo_kbps = 4000\naudio_kbps = 128";

    #[test]
    fn named_rungs_are_replaced_and_the_rest_stays() {
        let (base, fresh) = (plan(""), plan(RICHER));
        let merged = base.with_rungs_of(&fresh, &[name("720p")]).unwrap();
        let rates: Vec<_> = merged
            .rungs
            .iter()
            .map(|it| (it.rendition.name.as_str(), it.video_kbps))
            .collect();
        assert_eq!(rates, [("720p", 4000), ("480p", 1500), ("360p", 800)]);
        assert_eq!(
            merged.rungs[0].audio, base.rungs[0].audio,
            "its audio exists already"
        );
        assert_eq!(
            (&merged.audio, &merged.copy, &merged.iframes),
            (&base.audio, &base.copy, &base.iframes)
        );
        let work = merged.only(&[name("720p")]);
        let names: Vec<_> = work
            .renditions(Lane::Encode)
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(names, ["720p", "iframes"]);
        assert_eq!(merged.renditions(Lane::Encode).len(), 4);
    }

    /// A rung that was tone-mapped by an earlier version can become HDR.
    #[test]
    fn a_replaced_rung_has_its_own_range() {
        let base = plan("");
        let mut fresh = base.clone();
        fresh.rungs[0].hdr = Some(crate::probe::HighDynamicRange::Hlg);
        let name = fresh.rungs[0].rendition.name.clone();
        let merged = base.with_rungs_of(&fresh, &[name]).unwrap();
        assert_eq!(merged.rungs[0].hdr, fresh.rungs[0].hdr);
        assert_eq!(merged.rungs[1].hdr, None);
    }

    /// Viewers would see the image come and go as the player switches.
    #[test]
    fn rungs_with_another_watermark_do_not_fit() {
        let marked = |last: u8| {
            let head = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x40";
            let image = [&head[..], &[last]].concat();
            let text = "[watermark]\nimage = \"logo.png\"";
            let profile = Profile::parse_with_image(text, |_| Ok(image)).unwrap();
            let mut probe = standard();
            // Nothing is remuxed with or without it.
            probe.video_mut().codec = "hevc".to_owned();
            let plan = |it: &Profile| EncodePlan::new(&probe, it, Mode::Abr).unwrap();
            (plan(&profile), plan(&Profile::default()))
        };
        let ((one, none), (other, _)) = (marked(1), marked(2));
        let rungs = [name("480p")];
        for (base, fresh) in [(&none, &one), (&one, &none), (&one, &other)] {
            let merged = base.with_rungs_of(fresh, &rungs);
            assert_eq!(merged, Err(IncompatiblePlan::Watermark));
        }
        let merged = one.with_rungs_of(&one, &rungs).unwrap();
        assert_eq!(merged.only(&rungs).watermark, one.watermark);
    }

    #[test]
    fn the_name_of_the_viewer_is_that_of_the_last_profile() {
        let (base, fresh) = (plan(""), plan("[watermark]\nviewer = \"moving\""));
        let merged = base.with_rungs_of(&fresh, &[name("480p")]).unwrap();
        assert_eq!(merged.viewer_text, fresh.viewer_text);
    }

    #[test]
    fn what_does_not_fit_says_why() {
        let base = plan("");
        for (profile, rung, expected) in [
            ("", "source", IncompatiblePlan::Rung(name("source"))),
            ("", "1080p", IncompatiblePlan::Rung(name("1080p"))),
            (RICHER, "480p", IncompatiblePlan::Rung(name("480p"))),
            ("segment_seconds = 4.0", "720p", IncompatiblePlan::Timeline),
            ("encrypt = false", "720p", IncompatiblePlan::Timeline),
            ("keyframe_seconds = 1.0", "720p", IncompatiblePlan::Timeline),
        ] {
            assert_eq!(
                base.with_rungs_of(&plan(profile), &[name(rung)]),
                Err(expected),
                "{profile} {rung}"
            );
        }
    }
}
