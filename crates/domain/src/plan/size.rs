//! Selects the rungs for a source, and their sizes.

use crate::object_key::RenditionName;
use crate::per_title::PerTitle;
use crate::plan::{Codec, Rendition, RungPlan, SegmentFormat};
use crate::probe::{HighDynamicRange, Probe};
use crate::profile::{Profile, Rung, VideoCodec};

/// Display width and height of a frame, pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Size {
    /// The smaller of the two, the number in `720p`, also for portrait video.
    pub fn short_side(self) -> u32 {
        self.width.min(self.height)
    }

    /// The same aspect ratio with another width. Both sides are even, and at least 16.
    pub fn with_width(self, width: u32) -> Self {
        self.scaled(f64::from(width) / f64::from(self.width.max(1)))
    }

    /// The same aspect ratio with another short side. Both sides are even, as 4:2:0 requires, and
    /// at least 16.
    pub fn with_short_side(self, short: u32) -> Self {
        self.scaled(f64::from(short) / f64::from(self.short_side().max(1)))
    }

    fn scaled(self, scale: f64) -> Self {
        let even = |side: u32| ((f64::from(side) * scale / 2.0).round() as u32 * 2).max(16);
        Self {
            width: even(self.width),
            height: even(self.height),
        }
    }
}

/// A source that is smaller than a rung by no more than this factor still gets the rung, at its own
/// size: 1,072 lines are `1080p`.
const NEARLY: f64 = 0.95;

/// Short side of the trick-play rendition, pixels.
const IFRAME_SHORT_SIDE: u32 = 360;

/// The rungs to encode, largest first, and H.264 first of those of one size. None if the source has
/// only audio, but never for video: a playlist without variants is invalid, and every player needs
/// one that it can play.
///
/// Rungs above the source are dropped. Beside a remuxed rung, the rung of the same size is dropped
/// unless it would save at least a third of the bits.
pub(super) fn ladder(probe: &Probe, profile: &Profile, copied: bool) -> Vec<RungPlan> {
    let Some(source) = display_size(probe) else {
        return vec![];
    };
    let format = profile.segment_format;
    let hdr = probe.video.as_ref().and_then(|it| it.hdr);
    let mut enabled: Vec<&Rung> = profile.enabled_rungs().collect();
    enabled.sort_by_key(|it| (std::cmp::Reverse(it.width.min(it.height)), it.codec));
    let mut rungs: Vec<RungPlan> = enabled
        .iter()
        .filter(|it| f64::from(source.short_side()) >= f64::from(it.width.min(it.height)) * NEARLY)
        .map(|it| {
            let short_side = source.short_side().min(it.width.min(it.height));
            planned(it, source.with_short_side(short_side), format, hdr)
        })
        .collect();
    if let (true, Some(top)) = (copied, rungs.first()) {
        let source_kbps = probe
            .index
            .video_bit_rate()
            .map_or(u64::MAX, |it| it / 1000);
        let same_size = f64::from(top.size.short_side()) >= f64::from(source.short_side()) * NEARLY;
        // `u64::MAX` if the rate is unknown: then the rung is kept, because it may save bits.
        let same_codec = top.rendition.codec == Codec::H264;
        if same_size && same_codec && u64::from(top.video_kbps) > source_kbps / 3 * 2 {
            rungs.remove(0);
        }
    }
    let has_h264 = rungs.iter().any(|it| it.rendition.codec == Codec::H264);
    if !has_h264 && !copied {
        let smallest = enabled.iter().rfind(|it| it.codec == VideoCodec::H264);
        rungs.extend(smallest.map(|it| tiny(it, source, profile)));
        rungs.sort_by_key(|it| {
            let is_newer = it.rendition.codec != Codec::H264;
            (std::cmp::Reverse(it.size.short_side()), is_newer)
        });
    }
    rungs
}

/// Applies the choices for a video to its rungs. The choices may be those of a plan with other rungs,
/// in which another strategy read the source: rungs without a choice stay as they are, and one that
/// every player can play stays in any case. `copied`: a remuxed rung is above them.
pub(super) fn apply(choices: &PerTitle, rungs: &mut Vec<RungPlan>, copied: bool) {
    let stays = |it: &RungPlan| !choices.leaves_out(&it.rendition.name);
    let has_h264 = rungs
        .iter()
        .any(|it| stays(it) && it.rendition.codec == Codec::H264);
    if has_h264 || copied {
        rungs.retain(stays);
    }
    set_crf(choices, rungs);
}

/// Sets the CRF of rungs that have a choice.
pub(super) fn set_crf(choices: &PerTitle, rungs: &mut [RungPlan]) {
    for rung in rungs {
        rung.crf = choices.of(&rung.rendition.name).map(|it| it.crf);
    }
}

/// `hdr`: the transfer function of the source, if it is HDR.
fn planned(
    rung: &Rung,
    size: Size,
    format: SegmentFormat,
    hdr: Option<HighDynamicRange>,
) -> RungPlan {
    RungPlan {
        rendition: Rendition::video(rung.name.clone(), rung.codec.into(), format),
        size,
        video_kbps: rung.video_kbps,
        crf: None,
        hdr: hdr.filter(|_| rung.keeps_hdr()),
        audio: None,
    }
}

/// The only H.264 rung of a source below all of them: its own size, at a proportional rate.
fn tiny(smallest: &Rung, source: Size, profile: &Profile) -> RungPlan {
    let size = source.with_short_side(source.short_side());
    let share = f64::from(size.width * size.height) / f64::from(smallest.width * smallest.height);
    RungPlan {
        rendition: Rendition::video(
            free_name(size.short_side(), profile),
            Codec::H264,
            profile.segment_format,
        ),
        size,
        video_kbps: ((f64::from(smallest.video_kbps) * share) as u32)
            .clamp(100, smallest.video_kbps),
        crf: None,
        hdr: None,
        audio: None,
    }
}

/// The name of a rung of this height that no rung of the profile has: `240p`, or `240p-h264` if one of
/// another codec is called so.
fn free_name(height: u32, profile: &Profile) -> RenditionName {
    let is_free = |name: &RenditionName| profile.rungs.iter().all(|it| it.name != *name);
    let plain = std::iter::once(format!("{height}p"));
    let mut names = plain.chain((0..).map(|number| match number {
        0 => format!("{height}p-h264"),
        _ => format!("{height}p-h264-{number}"),
    }));
    let name = |text: String| text.parse().expect("digits, letters and dashes");
    names
        .find_map(|it| Some(name(it)).filter(is_free))
        .expect("numbers do not end")
}

fn display_size(probe: &Probe) -> Option<Size> {
    let (width, height) = probe.video.as_ref()?.display_size();
    Some(Size { width, height })
}

/// The size of the trick-play rendition: that of the smallest rung, or smaller. `None`: the source
/// has only audio.
pub(super) fn iframes(probe: &Probe, rungs: &[RungPlan]) -> Option<Size> {
    let source = display_size(probe)?;
    let smallest = rungs
        .iter()
        .map(|it| it.size.short_side())
        .min()
        .unwrap_or(source.short_side());
    Some(source.with_short_side(smallest.min(IFRAME_SHORT_SIDE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Mode;
    use crate::plan::EncodePlan;
    use crate::probe::cases::standard;

    const RUNGS: [(&str, &str); 5] = [
        ("720p", ""),
        ("720p-hevc", "codec = \"hevc\""),
        ("720p-av1", "codec = \"av1\""),
        ("360p-hevc", "codec = \"hevc\"\nhdr = \"tone_map\""),
        ("360p", "hdr = \"tone_map\""),
    ];

    #[test]
    fn newer_codecs_keep_the_range_of_the_source() {
        let rungs = RUNGS.map(|(name, options)| {
            let height: u32 = name[..3].parse().unwrap();
            let width = height * 16 / 9;
            format!(
                "[[rung]]\nname = \"{name}\"\n{options}\nwidth = {width}\nheight = {height}\n\
                 video_kbps = 1000\naudio_kbps = 128\n"
            )
        });
        let text = format!("segment_format = \"fmp4\"\n{}", rungs.concat());
        let profile = Profile::parse(&text).unwrap();
        let mut table = String::new();
        for hdr in [
            None,
            Some(HighDynamicRange::Pq),
            Some(HighDynamicRange::Hlg),
        ] {
            let mut probe = standard();
            probe.video_mut().codec = "hevc".to_owned();
            (probe.video_mut().hdr, probe.video_mut().wide_gamut) = (hdr, true);
            let plan = EncodePlan::new(&probe, &profile, Mode::Abr).unwrap();
            let ranges = plan
                .rungs
                .iter()
                .map(|it| format!("{}={:?}", it.rendition.name, it.hdr));
            let ranges: Vec<_> = ranges.collect();
            table += &format!("{hdr:?}: {}\n", ranges.join(" "));
        }
        insta::assert_snapshot!(table, @"
        None: 720p=None 720p-hevc=None 720p-av1=None 360p=None 360p-hevc=None
        Some(Pq): 720p=None 720p-hevc=Some(Pq) 720p-av1=Some(Pq) 360p=None 360p-hevc=None
        Some(Hlg): 720p=None 720p-hevc=Some(Hlg) 720p-av1=Some(Hlg) 360p=None 360p-hevc=None
        ");
    }
}
