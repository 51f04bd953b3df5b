//! Packages transport stream segments as CMAF (ISO/IEC 23000-19): fragmented MP4 with one track.
//!
//! A segment becomes one fragment (`moof` and `mdat`). The clock stays that of the transport
//! stream: decoding times of video are those of its PES headers, in units of 1/90,000 s, and
//! decoding times of audio are the same times in audio samples. So captions, audio and video share
//! one timeline, whatever their packing.
//!
//! The initialisation section depends on the parameter sets only: segments with equal parameter
//! sets have equal initialisation sections, byte for byte.
//!
//! # Times between segments
//!
//! A fragment declares the duration of its last frame, but the transport stream does not: the next
//! frame is in the next segment. [`package`] relies on the following:
//!
//! - Segments are closed: all frames of a segment are presented before its end, and all frames of
//!   the next one after that.
//! - x264 and x265 set the decoding time of a frame to the presentation time of the frame that
//!   comes a constant number of frames earlier in the order of presentation. So the first frame of
//!   the next segment is decoded at the presentation time that follows the last decoding time of
//!   this segment. That also holds for variable frame rates, and for a first segment whose first
//!   decoding times were moved ([`crate::ts::begin_with_first_frame`]).
//!   Between runs of an encoder, the decoding times may overlap by a tick, because runs round their
//!   delays separately.
//! - Otherwise, and in segments shorter than the reordering, the delay from the first decoding to
//!   the first presentation is the same in both segments.
//!
//! Without reordering, the next decoding time is the end of the presentation. The caller often
//! knows that end ([`Place::end`]). Otherwise the frame rate that the stream declares determines
//! it, or a common frame rate, if all frames fit that rate, and else the last interval between
//! frames.

use crate::mux::Unsupported;
use crate::mux::parameter_sets::VideoCodec;
use crate::ts::{EsCodec, SplitError};

mod ac3;
mod audio;
mod fragment;
mod iframes;
mod times;
mod timing;
mod video;

pub use iframes::{IFrame, PackagedIFrames, package_iframes};
pub use times::set_decode_time;

/// The position of a segment in its presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Sequence number of the fragment (`mfhd`), which increases from segment to segment.
    pub sequence: u32,
    /// A time shortly before the segment, 90 kHz, which tells how often the 33-bit clock has
    /// wrapped; `None`: it has not.
    pub after: Option<i64>,
    /// End of the presentation of the segment, 90 kHz, if the caller knows it. Only used for video.
    pub end: Option<i64>,
}

/// A packaged segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packaged {
    /// The initialisation section: `ftyp` and `moov`.
    pub init: Vec<u8>,
    /// The media segment: `styp`, `moof` and `mdat`.
    pub media: Vec<u8>,
}

/// The segment cannot be packaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The transport stream is damaged, or has no stream of the codec.
    #[error(transparent)]
    Segment(#[from] SplitError),
    /// A frame has other parameter sets than the first one: a decoder needs another initialisation
    /// section from there on.
    #[error("the parameter sets of the video change within the segment")]
    ChangedParameters,
    /// The stream has a property that the packaging does not support.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl From<Unsupported> for PackageError {
    fn from(Unsupported(property): Unsupported) -> Self {
        Self::Unsupported(property)
    }
}

/// Packages the first stream of a codec in a transport stream segment: H.264, HEVC, AV1, AAC, AC-3 or
/// Enhanced AC-3.
///
/// Parameter sets of the first frame are in the initialisation section only. Access unit delimiters
/// are omitted, because samples have boundaries of their own. Everything else stays, such as
/// captions in SEI messages.
///
/// # Errors
/// If a packet is damaged or missing, or the stream cannot be packaged. Nothing is skipped.
pub fn package(segment: &[u8], codec: EsCodec, place: &Place) -> Result<Packaged, PackageError> {
    match codec {
        EsCodec::AacAdts => audio::package(segment, place),
        EsCodec::Ac3 | EsCodec::Eac3 => ac3::package(segment, codec, place),
        _ => video::package(segment, codec, video_codec(codec)?, place),
    }
}

fn video_codec(codec: EsCodec) -> Result<VideoCodec, PackageError> {
    match codec {
        EsCodec::H264 => Ok(VideoCodec::H264),
        EsCodec::Hevc => Ok(VideoCodec::Hevc),
        EsCodec::Av1 => Ok(VideoCodec::Av1),
        _ => Err(PackageError::Unsupported("the codec cannot be packaged")),
    }
}

#[cfg(test)]
mod tests;
