//! Media playlists (RFC 8216, 4.3.2 and 4.3.3).

mod reader;

use crate::lines::LineKind;

use super::Parsed;
use super::common::{At, Define, Key, Start, begin};
use reader::MediaReader;

/// The contents of a media playlist.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MediaPlaylist {
    /// EXT-X-VERSION.
    pub version: Option<At<u64>>,
    /// EXT-X-TARGETDURATION, seconds.
    pub target_duration: Option<At<u64>>,
    /// EXT-X-MEDIA-SEQUENCE; 0 where it is not given.
    pub media_sequence: Option<At<u64>>,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: Option<At<u64>>,
    /// EXT-X-PLAYLIST-TYPE.
    pub playlist_type: Option<At<PlaylistType>>,
    /// The line of EXT-X-ENDLIST.
    pub end_list: Option<u32>,
    /// The line of EXT-X-I-FRAMES-ONLY.
    pub iframes_only: Option<u32>,
    /// The line of EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: Option<u32>,
    /// EXT-X-START.
    pub start: Option<At<Start>>,
    /// EXT-X-DEFINE, in order.
    pub defines: Vec<At<Define>>,
    /// EXT-X-KEY, in order.
    pub keys: Vec<Key>,
    /// EXT-X-MAP, in order.
    pub maps: Vec<Map>,
    /// The segments, in order.
    pub segments: Vec<MediaSegment>,
}

/// EXT-X-PLAYLIST-TYPE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaylistType {
    /// Segments may be appended.
    Event,
    /// The playlist never changes.
    Vod,
}

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    /// Length in bytes.
    pub length: u64,
    /// Offset in bytes.
    pub offset: u64,
}

/// EXT-X-MAP: initialisation data of the segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Line of the tag.
    pub line: u32,
    /// URI of the file.
    pub uri: String,
    /// The part of the file; `None`: all of it.
    pub byte_range: Option<ByteRange>,
    /// The keys in force, as indices into the playlist's.
    pub keys: Vec<usize>,
}

/// One segment, and the tags that apply to it.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaSegment {
    /// Line of the URI.
    pub line: u32,
    /// Media sequence number.
    pub sequence: u64,
    /// URI as written.
    pub uri: String,
    /// EXTINF, seconds; `None`: missing or not a number.
    pub duration: Option<At<f64>>,
    /// The text after the comma of EXTINF.
    pub title: Option<String>,
    /// EXT-X-BYTERANGE, its offset made explicit; `None`: all of the file.
    pub byte_range: Option<At<ByteRange>>,
    /// The line of EXT-X-DISCONTINUITY before it.
    pub discontinuity: Option<u32>,
    /// The line of EXT-X-GAP before it.
    pub gap: Option<u32>,
    /// EXT-X-PROGRAM-DATE-TIME before it, as written.
    pub program_date_time: Option<At<String>>,
    /// The keys in force, as indices into the playlist's; several for several key formats.
    pub keys: Vec<usize>,
    /// The map in force, as an index into the playlist's.
    pub map: Option<usize>,
}

/// Tags that occur only in media playlists.
pub(super) const TAGS: [&str; 14] = [
    "#EXTINF",
    "#EXT-X-BYTERANGE",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-KEY",
    "#EXT-X-MAP",
    "#EXT-X-PROGRAM-DATE-TIME",
    "#EXT-X-DATERANGE",
    "#EXT-X-GAP",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
    "#EXT-X-ENDLIST",
    "#EXT-X-PLAYLIST-TYPE",
    "#EXT-X-I-FRAMES-ONLY",
];

impl MediaPlaylist {
    /// Parses a media playlist.
    pub fn parse(text: &str) -> Parsed<Self> {
        let mut problems = vec![];
        let mut reader = MediaReader::default();
        for line in begin(text, &mut problems) {
            match line.kind {
                LineKind::Tag { name, value } => reader.tag(&line, name, value, &mut problems),
                LineKind::Uri(uri) => reader.uri(&line, uri, &mut problems),
                LineKind::Comment | LineKind::Blank => {}
            }
        }
        let playlist = reader.finish(&mut problems);
        problems.sort_by_key(|it| (it.line, it.column));
        Parsed { playlist, problems }
    }

    /// The key of a segment, if one in plain octets applies to it.
    pub fn key_of(&self, segment: &MediaSegment) -> Option<&Key> {
        segment
            .keys
            .iter()
            .filter_map(|it| self.keys.get(*it))
            .find(|it| it.is_identity())
    }

    /// Sum of all EXTINF, seconds.
    pub fn duration(&self) -> f64 {
        self.segments
            .iter()
            .filter_map(|it| it.duration)
            .map(|it| it.value)
            .sum()
    }
}
