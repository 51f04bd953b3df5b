//! Decides whether the source can be remuxed as the top rung.

use std::fmt;

use crate::job::Mode;
use crate::object_key::{RenditionName, SegmentFormat};
use crate::plan::rendition::{Codec, Rendition};
use crate::plan::size::Size;
use crate::probe::{Probe, Seeking};
use crate::profile::Profile;
use crate::segment::TICKS_PER_SECOND;

/// Whether the source's own video stream is the top rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyDecision {
    /// It is remuxed.
    Remux(CopyRung),
    /// All rungs are encoded, for this reason.
    Encode(CopyRefusal),
}

/// The remuxed rung.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyRung {
    /// The rendition, named `source`.
    pub rendition: Rendition,
    /// Display size.
    pub size: Size,
    /// Name of its audio rendition.
    pub audio: Option<RenditionName>,
}

impl CopyDecision {
    /// The decision for a source that can be remuxed at a size, or not.
    pub(super) fn new(
        size: Result<Size, CopyRefusal>,
        audio: Option<RenditionName>,
        format: SegmentFormat,
    ) -> Self {
        let name = || "source".parse().expect("a legal name");
        match size {
            Ok(size) => Self::Remux(CopyRung {
                rendition: Rendition::video(name(), Codec::H264, format),
                size,
                audio,
            }),
            Err(refusal) => Self::Encode(refusal),
        }
    }

    /// The remuxed rung, if there is one.
    pub fn rung(&self) -> Option<&CopyRung> {
        match self {
            Self::Remux(rung) => Some(rung),
            Self::Encode(_) => None,
        }
    }

    /// Whether the source is remuxed.
    pub fn is_remux(&self) -> bool {
        self.rung().is_some()
    }
}

/// The reason why a source is encoded and not remuxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyRefusal {
    /// The profile disables remuxing.
    Disabled,
    /// The profile draws an image into the frames.
    Watermark,
    /// Not 8-bit 4:2:0 H.264.
    Codec,
    /// Interlaced.
    Interlaced,
    /// It needs rotation, or its pixels are not square.
    Geometry,
    /// Not SDR.
    HighDynamicRange,
    /// The bit rate is above the profile's limit.
    BitRate,
    /// The frame rate is above the profile's limit.
    FrameRate,
    /// The container has no index of keyframes.
    NoIndex,
    /// Keyframes are too far apart, or the first frame is not a keyframe.
    KeyframeGap,
    /// Open GOPs: frames refer to another group of pictures, so segments would not be independent.
    OpenGroups,
    /// The audio starts before the video, or ends after it: a still frame would have to fill the
    /// gap.
    AudioOutsideVideo,
    /// The source has only audio.
    NoVideo,
    /// It was remuxed, and an encoded rung has taken its place since.
    Replaced,
}

/// Audio may continue after a remuxed video by no more than this, ticks: phones stop the camera a
/// little before the microphone. Players hold the last frame meanwhile, as the encoded rungs do.
/// Extending it for longer needs an encoder.
const LONGEST_TAIL: u64 = TICKS_PER_SECOND / 4;

/// Maximum size of a segment of a remuxed rung, bytes: it is as large as a group of pictures of the
/// source, and is held in memory as a whole.
pub const LARGEST_COPIED_SEGMENT: u64 = 32 << 20;

impl fmt::Display for CopyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "the profile disables remuxing",
            Self::Watermark => "the profile has a watermark, which only an encoder can draw",
            Self::Codec => "it is not 8-bit 4:2:0 H.264",
            Self::Interlaced => "it is interlaced",
            Self::Geometry => "it is rotated or mirrored, or its pixels are not square",
            Self::HighDynamicRange => "it is HDR",
            Self::BitRate => "its bit rate is above the profile's cap",
            Self::FrameRate => "its frame rate is above the profile's cap",
            Self::NoIndex => "its container has no index of keyframes",
            Self::KeyframeGap => "its keyframes are too far apart",
            Self::OpenGroups => "its GOPs are open",
            Self::AudioOutsideVideo => "its audio begins before the video or ends after it",
            Self::NoVideo => "it has only audio",
            Self::Replaced => "an encoded rung has replaced the remuxed one",
        })
    }
}

/// The size of the remuxed rung, or the reason why there is none.
pub(super) fn copy_rung(probe: &Probe, profile: &Profile, mode: Mode) -> Result<Size, CopyRefusal> {
    let video = probe.video.as_ref().ok_or(CopyRefusal::NoVideo)?;
    let (index, rung) = (&probe.index, &profile.source_rung);
    let refuse_if = |holds: bool, refusal| if holds { Err(refusal) } else { Ok(()) };
    refuse_if(profile.watermark.image().is_some(), CopyRefusal::Watermark)?;
    // Copy mode requests a remux, whether or not the profile's ladder enables it.
    refuse_if(!rung.enabled && mode == Mode::Abr, CopyRefusal::Disabled)?;
    refuse_if(
        video.codec != "h264" || video.pixel_format != "yuv420p",
        CopyRefusal::Codec,
    )?;
    refuse_if(video.interlaced, CopyRefusal::Interlaced)?;
    refuse_if(
        video.rotation != 0
            || video.mirrored
            || video.pixel_aspect.is_some_and(|it| it.num != it.den),
        CopyRefusal::Geometry,
    )?;
    refuse_if(
        video.width % 2 == 1 || video.height % 2 == 1,
        CopyRefusal::Geometry,
    )?;
    refuse_if(
        video.hdr.is_some() || video.wide_gamut,
        CopyRefusal::HighDynamicRange,
    )?;
    refuse_if(
        video.source_rate.as_f64() > profile.max_frame_rate + 0.01,
        CopyRefusal::FrameRate,
    )?;
    refuse_if(
        index.keyframes.is_empty() || index.seeking != Seeking::Indexed,
        CopyRefusal::NoIndex,
    )?;
    let tail = index.end.saturating_sub(index.video_end);
    refuse_if(
        index.video_start > 0 || tail > LONGEST_TAIL,
        CopyRefusal::AudioOutsideVideo,
    )?;
    let longest_gap = (rung.max_keyframe_gap_seconds * TICKS_PER_SECOND as f64) as u64;
    refuse_if(
        index.keyframes[0] != 0 || index.longest_gop() > longest_gap,
        CopyRefusal::KeyframeGap,
    )?;
    refuse_if(!index.closed_gops, CopyRefusal::OpenGroups)?;
    // If the size of the video stream is unknown, the rate of the whole file is used, which is
    // never below it.
    let whole = u128::from(probe.size) * 8 * u128::from(TICKS_PER_SECOND)
        / u128::from(index.video_end.max(1));
    let bit_rate = index.video_bit_rate().map_or(whole, u128::from);
    refuse_if(
        bit_rate > u128::from(rung.max_kbps) * 1000,
        CopyRefusal::BitRate,
    )?;
    refuse_if(
        index
            .gop_bytes
            .iter()
            .any(|it| *it > LARGEST_COPIED_SEGMENT),
        CopyRefusal::BitRate,
    )?;
    Ok(Size {
        width: video.width,
        height: video.height,
    })
}
