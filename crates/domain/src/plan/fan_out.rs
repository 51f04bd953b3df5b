//! Which videos several transcoders encode, by an estimate of the CPU time.

use super::{Codec, EncodePlan, RungPlan};
use crate::probe::{Probe, Seeking};
use crate::profile::{Preset, Profile, VideoCodec};
use crate::segment::{Lane, TICKS_PER_SECOND};

/// CPU time of x264 with the preset `veryfast` for a pixel, and of decoding one, nanoseconds: measured
/// on a cloud processor with 2.5 GHz. An estimate decides only how many transcoders take part, so
/// that it is right within a factor of two is enough.
const ENCODE_NS: f64 = 22.0;
const DECODE_NS: f64 = 3.5;

/// The CPU time of the other encoders, of that of x264 with `veryfast`.
const HEVC: f64 = 6.0;
const AV1: f64 = 4.0;
const HARDWARE: f64 = 0.1;

impl EncodePlan {
    /// Whether several transcoders may encode the lane `encode`. The source has to be seekable: a
    /// normaliser reads it once from its beginning.
    pub fn fans_out(&self, probe: &Probe, profile: &Profile) -> bool {
        let rungs: Vec<_> = self.rungs_of(Lane::Encode).collect();
        let is_watched = !self.copy.is_remux() && self.first.is_none();
        !is_watched
            && self.encode_chunks.len() > 2
            && probe.index.seeking != Seeking::Sequential
            && profile
                .fan_out
                .includes(cpu_seconds(&rungs, probe, profile))
    }
}

/// The estimated CPU time for encoding these rungs, seconds.
pub(super) fn cpu_seconds(rungs: &[&RungPlan], probe: &Probe, profile: &Profile) -> f64 {
    let Some(video) = probe.video.as_ref().filter(|_| !rungs.is_empty()) else {
        // I-frames alone are decoded without the frames between them.
        return 0.0;
    };
    let frames = probe.index.end as f64 / TICKS_PER_SECOND as f64 * video.frame_rate.as_f64();
    let (width, height) = video.display_size();
    let pixels = |width: u32, height: u32| f64::from(width) * f64::from(height);
    let encoding = rungs.iter().map(|it| {
        pixels(it.size.width, it.size.height) * factor(it.rendition.codec, profile) * ENCODE_NS
    });
    let nanoseconds = encoding.sum::<f64>() + pixels(width, height) * DECODE_NS;
    frames * nanoseconds / 1e9
}

fn factor(codec: Codec, profile: &Profile) -> f64 {
    let (codec, software) = match codec {
        Codec::H264 => (VideoCodec::H264, preset(profile.encoder.preset)),
        Codec::Hevc => (VideoCodec::Hevc, HEVC),
        Codec::Av1 => (VideoCodec::Av1, AV1),
        Codec::Aac | Codec::Ac3 | Codec::Eac3 => return 0.0,
    };
    match profile.hardware_of(codec) {
        Some(_) => HARDWARE,
        None => software,
    }
}

/// The CPU time of x264 with a preset, of that with `veryfast`.
fn preset(preset: Preset) -> f64 {
    match preset {
        Preset::Ultrafast => 0.4,
        Preset::Superfast => 0.7,
        Preset::Veryfast => 1.0,
        Preset::Faster => 1.5,
        Preset::Fast => 1.9,
        Preset::Medium => 2.3,
        Preset::Slow => 3.5,
        Preset::Slower => 6.0,
        Preset::Veryslow => 11.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Mode;
    use crate::probe::cases::standard;

    /// A standard source of so many minutes, with keyframes every two seconds.
    fn source(minutes: u64) -> Probe {
        let mut probe = standard();
        let end = minutes * 60 * TICKS_PER_SECOND;
        (probe.index.end, probe.index.video_end) = (end, end);
        probe.index.keyframes = (0..end).step_by(2 * TICKS_PER_SECOND as usize).collect();
        probe
    }

    fn profile(text: &str) -> Profile {
        Profile::parse(text).unwrap()
    }

    #[test]
    fn long_videos_are_shared() {
        let all_encoded = profile("source_rung = { enabled = false }");
        for (minutes, profile, is_shared) in [
            (1, &Profile::default(), false),
            (5, &Profile::default(), false),
            (20, &Profile::default(), true),
            (5, &all_encoded, true),
            (20, &profile("fan_out = { min_cpu_seconds = 0 }"), false),
            (
                20,
                &profile("fan_out = { min_cpu_seconds = 100000 }"),
                false,
            ),
            (1, &profile("fan_out = { min_cpu_seconds = 1 }"), true),
            (20, &profile("encoder = { name = \"nvenc\" }"), false),
            (5, &profile("encoder = { preset = \"slow\" }"), true),
        ] {
            let probe = source(minutes);
            let plan = EncodePlan::new(&probe, profile, Mode::Abr).unwrap();
            let problem = format!("{minutes} min, {:?}", profile.fan_out);
            assert_eq!(plan.fans_out(&probe, profile), is_shared, "{problem}");
        }
    }

    /// 1080p30 with the default ladder below a remuxed rung takes about 75 CPU seconds a minute.
    #[test]
    fn the_estimate_is_that_of_a_measurement() {
        let probe = source(1);
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        let rungs: Vec<_> = plan.rungs_of(Lane::Encode).collect();
        let seconds = cpu_seconds(&rungs, &probe, &Profile::default());
        assert!((50.0..110.0).contains(&seconds), "{seconds}");
    }

    #[test]
    fn unseekable_sources_and_small_ladders_are_not_shared() {
        let always = profile("fan_out = { min_cpu_seconds = 1 }");
        let mut probe = source(20);
        probe.index.seeking = Seeking::Sequential;
        let plan = EncodePlan::new(&probe, &always, Mode::Abr).unwrap();
        assert!(!plan.fans_out(&probe, &always));
        let copied = EncodePlan::new(&source(180), &always, Mode::Copy).unwrap();
        assert!(copied.rungs.is_empty() && !copied.fans_out(&source(180), &always));
    }

    /// Chunks shrink towards the end, so that many transcoders end together; their lengths do not
    /// depend on who takes part.
    #[test]
    fn shared_chunks_shrink_towards_the_end() {
        let probe = source(20);
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        let seconds = |it: &super::super::ChunkPlan| {
            let span = plan.span(&it.segments);
            (span.end.ticks - span.start.ticks) / TICKS_PER_SECOND
        };
        let lengths: Vec<u64> = plan.encode_chunks[1..].iter().map(seconds).collect();
        let (first, last) = lengths.split_at(15);
        assert!(first.iter().all(|it| *it >= 22), "{lengths:?}");
        let (_, rest) = last.split_at(last.len() - 20);
        assert!(rest.iter().all(|it| *it <= 8), "{lengths:?}");
        let alone = EncodePlan::new(
            &probe,
            &profile("fan_out = { min_cpu_seconds = 0 }"),
            Mode::Abr,
        );
        assert!(alone.unwrap().encode_chunks.len() < plan.encode_chunks.len());
    }
}
