//! What was made: the measured facts of segments and chunks, as the catalog and the manifest keep them.
//!
//! Playlists, bandwidths and verification are all computed from these records, never from what
//! an encoder was asked to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object_key::RenditionName;

pub use hls::{TICKS_PER_SECOND, seconds};

/// One stored segment of one rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// Whose segment.
    pub rendition: RenditionName,
    /// Place in the playlist, from 0; also the initialisation vector.
    pub index: u32,
    /// First presentation time, in ticks from the start of the presentation.
    pub start: u64,
    /// Ticks.
    pub duration: u64,
    /// Size as stored, padding of the encryption included.
    pub bytes: u64,
    /// SHA-256 of the object as stored, lower-case hex.
    pub sha256: String,
    /// Video frames, or audio access units.
    pub frames: u32,
    /// For the trick-play rendition: the I-frames inside this object, each a media segment of its own,
    /// encrypted on its own. Empty for all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iframes: Vec<IFrameRecord>,
}

/// One I-frame of the trick-play rendition: a byte range that is encrypted on its own
/// (RFC 8216, 4.3.2.2 and 4.3.3.6), so that a whole chunk of them needs only one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IFrameRecord {
    /// Media sequence number in the I-frame playlist; also the initialisation vector.
    pub sequence: u32,
    /// Where it begins in the object.
    pub offset: u64,
    /// Its length in the object, padding included.
    pub bytes: u64,
    /// Presentation time, in ticks from the start of the presentation.
    pub start: u64,
    /// Ticks until the next I-frame.
    pub duration: u64,
}

/// What kind of work a chunk is: each lane goes through the video on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Remuxes the top rung, and its sound where that can be passed on.
    Copy,
    /// Decodes once and encodes every other rung.
    Encode,
    /// Encodes the audio.
    Audio,
}

impl Lane {
    /// Its name in the catalog and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Encode => "encode",
            Self::Audio => "audio",
        }
    }
}

/// A finished chunk: some consecutive segments of all renditions of a lane. The unit of work,
/// of retry, of progress and of cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRecord {
    /// Which kind of work.
    pub lane: Lane,
    /// Place in its lane, from 0.
    pub index: u32,
    /// CPU time of FFmpeg and its children, milliseconds.
    pub cpu_ms: u64,
    /// Wall time, milliseconds.
    pub wall_ms: u64,
    /// Everything that was stored, sorted by rendition and index.
    pub segments: Vec<SegmentRecord>,
    /// What the bitstreams say they are (RFC 6381), by rendition.
    #[serde(default)]
    pub codecs: BTreeMap<RenditionName, String>,
}
