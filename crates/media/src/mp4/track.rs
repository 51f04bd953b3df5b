//! One track: kind, rotation, start time.

use crate::read::Reader;

use super::boxes::{child, full_box};
use super::{Mp4Error, SampleEntry, SampleTable};

/// The kind of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TrackKind {
    Video,
    Audio,
    /// Subtitles of any kind.
    Text,
    /// Timed metadata, time codes, hints and others.
    Other,
}

/// The clockwise rotation that turns the video upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Rotation {
    #[default]
    None,
    Quarter,
    Half,
    ThreeQuarters,
    /// Mirrored, or by an angle that is not a multiple of a quarter turn.
    Other,
}

impl Rotation {
    /// Clockwise degrees; `None` for [`Rotation::Other`].
    pub fn degrees(self) -> Option<u32> {
        match self {
            Self::None => Some(0),
            Self::Quarter => Some(90),
            Self::Half => Some(180),
            Self::ThreeQuarters => Some(270),
            Self::Other => None,
        }
    }
}

/// One entry of an edit list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Duration in the movie's timescale; 0 means "to the end" in fragmented files.
    pub duration: u64,
    /// Start in the track's timescale; -1 is an empty edit: nothing is shown for `duration`.
    pub media_time: i64,
    /// Speed in 16.16 fixed point; 0x10000 is normal speed.
    pub rate: i32,
}

/// One track.
#[derive(Debug, Clone)]
pub struct Track {
    /// Track id, as in `tkhd`.
    pub id: u32,
    /// Kind of the track.
    pub kind: TrackKind,
    /// Four-character code of the handler, such as `vide`.
    pub handler: [u8; 4],
    /// Whether players select it by default.
    pub enabled: bool,
    /// Units per second of all times of this track.
    pub timescale: u32,
    /// Duration in the track's timescale, before edits.
    pub duration: u64,
    /// Language (ISO 639-2/T), `und` if unknown.
    pub language: String,
    /// Rotation that turns it upright.
    pub rotation: Rotation,
    /// Edit list; empty if there is none.
    pub edits: Vec<Edit>,
    /// The movie's timescale, in which edits are measured.
    pub movie_timescale: u32,
    /// The first sample description; `None` when it cannot be read.
    pub entry: Option<SampleEntry>,
    /// Number of sample descriptions; more than one means that the codec's settings change.
    pub entries: u32,
    /// Positions and times of the samples.
    pub table: SampleTable,
}

impl Track {
    pub(crate) fn parse(trak: &[u8], movie_timescale: u32) -> Result<Self, Mp4Error> {
        let damaged = |what| Mp4Error::Damaged { what };
        let header = child(trak, b"tkhd")
            .and_then(TrackHeader::parse)
            .ok_or(damaged("tkhd"))?;
        let mdia = child(trak, b"mdia").ok_or(damaged("mdia"))?;
        let media = child(mdia, b"mdhd")
            .and_then(MediaHeader::parse)
            .ok_or(damaged("mdhd"))?;
        let handler = child(mdia, b"hdlr")
            .and_then(handler)
            .ok_or(damaged("hdlr"))?;
        let stbl = child(mdia, b"minf")
            .and_then(|it| child(it, b"stbl"))
            .ok_or(damaged("stbl"))?;
        let kind = kind_of(handler);
        let (entries, entry) = child(stbl, b"stsd")
            .and_then(|it| SampleEntry::parse_all(it, kind))
            .unwrap_or((0, None));
        Ok(Self {
            id: header.id,
            kind,
            handler,
            enabled: header.enabled,
            timescale: media.timescale,
            duration: media.duration,
            language: media.language,
            rotation: header.rotation,
            edits: child(trak, b"edts")
                .and_then(|it| child(it, b"elst"))
                .map(edits)
                .unwrap_or_default(),
            movie_timescale,
            entry,
            entries,
            table: SampleTable::parse(stbl)?,
        })
    }

    /// The offset from composition time to presentation time in FFmpeg and players, in the track's
    /// timescale: empty edits at the start delay it, the first real edit moves it forward.
    pub fn presentation_shift(&self) -> i64 {
        let mut empty = 0u64;
        for edit in &self.edits {
            if edit.media_time < 0 {
                empty = empty.saturating_add(edit.duration);
                continue;
            }
            return self.to_track_time(empty).saturating_sub(edit.media_time);
        }
        0
    }

    /// End of the first real edit, as a presentation time in the track's timescale; `None` if it
    /// lasts to the end of the track or there is no edit list.
    pub fn edit_end(&self) -> Option<i64> {
        let edit = self.edits.iter().find(|it| it.media_time >= 0)?;
        if edit.duration == 0 {
            return None;
        }
        let start = self.presentation_shift().saturating_add(edit.media_time);
        Some(start.saturating_add(self.to_track_time(edit.duration)))
    }

    /// Whether the edit list does more than shift the start: several edits, or another speed.
    pub fn has_complex_edits(&self) -> bool {
        let real = self.edits.iter().filter(|it| it.media_time >= 0);
        let empty_after_real = self
            .edits
            .iter()
            .skip_while(|it| it.media_time < 0)
            .any(|it| it.media_time < 0);
        real.clone().count() > 1 || empty_after_real || real.clone().any(|it| it.rate != 0x1_0000)
    }

    fn to_track_time(&self, movie_time: u64) -> i64 {
        let scaled = u128::from(movie_time) * u128::from(self.timescale)
            + u128::from(self.movie_timescale / 2);
        i64::try_from(scaled / u128::from(self.movie_timescale)).unwrap_or(i64::MAX)
    }
}

fn kind_of(handler: [u8; 4]) -> TrackKind {
    match &handler {
        b"vide" => TrackKind::Video,
        b"soun" => TrackKind::Audio,
        b"text" | b"sbtl" | b"subt" | b"clcp" => TrackKind::Text,
        _ => TrackKind::Other,
    }
}

struct TrackHeader {
    id: u32,
    enabled: bool,
    rotation: Rotation,
}

impl TrackHeader {
    fn parse(payload: &[u8]) -> Option<Self> {
        let enabled = payload.get(3)? & 1 == 1;
        let (version, mut reader) = full_box(payload)?;
        reader.skip(if version == 1 { 16 } else { 8 })?;
        let id = reader.u32()?;
        reader.skip(if version == 1 { 12 } else { 8 })?;
        reader.skip(16)?; // reserved, layer, group, volume
        let mut matrix = [0i32; 9];
        for cell in &mut matrix {
            *cell = reader.i32()?;
        }
        Some(Self {
            id,
            enabled,
            rotation: rotation_of(&matrix),
        })
    }
}

/// Only the direction of the axes counts, so a matrix that also scales is recognised.
fn rotation_of(matrix: &[i32; 9]) -> Rotation {
    match [matrix[0], matrix[1], matrix[3], matrix[4]].map(i32::signum) {
        [1, 0, 0, 1] | [0, 0, 0, 0] => Rotation::None,
        [0, 1, -1, 0] => Rotation::Quarter,
        [-1, 0, 0, -1] => Rotation::Half,
        [0, -1, 1, 0] => Rotation::ThreeQuarters,
        _ => Rotation::Other,
    }
}

struct MediaHeader {
    timescale: u32,
    duration: u64,
    language: String,
}

impl MediaHeader {
    fn parse(payload: &[u8]) -> Option<Self> {
        let (version, mut reader) = full_box(payload)?;
        let (timescale, duration) = if version == 1 {
            reader.skip(16)?;
            (reader.u32()?, reader.u64()?)
        } else {
            reader.skip(8)?;
            (reader.u32()?, u64::from(reader.u32()?))
        };
        let language = language_of(reader.u16()?);
        (timescale > 0).then_some(Self {
            timescale,
            duration,
            language,
        })
    }
}

/// Decodes three letters of five bits each. QuickTime files use small numbers from another table
/// instead.
fn language_of(packed: u16) -> String {
    let letters = [10, 5, 0].map(|shift| (packed >> shift & 0x1f) as u8 + 0x60);
    if letters.iter().all(u8::is_ascii_lowercase) {
        letters.iter().map(|&it| char::from(it)).collect()
    } else {
        "und".to_owned()
    }
}

fn handler(payload: &[u8]) -> Option<[u8; 4]> {
    let (_, mut reader) = full_box(payload)?;
    reader.skip(4)?;
    reader.fourcc()
}

fn edits(payload: &[u8]) -> Vec<Edit> {
    let Some((version, mut reader)) = full_box(payload) else {
        return Vec::new();
    };
    let Some(count) = reader.u32() else {
        return Vec::new();
    };
    let mut edits = Vec::new();
    for _ in 0..count {
        let Some(edit) = read_edit(&mut reader, version) else {
            break;
        };
        edits.push(edit);
    }
    edits
}

fn read_edit(reader: &mut Reader<'_>, version: u8) -> Option<Edit> {
    let (duration, media_time) = if version == 1 {
        (reader.u64()?, reader.i64()?)
    } else {
        (u64::from(reader.u32()?), i64::from(reader.i32()?))
    };
    Some(Edit {
        duration,
        media_time,
        rate: reader.i32()?,
    })
}
