//! The `moov` box: the file's tracks and their tables.

use super::boxes::{child, children, full_box};
use super::track::Track;
use super::{Mp4Error, TrackKind};

/// Maximum number of tracks; no usable file has more.
const MAX_TRACKS: usize = 128;

/// The index of a file.
#[derive(Debug, Clone)]
pub struct Moov {
    /// Units per second of `duration`.
    pub timescale: u32,
    /// Duration of the longest track, edits applied.
    pub duration: u64,
    /// Whether fragments (`moof`) describe the samples: the tables cannot be relied upon.
    pub fragmented: bool,
    /// Size of the file, as the caller declared it.
    pub file_bytes: u64,
    /// Tracks in the order of the file.
    pub tracks: Vec<Track>,
}

impl Moov {
    /// Parses the payload of a `moov` box (without its header) of a file of `file_bytes` bytes.
    ///
    /// # Errors
    /// [`Mp4Error::Damaged`] and [`Mp4Error::Compressed`].
    pub fn parse(payload: &[u8], file_bytes: u64, fragments_seen: bool) -> Result<Self, Mp4Error> {
        if child(payload, b"cmov").is_some() {
            return Err(Mp4Error::Compressed);
        }
        let (timescale, duration) = child(payload, b"mvhd")
            .and_then(movie_header)
            .ok_or(Mp4Error::Damaged { what: "mvhd" })?;
        let fragmented = fragments_seen || child(payload, b"mvex").is_some();
        let mut tracks = Vec::new();
        for (kind, body) in children(payload) {
            if &kind == b"trak" && tracks.len() < MAX_TRACKS {
                tracks.push(Track::parse(body, timescale)?);
            }
        }
        Ok(Self {
            timescale,
            duration,
            fragmented,
            file_bytes,
            tracks,
        })
    }

    /// The first video track that contains frames. In fragmented files the tables are empty, so any
    /// will do.
    pub fn video(&self) -> Option<&Track> {
        let mut video = self.tracks.iter().filter(|it| it.kind == TrackKind::Video);
        video.find(|it| self.fragmented || it.table.sample_count() > 0)
    }

    /// The audio tracks.
    pub fn audio(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|it| it.kind == TrackKind::Audio)
    }

    /// Minimum size of a file that contains all samples, bytes.
    ///
    /// # Errors
    /// If the tables contradict each other.
    pub fn required_bytes(&self) -> Result<u64, Mp4Error> {
        self.tracks.iter().try_fold(0, |most, track| {
            // QuickTime counts compressed audio in samples of a fictitious size: only its start
            // offset is used.
            let believe_uniform = track.kind == TrackKind::Video;
            Ok(most.max(track.table.end_of_last_sample(believe_uniform)?))
        })
    }

    /// Whether all samples of the tables are inside the file.
    ///
    /// # Errors
    /// [`Mp4Error::Truncated`] if they are not.
    pub fn check_complete(&self) -> Result<(), Mp4Error> {
        let expected = self.required_bytes()?;
        if expected > self.file_bytes {
            return Err(Mp4Error::Truncated {
                expected,
                actual: self.file_bytes,
            });
        }
        Ok(())
    }

    /// Duration of the longest track, seconds.
    pub fn duration_s(&self) -> f64 {
        self.duration as f64 / f64::from(self.timescale)
    }
}

fn movie_header(payload: &[u8]) -> Option<(u32, u64)> {
    let (version, mut reader) = full_box(payload)?;
    let (timescale, duration) = if version == 1 {
        reader.skip(16)?;
        (reader.u32()?, reader.u64()?)
    } else {
        reader.skip(8)?;
        (reader.u32()?, u64::from(reader.u32()?))
    };
    (timescale > 0).then_some((timescale, duration))
}
