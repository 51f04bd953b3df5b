//! The measured facts of segments and chunks, as the catalog and the manifest store them.
//!
//! Playlists, bandwidths and verification are computed from these records, never from an encoder's
//! settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object_key::RenditionName;

pub use hls::{TICKS_PER_SECOND, seconds};

/// One stored segment of one rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// The rendition of the segment.
    pub rendition: RenditionName,
    /// Position in the playlist, from 0; also the initialisation vector.
    pub index: u32,
    /// Number of the production of this generation that stored it, from 1. Every attempt at the
    /// generation, and every change of the strategy within an attempt, gets the next number, which
    /// is part of the object's name: no production writes over the objects of another one. Records
    /// without it are from before these numbers.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub attempt: u32,
    /// First presentation time, ticks from the start of the presentation.
    pub start: u64,
    /// Duration, ticks.
    pub duration: u64,
    /// Size as stored in bytes, encryption padding included.
    pub bytes: u64,
    /// SHA-256 of the stored object, lower-case hex.
    pub sha256: String,
    /// Number of video frames or audio access units.
    pub frames: u32,
    /// For the trick-play rendition: the I-frames in this object, each of which is a separate media
    /// segment with its own encryption. Empty for all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iframes: Vec<IFrameRecord>,
}

/// The number of the first production.
fn first() -> u32 {
    1
}

fn is_first(attempt: &u32) -> bool {
    *attempt == first()
}

/// One I-frame of the trick-play rendition: a byte range that is encrypted separately (RFC 8216,
/// 4.3.2.2 and 4.3.3.6), so that a whole chunk of I-frames needs only one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IFrameRecord {
    /// Media sequence number in the I-frame playlist; also the initialisation vector.
    pub sequence: u32,
    /// Offset in the object, bytes.
    pub offset: u64,
    /// Length in the object in bytes, padding included.
    pub bytes: u64,
    /// Presentation time, ticks from the start of the presentation.
    pub start: u64,
    /// Duration until the next I-frame, ticks.
    pub duration: u64,
}

/// The kind of work of a chunk: each lane advances through the video independently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Remuxes the top rung, and its audio if that can be copied.
    Copy,
    /// Encodes one small rung ahead of all others.
    First,
    /// Decodes once and encodes all other rungs.
    Encode,
    /// Encodes the audio.
    Audio,
}

impl Lane {
    /// All lanes, in the order in which viewers need their output.
    pub const ALL: [Self; 4] = [Self::Copy, Self::First, Self::Encode, Self::Audio];

    /// Name in the catalog and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::First => "first",
            Self::Encode => "encode",
            Self::Audio => "audio",
        }
    }
}

/// A finished chunk: consecutive segments of all renditions of a lane. It is the unit of work,
/// retry, progress and cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRecord {
    /// The lane of the chunk.
    pub lane: Lane,
    /// Position in its lane, from 0.
    pub index: u32,
    /// CPU time of FFmpeg and its children, milliseconds.
    pub cpu_ms: u64,
    /// Wall time, milliseconds.
    pub wall_ms: u64,
    /// All stored segments, sorted by rendition and index.
    pub segments: Vec<SegmentRecord>,
    /// `CODECS` values found in the bitstreams (RFC 6381), by rendition.
    #[serde(default)]
    pub codecs: BTreeMap<RenditionName, String>,
    /// The traffic of another transcoder than the one that publishes; `None`: that one counts its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<ChunkTraffic>,
}

/// What a transcoder that takes part in a fan-out read and wrote for a chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkTraffic {
    /// Bytes read from the source.
    pub bytes_in: u64,
    /// Bytes written to the store.
    pub bytes_out: u64,
    /// Requests that read from the store.
    pub reads: u64,
    /// Requests that wrote to the store.
    pub writes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of earlier versions, and of the first production, have no number.
    #[test]
    fn a_record_without_a_number_is_of_the_first_production() {
        let json = r#"{"rendition":"720p","index":3,"start":0,"duration":1,"bytes":2,"sha256":"ab","frames":4}"#;
        let record: SegmentRecord = serde_json::from_str(json).unwrap();
        assert_eq!(record.attempt, 1);
        assert_eq!(serde_json::to_string(&record).unwrap(), json);
        let second = SegmentRecord {
            attempt: 2,
            ..record
        };
        let json = serde_json::to_string(&second).unwrap();
        assert!(json.contains(r#""attempt":2"#), "{json}");
        assert_eq!(
            serde_json::from_str::<SegmentRecord>(&json).unwrap(),
            second
        );
    }
}
