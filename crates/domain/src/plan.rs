//! The encode plan: all decisions that are made before the first frame is decoded.
//!
//! A pure function of probe, profile and mode. After a crash, another worker therefore makes the
//! same plan, and finds the chunks that the first worker finished at the expected paths.

use std::num::NonZeroU32;
use std::ops::Range;

use crate::failure::SourceProblem;
use crate::job::Mode;
use crate::loudness::Gain;
use crate::object_key::RenditionName;
use crate::per_title::PerTitle;
use crate::probe::{HighDynamicRange, Probe, Ratio, Seeking, VideoStream};
use crate::profile::Profile;
use crate::segment::{Lane, TICKS_PER_SECOND};
use crate::watermark::{ViewerText, Watermark};

mod audio;
mod copy;
mod fan_out;
mod first;
mod keyframes;
mod keys;
mod partial;
mod rendition;
mod replacement;
mod size;
mod surround;
mod timeline;
mod tracks;

pub use crate::object_key::SegmentFormat;
pub use copy::{CopyDecision, CopyRefusal, CopyRung, LARGEST_COPIED_SEGMENT};
pub(crate) use keys::can_have_several;
pub use partial::IncompatiblePlan;
pub use rendition::{Codec, Rendition, RenditionKind};
pub use replacement::{CopyReplacement, ReplacementCost};
pub use size::Size;
use timeline::EncodeUse;
pub use timeline::{Boundary, ChunkPlan};
pub use tracks::AudioTrack;

/// All decisions that are made before the first frame is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodePlan {
    /// A ladder, or one remuxed rung.
    pub mode: Mode,
    /// Constant frame rate of the encoded rungs. Without video: the grid of the boundaries, which is
    /// milliseconds.
    pub frame_rate: Ratio,
    /// Starts of the segments, the first at 0, and the end of the last one. The same for all
    /// renditions.
    pub boundaries: Vec<Boundary>,
    /// Number of frames between keyframes inside a segment.
    pub keyframe_interval: u64,
    /// Longest display time of a frame of the source, ticks.
    pub longest_frame: u64,
    /// End of the last frame of the source, ticks; audio may continue after it. Without video: the
    /// end of the audio.
    pub video_end: u64,
    /// EXT-X-TARGETDURATION: no segment is longer, rounded to seconds (RFC 8216, 4.3.3.1).
    pub target_duration: u32,
    /// Whether segments are encrypted.
    pub encrypt: bool,
    /// Number of segments after which a rendition gets another content key; `None`: it has one.
    pub segments_per_key: Option<NonZeroU32>,
    /// The image in the frames of all encoded rungs and of the I-frames; `None`: none.
    pub watermark: Option<Watermark>,
    /// Where players draw the name of the viewer.
    pub viewer_text: ViewerText,
    /// Whether the source is remuxed as the top rung.
    pub copy: CopyDecision,
    /// The encoded rungs, largest first; each is scaled from the previous one.
    pub rungs: Vec<RungPlan>,
    /// The measurements by which the rungs were chosen; `None`: the profile alone decides.
    pub per_title: Option<PerTitle>,
    /// The rung that goes through the whole video before the others, so that viewers can start;
    /// `None`: all rungs grow together, or viewers start with the remuxed rung.
    pub first: Option<RenditionName>,
    /// The trick-play rendition; `None`: the source has only audio.
    pub iframes: Option<IFramesPlan>,
    /// The audio renditions: those in stereo, highest rate first, and the tracks of a rate in the
    /// order of the source, and then those in surround. Empty: the source has no audio.
    pub audio: Vec<AudioPlan>,
    /// The chunks of the remuxed rung and its audio.
    pub copy_chunks: Vec<ChunkPlan>,
    /// The chunks of the first rung.
    pub first_chunks: Vec<ChunkPlan>,
    /// The chunks of the other encoded rungs and the I-frames.
    pub encode_chunks: Vec<ChunkPlan>,
    /// The chunks of the encoded audio.
    pub audio_chunks: Vec<ChunkPlan>,
}

/// An encoded rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RungPlan {
    /// The rendition, with its name in the profile.
    pub rendition: Rendition,
    /// Display size; both sides are even.
    pub size: Size,
    /// Maximum rate, kbit/s.
    pub video_kbps: u32,
    /// CRF, on the scale of its codec; `None`: that of the profile.
    pub crf: Option<u8>,
    /// The HDR transfer function of the source, which it keeps; `None`: SDR.
    pub hdr: Option<HighDynamicRange>,
    /// Name of its audio rendition.
    pub audio: Option<RenditionName>,
}

/// The trick-play rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IFramesPlan {
    /// The rendition.
    pub rendition: Rendition,
    /// Display size.
    pub size: Size,
}

/// An audio rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPlan {
    /// The rendition, named by its rate, `audio-source` or `audio-surround`; from the second track
    /// on, with a number.
    pub rendition: Rendition,
    /// Position of its track in the source, from 0.
    pub track: u32,
    /// Name of the group of the same rate: that of the rendition of track 0, if it has one.
    pub group: RenditionName,
    /// Bit rate, kbit/s; for a copy, that of the source.
    pub kbps: u32,
    /// Number of channels: one, two, or six (5.1).
    pub channels: u32,
    /// Sample rate, Hz.
    pub sample_rate: u32,
    /// Whether it is remuxed instead of encoded.
    pub copied: bool,
    /// Gain that brings it to the loudness of the profile; `None`: it keeps its own.
    pub gain: Option<Gain>,
}

impl EncodePlan {
    /// Plans the encoding of a source.
    ///
    /// Fails if the source violates a limit: too long, too large, too many pixels.
    pub fn new(probe: &Probe, profile: &Profile, mode: Mode) -> Result<Self, SourceProblem> {
        Self::with_choices(probe, profile, mode, None)
    }

    /// As [`EncodePlan::new`], with the rungs and the CRF that the measurements of the video suggest.
    ///
    /// # Errors
    /// As [`EncodePlan::new`].
    pub fn with_choices(
        probe: &Probe,
        profile: &Profile,
        mode: Mode,
        choices: Option<&PerTitle>,
    ) -> Result<Self, SourceProblem> {
        within_limits(probe, profile)?;
        let copy = copy::copy_rung(probe, profile, mode);
        let mut rungs = match mode {
            Mode::Abr => size::ladder(probe, profile, copy.is_ok()),
            Mode::Copy if copy.is_ok() => vec![],
            // A recording that cannot be remuxed still has to play: its best rung is encoded.
            Mode::Copy => size::ladder(probe, profile, false)
                .into_iter()
                .filter(|it| it.rendition.codec == Codec::H264)
                .take(1)
                .collect(),
        };
        if let Some(choices) = choices {
            size::apply(choices, &mut rungs, copy.is_ok());
        }
        let boundaries = timeline::boundaries(probe, profile, copy.is_ok(), probe.index.end);
        let mut audio = audio::renditions(probe, profile, copy.is_ok(), &mut rungs);
        audio.extend(surround::renditions(probe, profile, &audio));
        let copied = copy.is_ok();
        let own_audio = audio.first().map(|it| it.group.clone());
        let copy = CopyDecision::new(copy, own_audio, profile.segment_format);
        let segments = boundaries.len() as u32 - 1;
        let small_first = |is_used: bool| match is_used {
            true => timeline::chunks(segments, |start| if start == 0 { 2 } else { 20 }),
            false => vec![],
        };
        let longest_gop = match probe.index.seeking {
            // One run produces all chunks: their length only determines how much work a crash
            // loses.
            Seeking::Sequential => 0,
            Seeking::Indexed | Seeking::Approximate if probe.index.keyframes.is_empty() => {
                probe.index.end
            }
            Seeking::Indexed | Seeking::Approximate => probe.index.longest_gop(),
        };
        let first = first::rung(&rungs, mode, copied, probe.index.seeking);
        let watched = !copied && probe.index.seeking != Seeking::Sequential;
        let others: Vec<_> = rungs
            .iter()
            .filter(|it| Some(&it.rendition.name) != first.as_ref())
            .collect();
        let cpu_seconds = fan_out::cpu_seconds(&others, probe, profile);
        let encode_chunks = |keyframes: &[u64], longest_gop, watched| match probe.video {
            Some(_) => timeline::encode_chunks(
                &boundaries,
                keyframes,
                profile,
                longest_gop,
                EncodeUse {
                    is_watched: watched,
                    is_shared: profile.fan_out.includes(cpu_seconds),
                },
            ),
            None => vec![],
        };
        let frame_rate = timeline::grid(probe);
        let has_video = probe.video.is_some();
        Ok(Self {
            mode,
            frame_rate,
            keyframe_interval: timeline::keyframe_interval(frame_rate, profile),
            target_duration: timeline::target_duration(&boundaries, profile),
            longest_frame: probe.index.longest_frame,
            video_end: probe.index.video_end,
            encrypt: profile.encrypt,
            segments_per_key: NonZeroU32::new(profile.segments_per_key),
            watermark: has_video.then(|| profile.watermark.watermark()).flatten(),
            viewer_text: match has_video {
                true => profile.watermark.viewer,
                false => ViewerText::Off,
            },
            iframes: size::iframes(probe, &rungs).map(|size| IFramesPlan {
                rendition: Rendition::iframes(profile.segment_format),
                size,
            }),
            copy_chunks: small_first(copied || audio.iter().any(|it| it.copied)),
            first_chunks: if first.is_some() {
                // One run produces them.
                encode_chunks(&[], 0, false)
            } else {
                vec![]
            },
            encode_chunks: encode_chunks(
                &probe.index.keyframes,
                longest_gop,
                watched && first.is_none(),
            ),
            audio_chunks: small_first(audio.iter().any(|it| !it.copied)),
            copy,
            rungs,
            per_title: choices.cloned(),
            first,
            audio,
            boundaries,
        })
    }

    /// This plan, with the CRF that the measurements of its rungs suggest.
    #[must_use]
    pub fn with_crf_of(mut self, choices: Option<&PerTitle>) -> Self {
        if let Some(choices) = choices {
            size::set_crf(choices, &mut self.rungs);
        }
        self
    }

    /// Number of segments of every rendition.
    pub fn segments(&self) -> u32 {
        self.boundaries.len() as u32 - 1
    }

    /// Duration of the presentation, ticks.
    pub fn duration(&self) -> u64 {
        self.boundaries.last().map_or(0, |it| it.ticks)
    }

    /// The chunks of a lane.
    pub fn chunks(&self, lane: Lane) -> &[ChunkPlan] {
        match lane {
            Lane::Copy => &self.copy_chunks,
            Lane::First => &self.first_chunks,
            Lane::Encode => &self.encode_chunks,
            Lane::Audio => &self.audio_chunks,
        }
    }

    /// The renditions that a lane produces.
    pub fn renditions(&self, lane: Lane) -> Vec<&Rendition> {
        let audio = |copied| {
            self.audio
                .iter()
                .filter(move |it| it.copied == copied)
                .map(|it| &it.rendition)
        };
        match lane {
            Lane::Copy => self
                .copy
                .rung()
                .map(|it| &it.rendition)
                .into_iter()
                .chain(audio(true))
                .collect(),
            Lane::First => self.rungs_of(lane).map(|it| &it.rendition).collect(),
            Lane::Encode => self
                .rungs_of(lane)
                .map(|it| &it.rendition)
                .chain(self.iframes.as_ref().map(|it| &it.rendition))
                .collect(),
            Lane::Audio => audio(false).collect(),
        }
    }

    /// The rungs that a lane encodes, largest first.
    pub fn rungs_of(&self, lane: Lane) -> impl Iterator<Item = &RungPlan> {
        self.rungs.iter().filter(move |it| match lane {
            Lane::First => Some(&it.rendition.name) == self.first.as_ref(),
            Lane::Encode => Some(&it.rendition.name) != self.first.as_ref(),
            Lane::Copy | Lane::Audio => false,
        })
    }

    /// All renditions that are produced: those of every lane that has chunks.
    pub fn all_renditions(&self) -> Vec<&Rendition> {
        let lanes = Lane::ALL
            .into_iter()
            .filter(|it| !self.chunks(*it).is_empty());
        lanes.flat_map(|it| self.renditions(it)).collect()
    }

    /// The rendition with this name.
    pub fn rendition(&self, name: &RenditionName) -> Option<&Rendition> {
        Lane::ALL
            .into_iter()
            .flat_map(|it| self.renditions(it))
            .find(|it| it.name == *name)
    }

    /// Whether this is the name of the trick-play rendition.
    pub fn is_iframes(&self, name: &RenditionName) -> bool {
        self.iframes
            .as_ref()
            .is_some_and(|it| it.rendition.name == *name)
    }

    /// The part of the presentation that a range of segments covers.
    pub fn span(&self, segments: &Range<u32>) -> Range<Boundary> {
        self.boundaries[segments.start as usize]..self.boundaries[segments.end as usize]
    }
}

/// Checks that a frame has no more pixels than the profile allows, at its display size: a pixel
/// aspect ratio enlarges it.
///
/// # Errors
/// [`SourceProblem::TooManyPixels`].
pub fn check_pixels(video: &VideoStream, profile: &Profile) -> Result<(), SourceProblem> {
    let (width, height) = video.display_size();
    let limit_pixels = profile.limits.max_pixels;
    if u64::from(width) * u64::from(height) > limit_pixels {
        return Err(SourceProblem::TooManyPixels {
            width,
            height,
            limit_pixels,
        });
    }
    Ok(())
}

fn within_limits(probe: &Probe, profile: &Profile) -> Result<(), SourceProblem> {
    let limits = &profile.limits;
    let seconds = probe.index.end / TICKS_PER_SECOND;
    if probe.size > limits.max_bytes {
        return Err(SourceProblem::TooLarge {
            bytes: probe.size,
            limit_bytes: limits.max_bytes,
        });
    }
    if seconds > limits.max_duration_seconds {
        return Err(SourceProblem::TooLong {
            seconds,
            limit_seconds: limits.max_duration_seconds,
        });
    }
    let Some(video) = &probe.video else {
        return match probe.audio.is_empty() || probe.index.end == 0 {
            true => Err(SourceProblem::Damaged),
            false => Ok(()),
        };
    };
    check_pixels(video, profile)?;
    if probe.index.end == 0 || video.width == 0 || video.height == 0 {
        return Err(SourceProblem::Damaged);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
