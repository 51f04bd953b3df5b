//! Whether the source can be its own top rung.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::job::Mode;
use crate::object_key::RenditionName;
use crate::plan::size::Size;
use crate::probe::{Probe, Seeking};
use crate::profile::Profile;
use crate::segment::TICKS_PER_SECOND;

/// Why a source is encoded rather than remuxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopyRefusal {
    /// The profile says so.
    Disabled,
    /// Not H.264, 8 bit, 4:2:0.
    Codec,
    /// Fields, not frames.
    Interlaced,
    /// It has to be turned, or its pixels are not square.
    Geometry,
    /// Not SDR.
    HighDynamicRange,
    /// More than the profile's cap.
    BitRate,
    /// More than the profile's cap.
    FrameRate,
    /// The container has no index of keyframes.
    NoIndex,
    /// Keyframes are too far apart, or the first frame is none.
    KeyframeGap,
    /// Frames of one group of pictures refer to another: segments could not stand alone.
    OpenGroups,
    /// Sound begins before the picture, or outlasts it: a frame has to stand meanwhile.
    SoundOutsidePicture,
}

/// Sound that outlasts a remuxed picture by no more than this, ticks, is cut off: phones stop the camera a little before
/// the microphone, and a last frame that stands needs an encoder.
const LONGEST_TAIL: u64 = TICKS_PER_SECOND / 4;

/// A segment of a remuxed rung is as large as a group of pictures of the source, and is held in memory as a whole, bytes.
pub const LARGEST_COPIED_SEGMENT: u64 = 32 << 20;

impl fmt::Display for CopyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disabled => "the profile does not copy",
            Self::Codec => "it is not 8-bit 4:2:0 H.264",
            Self::Interlaced => "it is interlaced",
            Self::Geometry => "it is rotated or mirrored, or its pixels are not square",
            Self::HighDynamicRange => "it is HDR",
            Self::BitRate => "its bit rate is above the profile's cap",
            Self::FrameRate => "its frame rate is above the profile's cap",
            Self::NoIndex => "its container has no index of keyframes",
            Self::KeyframeGap => "its keyframes are too far apart",
            Self::OpenGroups => "its groups of pictures are open",
            Self::SoundOutsidePicture => "its sound begins before the picture or outlasts it",
        })
    }
}

/// The name of the remuxed rung.
pub(super) fn name() -> RenditionName {
    "source".parse().expect("a legal name")
}

/// The size of the remuxed rung, or why there is none.
pub(super) fn copy_rung(probe: &Probe, profile: &Profile, mode: Mode) -> Result<Size, CopyRefusal> {
    let (video, index, rung) = (&probe.video, &probe.index, &profile.source_rung);
    let refuse_if = |holds: bool, refusal| if holds { Err(refusal) } else { Ok(()) };
    // Copy mode asks for the copy, whatever the ladder of the profile does.
    refuse_if(!rung.enabled && mode == Mode::Abr, CopyRefusal::Disabled)?;
    refuse_if(video.codec != "h264" || video.pixel_format != "yuv420p", CopyRefusal::Codec)?;
    refuse_if(video.interlaced, CopyRefusal::Interlaced)?;
    refuse_if(
        video.rotation != 0 || video.mirrored || video.pixel_aspect.is_some_and(|it| it.num != it.den),
        CopyRefusal::Geometry,
    )?;
    refuse_if(video.width % 2 == 1 || video.height % 2 == 1, CopyRefusal::Geometry)?;
    refuse_if(video.hdr.is_some() || video.wide_gamut, CopyRefusal::HighDynamicRange)?;
    refuse_if(video.source_rate.as_f64() > profile.max_frame_rate + 0.01, CopyRefusal::FrameRate)?;
    refuse_if(index.keyframes.is_empty() || index.seeking != Seeking::Indexed, CopyRefusal::NoIndex)?;
    let tail = index.end.saturating_sub(index.picture_end);
    refuse_if(index.picture_start > 0 || tail > LONGEST_TAIL, CopyRefusal::SoundOutsidePicture)?;
    let longest_gap = (rung.max_keyframe_gap_seconds * TICKS_PER_SECOND as f64) as u64;
    refuse_if(index.keyframes[0] != 0 || index.longest_gop() > longest_gap, CopyRefusal::KeyframeGap)?;
    refuse_if(!index.closed_gops, CopyRefusal::OpenGroups)?;
    // Without its bytes, the cap of the whole file has to do: it is never below that of the video.
    let whole = u128::from(probe.size) * 8 * u128::from(TICKS_PER_SECOND) / u128::from(index.picture_end.max(1));
    let bit_rate = index.video_bit_rate().map_or(whole, u128::from);
    refuse_if(bit_rate > u128::from(rung.max_kbps) * 1000, CopyRefusal::BitRate)?;
    refuse_if(index.gop_bytes.iter().any(|it| *it > LARGEST_COPIED_SEGMENT), CopyRefusal::BitRate)?;
    Ok(Size { width: video.width, height: video.height })
}
