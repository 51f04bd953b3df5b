//! How much memory encoding needs, and how many encoders fit into that of this machine or container.
//!
//! The estimates are from measurements ([docs/operations.md](../../../docs/operations.md)): the data
//! segment of the FFmpeg that decodes a source and encodes all rungs below it, each with one thread.

use domain::plan::{Codec, EncodePlan};
use domain::probe::Probe;
use domain::profile::Profile;

/// FFmpeg without frames, and the margin, bytes.
const PROGRAM: u64 = 128 << 20;
/// For each pixel of a rung: the frames of its scaler and its encoder, bytes.
const RUNG_PIXEL: u64 = 108;
/// For each pixel of the source that the largest rung does not have: the frames of its decoder,
/// bytes.
const SOURCE_PIXEL: u64 = 16;

/// What the driver of an encoder in hardware keeps in a process, bytes. An estimate: the encoder's own
/// frames are in the memory of the GPU, or in place of those of x264.
const DRIVER: u64 = 256 << 20;

/// What this program needs for itself, bytes.
const OWN: u64 = 128 << 20;
/// What a job needs beside its encoders, bytes: segments on their way to the store, and the FFmpeg
/// processes that remux, encode audio or make images.
const BESIDE: u64 = 128 << 20;

/// Sufficient for any source that is accepted, bytes: an upper bound for malicious ones.
const MOST: u64 = 12 << 30;
/// Bounds for the memory of an inspecting run, bytes; in between, it gets an eighth of an encoding
/// run's memory.
const LIGHT: [u64; 2] = [512 << 20, 1 << 30];

/// Memory for the encoding FFmpeg processes of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobMemory {
    /// All of them together have this, bytes: what the machine or container has.
    Shared(u64),
    /// Each of them has this, bytes: the operator has set it.
    Each(u64),
}

impl JobMemory {
    /// The share of each of `jobs` concurrent jobs in `total` bytes.
    pub fn of(total: u64, jobs: u64) -> Self {
        let jobs = jobs.max(1);
        Self::Shared((total.saturating_sub(OWN) / jobs).saturating_sub(BESIDE))
    }

    /// The limit of one of `runs` concurrent runs, bytes.
    pub(crate) fn heavy(self, runs: u64) -> u64 {
        match self {
            Self::Shared(all) => (all / runs.max(1)).min(MOST),
            Self::Each(limit) => limit,
        }
    }

    /// The limit of a run that only inspects, bytes.
    pub(crate) fn light(self) -> u64 {
        let most = self.heavy(1);
        (most / 8).clamp(LIGHT[0], LIGHT[1]).min(most)
    }

    /// The number of encoders for this plan: at most `processors`, and as many as fit, but at least
    /// one. `hardware`: some rungs are encoded in hardware.
    pub(crate) fn encoders(
        self,
        plan: &EncodePlan,
        probe: &Probe,
        hardware: bool,
        processors: usize,
    ) -> usize {
        let Self::Shared(all) = self else {
            return processors;
        };
        let rungs = plan.rungs.iter().map(|it| {
            let pixels = pixels(it.size.width, it.size.height) * times(it.rendition.codec);
            match it.hdr {
                None => pixels,
                Some(_) => pixels * TEN_BITS.0 / TEN_BITS.1,
            }
        });
        let source = probe
            .video
            .as_ref()
            .map_or(0, |it| pixels(it.width, it.height));
        let needed = encoder(source, rungs) + if hardware { DRIVER } else { 0 };
        let fitting = usize::try_from(all / needed).unwrap_or(usize::MAX);
        processors.min(fitting).max(1)
    }

    /// The total memory in bytes without which not even one encoder of the profile fits, if there is
    /// less: `(needed, present)`. A setting of the operator always fits.
    pub(crate) fn missing_for(self, profile: &Profile) -> Option<(u64, u64)> {
        let Self::Shared(all) = self else {
            return None;
        };
        let rungs = || {
            let enabled = profile.enabled_rungs();
            enabled.map(|it| pixels(it.width, it.height) * times(it.codec.into()))
        };
        let driver = match profile.hardware().is_empty() {
            true => 0,
            false => DRIVER,
        };
        let needed = encoder(rungs().max().unwrap_or(0), rungs()) + driver;
        let with_rest = |it: u64| it + BESIDE + OWN;
        (all < needed).then(|| (with_rest(needed), with_rest(all)))
    }
}

/// The memory of an encoder with these rungs, bytes. All sizes in pixels.
fn encoder(source: u64, rungs: impl Iterator<Item = u64>) -> u64 {
    let (mut all, mut largest) = (0, 0);
    for rung in rungs {
        all += rung;
        largest = largest.max(rung);
    }
    PROGRAM + all * RUNG_PIXEL + source.saturating_sub(largest) * SOURCE_PIXEL
}

/// How many times the memory of an encoder for 8 bits the same one for 10 bits needs, as a fraction.
const TEN_BITS: (u64, u64) = (3, 2);

/// How many times the memory of x264 the encoder of a codec needs.
fn times(codec: Codec) -> u64 {
    match codec {
        Codec::H264 | Codec::Aac | Codec::Ac3 | Codec::Eac3 => 1,
        Codec::Hevc => 2,
        Codec::Av1 => 3,
    }
}

fn pixels(width: u32, height: u32) -> u64 {
    u64::from(width) * u64::from(height)
}

#[cfg(test)]
mod tests {
    use domain::job::Mode;
    use domain::probe::HighDynamicRange;
    use domain::probe::cases::standard;

    use super::*;

    const GIB: u64 = 1 << 30;

    /// A source of this size that has to be encoded.
    fn source(width: u32, height: u32) -> (EncodePlan, Probe) {
        let mut probe = standard();
        probe.video_mut().codec = "mpeg4".to_owned();
        let video = probe.video_mut();
        (video.width, video.height) = (width, height);
        let plan = EncodePlan::new(&probe, &Profile::default(), Mode::Abr).unwrap();
        (plan, probe)
    }

    #[test]
    fn as_many_encoders_as_fit() {
        let (uhd, hd, small) = (source(3840, 2160), source(1920, 1080), source(854, 480));
        let encoders = |memory: JobMemory, (plan, probe): &(EncodePlan, Probe)| {
            [1, 4, 16].map(|processors| memory.encoders(plan, probe, false, processors))
        };
        for (total, jobs, expected) in [
            (2 * GIB, 1, [[1, 1, 1], [1, 3, 3], [1, 4, 9]]),
            (4 * GIB, 1, [[1, 2, 2], [1, 4, 7], [1, 4, 16]]),
            (8 * GIB, 1, [[1, 4, 4], [1, 4, 15], [1, 4, 16]]),
            (8 * GIB, 4, [[1, 1, 1], [1, 3, 3], [1, 4, 9]]),
            // Too little: one encoder gets all of it, and says so if it does not suffice.
            (GIB, 1, [[1, 1, 1], [1, 1, 1], [1, 3, 3]]),
            (0, 1, [[1, 1, 1]; 3]),
        ] {
            let memory = JobMemory::of(total, jobs);
            let found = [&uhd, &hd, &small].map(|it| encoders(memory, it));
            assert_eq!(found, expected, "{total} bytes, {jobs} jobs");
        }
        let set = JobMemory::Each(1);
        assert_eq!(encoders(set, &uhd), [1, 4, 16], "the operator decides");
    }

    #[test]
    fn ten_bits_need_more() {
        let rung = "width = 1920\nheight = 1080\nvideo_kbps = 3000\naudio_kbps = 128\n";
        let text = format!(
            "segment_format = \"fmp4\"\n[[rung]]\nname = \"a\"\n{rung}[[rung]]\nname = \"b\"\ncodec = \"hevc\"\n{rung}"
        );
        let profile = Profile::parse(&text).unwrap();
        let encoders = |hdr| {
            let mut probe = standard();
            (probe.video_mut().codec, probe.video_mut().hdr) = ("hevc".to_owned(), hdr);
            let plan = EncodePlan::new(&probe, &profile, Mode::Abr).unwrap();
            JobMemory::of(8 * GIB, 1).encoders(&plan, &probe, false, 16)
        };
        assert_eq!(
            (encoders(None), encoders(Some(HighDynamicRange::Pq))),
            (10, 8)
        );
    }

    #[test]
    fn the_limits_of_all_runs_fit_together() {
        for total in [2 * GIB, 4 * GIB, 8 * GIB, 64 * GIB] {
            for (plan, probe) in [source(3840, 2160), source(1280, 720)] {
                let memory = JobMemory::of(total, 1);
                let encoders = memory.encoders(&plan, &probe, false, 16) as u64;
                assert!(memory.heavy(encoders) * encoders <= total - OWN - BESIDE);
            }
        }
        let memory = JobMemory::of(64 * GIB, 1);
        assert_eq!((memory.heavy(1), memory.light()), (MOST, LIGHT[1]));
        assert_eq!(JobMemory::of(2 * GIB, 1).light(), LIGHT[0]);
        let set = JobMemory::Each(256 << 20);
        assert_eq!(
            (set.heavy(1), set.heavy(9), set.light()),
            (256 << 20, 256 << 20, 256 << 20)
        );
    }

    #[test]
    fn a_profile_needs_one_encoder() {
        let mut profile = Profile::default();
        let missing = |memory: JobMemory, profile: &Profile| memory.missing_for(profile);
        assert_eq!(missing(JobMemory::of(2 * GIB, 1), &profile), None);
        let (needed, present) = missing(JobMemory::of(GIB, 1), &profile).unwrap();
        assert_eq!(present, GIB);
        assert!((GIB..2 * GIB).contains(&needed), "{needed}");
        assert_eq!(missing(JobMemory::of(needed, 1), &profile), None);
        assert!(missing(JobMemory::of(needed - 1, 1), &profile).is_some());
        let in_hardware = Profile::parse("[encoder]\nname = \"qsv\"").unwrap();
        let with_driver = missing(JobMemory::of(needed, 1), &in_hardware).unwrap().0;
        assert_eq!(with_driver, needed + DRIVER);
        assert!(missing(JobMemory::of(2 * GIB, 2), &profile).is_some());
        assert_eq!(missing(JobMemory::Each(1), &profile), None);
        for rung in profile.rungs.iter_mut().filter(|it| it.height > 1080) {
            rung.enabled = false;
        }
        assert_eq!(missing(JobMemory::of(GIB, 1), &profile), None);
    }
}
