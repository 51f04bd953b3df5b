//! The encode plan: everything that is decided before the first frame is touched.
//!
//! A pure function of probe, profile and mode, so that a restarted worker comes to the same plan, and
//! finds the chunks of its predecessor where it would have put them itself.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::failure::SourceProblem;
use crate::job::Mode;
use crate::object_key::{Container, RenditionName};
use crate::probe::{Probe, Ratio, Seeking, VideoStream};
use crate::profile::Profile;
use crate::segment::{Lane, TICKS_PER_SECOND};

mod audio;
mod copy;
mod partial;
mod size;
mod timeline;

pub use copy::{CopyRefusal, LARGEST_COPIED_SEGMENT};
pub use partial::Misfit;
pub use size::Size;
pub use timeline::{Boundary, ChunkPlan};

/// Everything that is decided before the first frame is touched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncodePlan {
    /// A ladder, or one remuxed rung.
    pub mode: Mode,
    /// Of every segment.
    pub container: Container,
    /// Of the rungs that are encoded: constant.
    pub frame_rate: Ratio,
    /// Where segments begin, the first at 0, and where the last one ends. The same for all renditions.
    pub boundaries: Vec<Boundary>,
    /// Frames from one keyframe to the next inside a segment.
    pub keyframe_interval: u64,
    /// Longest time that a frame of the source is shown, ticks.
    pub longest_frame: u64,
    /// When the last frame of the source ends, ticks; sound may go on after it.
    #[serde(default)]
    pub picture_end: u64,
    /// EXT-X-TARGETDURATION: no segment is longer, rounded to seconds (RFC 8216, 4.3.3.1).
    pub target_duration: u32,
    /// Encrypt every segment.
    pub encrypt: bool,
    /// The remuxed rung; if there is none, why.
    pub copy: Result<CopyRung, CopyRefusal>,
    /// The encoded rungs, largest first; each is scaled from the one before.
    pub rungs: Vec<RungPlan>,
    /// The trick-play rendition.
    pub iframes: Size,
    /// The audio renditions, highest rate first; empty: the source is silent.
    pub audio: Vec<AudioPlan>,
    /// The work on the remuxed rung and its sound.
    pub copy_chunks: Vec<ChunkPlan>,
    /// The work on the encoded rungs and the I-frames.
    pub encode_chunks: Vec<ChunkPlan>,
    /// The work on the audio that is encoded.
    pub audio_chunks: Vec<ChunkPlan>,
}

/// The rung that is made by remuxing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyRung {
    /// `source`.
    pub name: RenditionName,
    /// As it is seen.
    pub size: Size,
    /// The audio that goes with it.
    pub audio: Option<RenditionName>,
}

/// A rung that is encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungPlan {
    /// As in the profile.
    pub name: RenditionName,
    /// As it is seen; even.
    pub size: Size,
    /// Highest rate, kbit/s.
    pub video_kbps: u32,
    /// The audio that goes with it.
    pub audio: Option<RenditionName>,
}

/// An audio rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// `audio-128k`, or `audio-source`.
    pub name: RenditionName,
    /// kbit/s; of a copy, the source's own.
    pub kbps: u32,
    /// One or two.
    pub channels: u32,
    /// Hz.
    pub sample_rate: u32,
    /// Remuxed, not encoded.
    pub copied: bool,
}

impl EncodePlan {
    /// Decides how a source is encoded.
    ///
    /// Fails with what the source itself makes impossible: too long, too large, too many pixels.
    pub fn new(probe: &Probe, profile: &Profile, mode: Mode) -> Result<Self, SourceProblem> {
        within_limits(probe, profile)?;
        let copy = copy::copy_rung(probe, profile, mode);
        let mut rungs = match mode {
            Mode::Abr => size::ladder(probe, profile, copy.is_ok()),
            Mode::Copy if copy.is_ok() => vec![],
            // A meeting that cannot be remuxed still has to play: its best rung is encoded.
            Mode::Copy => size::ladder(probe, profile, false).into_iter().take(1).collect(),
        };
        let end = if copy.is_ok() { probe.index.picture_end } else { probe.index.end };
        let boundaries = timeline::boundaries(probe, profile, copy.is_ok(), end);
        let audio = audio::renditions(probe, profile, copy.is_ok(), &mut rungs);
        let copy =
            copy.map(|size| CopyRung { name: copy::name(), size, audio: audio.first().map(|it| it.name.clone()) });
        let segments = boundaries.len() as u32 - 1;
        let small_first = || timeline::chunks(segments, [2], 20);
        let longest_gop = match probe.index.seeking {
            // One run makes all chunks: their length decides only how much a crash costs.
            Seeking::Sequential => 0,
            Seeking::Indexed | Seeking::Approximate if probe.index.keyframes.is_empty() => probe.index.end,
            Seeking::Indexed | Seeking::Approximate => probe.index.longest_gop(),
        };
        let watched = copy.is_err() && probe.index.seeking != Seeking::Sequential;
        Ok(Self {
            mode,
            container: Container::MpegTs,
            frame_rate: probe.video.frame_rate,
            keyframe_interval: timeline::keyframe_interval(probe.video.frame_rate, profile),
            target_duration: timeline::target_duration(&boundaries, profile),
            longest_frame: probe.index.longest_frame,
            picture_end: probe.index.picture_end,
            encrypt: profile.encrypt,
            iframes: size::iframes(probe, &rungs),
            copy_chunks: if copy.is_ok() { small_first() } else { vec![] },
            encode_chunks: timeline::encode_chunks(segments, profile, longest_gop, watched),
            audio_chunks: if audio.iter().all(|it| it.copied) { vec![] } else { small_first() },
            copy,
            rungs,
            audio,
            boundaries,
        })
    }

    /// How many segments every rendition has.
    pub fn segments(&self) -> u32 {
        self.boundaries.len() as u32 - 1
    }

    /// Length of the presentation, ticks.
    pub fn duration(&self) -> u64 {
        self.boundaries.last().map_or(0, |it| it.ticks)
    }

    /// The chunks of a lane.
    pub fn chunks(&self, lane: Lane) -> &[ChunkPlan] {
        match lane {
            Lane::Copy => &self.copy_chunks,
            Lane::Encode => &self.encode_chunks,
            Lane::Audio => &self.audio_chunks,
        }
    }

    /// The renditions that a lane makes.
    pub fn renditions(&self, lane: Lane) -> Vec<RenditionName> {
        match lane {
            Lane::Copy => {
                let audio = self.audio.iter().filter(|it| it.copied).map(|it| it.name.clone());
                self.copy.iter().map(|it| it.name.clone()).chain(audio).collect()
            }
            Lane::Encode => self.rungs.iter().map(|it| it.name.clone()).chain([RenditionName::iframes()]).collect(),
            Lane::Audio => self.audio.iter().filter(|it| !it.copied).map(|it| it.name.clone()).collect(),
        }
    }

    /// The stretch of the presentation that some segments cover.
    pub fn span(&self, segments: &Range<u32>) -> Range<Boundary> {
        self.boundaries[segments.start as usize]..self.boundaries[segments.end as usize]
    }
}

/// Whether a picture has no more pixels than a profile allows, as it is shown: the aspect of its pixels makes it larger.
///
/// # Errors
/// [`SourceProblem::TooManyPixels`].
pub fn check_pixels(video: &VideoStream, profile: &Profile) -> Result<(), SourceProblem> {
    let (width, height) = video.display_size();
    let limit_pixels = profile.limits.max_pixels;
    if u64::from(width) * u64::from(height) > limit_pixels {
        return Err(SourceProblem::TooManyPixels { width, height, limit_pixels });
    }
    Ok(())
}

fn within_limits(probe: &Probe, profile: &Profile) -> Result<(), SourceProblem> {
    let limits = &profile.limits;
    let seconds = probe.index.end / TICKS_PER_SECOND;
    if probe.size > limits.max_bytes {
        return Err(SourceProblem::TooLarge { bytes: probe.size, limit_bytes: limits.max_bytes });
    }
    if seconds > limits.max_duration_seconds {
        return Err(SourceProblem::TooLong { seconds, limit_seconds: limits.max_duration_seconds });
    }
    check_pixels(&probe.video, profile)?;
    if probe.index.end == 0 || probe.video.width == 0 || probe.video.height == 0 {
        return Err(SourceProblem::Damaged);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
