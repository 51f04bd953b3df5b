//! Media playlists and I-frame playlists.

use std::fmt::Write as _;

use crate::parse::ByteRange;
use crate::{TICKS_PER_SECOND, seconds};

/// A media playlist, or (with `iframes_only`) an I-frame playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPlaylistSpec {
    /// Target duration, seconds; constant while an EVENT playlist grows (RFC 8216, 6.2.1): see [`target_duration`].
    pub target_duration: u32,
    /// Whether it is growing or finished.
    pub kind: MediaPlaylistKind,
    /// Whether every segment is one I-frame (RFC 8216, 4.3.3.6).
    pub iframes_only: bool,
    /// The segments in order, the first with media sequence number 0.
    pub segments: Vec<SegmentSpec>,
}

/// The kind of a media playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaPlaylistKind {
    /// Growing: segments will follow; players start at the beginning nevertheless.
    Event,
    /// Finished: it never changes.
    Vod,
}

/// Players begin near the end of a playlist that may grow, unless EXT-X-START says where (RFC 8216, 4.3.5.2).
///
/// Not 0, which Shaka Player treats as no offset. Without PRECISE, players show the whole segment that contains the
/// offset. Shaka Player reads the tag in the master playlist, FFmpeg and others in the media playlist; if both have it,
/// the values are the same (RFC 8216, 4.3.5).
///
/// A master playlist ends with it while the video grows, and only then.
pub const START_AT_BEGINNING: &str = "#EXT-X-START:TIME-OFFSET=0.01\n";

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSpec {
    /// URI relative to the playlist.
    pub uri: String,
    /// Duration in ticks.
    pub duration: u64,
    /// The part of the file; `None`: all of it.
    pub byte_range: Option<ByteRange>,
    /// URI of the initialisation section, relative to the playlist; `None`: the segment needs none.
    pub map: Option<String>,
    /// The address of the key, relative to the playlist; `None`: the segment is clear. The initialisation vector is
    /// the media sequence number (RFC 8216, 5.2).
    pub key: Option<String>,
}

/// EXT-X-TARGETDURATION, seconds: no segment, rounded to the nearest second, is longer (RFC 8216, 4.3.3.1).
/// `durations` in ticks. At least 1: some players divide by it.
pub fn target_duration(durations: impl IntoIterator<Item = u64>) -> u32 {
    let longest = durations.into_iter().max().unwrap_or(0);
    let rounded = longest.saturating_add(TICKS_PER_SECOND / 2) / TICKS_PER_SECOND;
    u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
}

impl MediaPlaylistSpec {
    /// The text.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(512 + self.segments.len() * 48);
        // Writing into a `String` cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let ranges = self.segments.iter().any(|it| it.byte_range.is_some());
        let maps = self.segments.iter().any(|it| it.map.is_some());
        // Version 3: decimal EXTINF; 4: byte ranges, I-frame playlists; 5: EXT-X-MAP in these, 6: in
        // all others (RFC 8216, 7).
        let version = match (maps, self.iframes_only) {
            (true, false) => 6,
            (true, true) => 5,
            (false, true) => 4,
            (false, false) if ranges => 4,
            (false, false) => 3,
        };
        writeln!(out, "#EXTM3U\n#EXT-X-VERSION:{version}")?;
        writeln!(
            out,
            "#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0",
            self.target_duration
        )?;
        match self.kind {
            MediaPlaylistKind::Event => {
                write!(out, "#EXT-X-PLAYLIST-TYPE:EVENT\n{START_AT_BEGINNING}")?
            }
            MediaPlaylistKind::Vod => out.push_str("#EXT-X-PLAYLIST-TYPE:VOD\n"),
        }
        if self.iframes_only {
            out.push_str("#EXT-X-I-FRAMES-ONLY\n");
        } else {
            out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
        }
        // A key applies until the next one is named (RFC 8216, 4.3.2.4).
        let (mut holds, mut map) = (None, None);
        for (sequence, segment) in self.segments.iter().enumerate() {
            // An initialisation section is clear. A key that applies would apply to it too (RFC 8216,
            // 4.3.2.5).
            if map != segment.map.as_deref()
                && let Some(uri) = segment.map.as_deref()
            {
                if holds.take().is_some() {
                    out.push_str("#EXT-X-KEY:METHOD=NONE\n");
                }
                writeln!(out, "#EXT-X-MAP:URI=\"{}\"", quotable(uri))?;
            }
            map = segment.map.as_deref();
            let key = segment
                .key
                .as_deref()
                .map(|uri| (uri, segment.byte_range.is_some()));
            match key {
                // A range is encrypted separately, so its IV is written explicitly.
                Some((uri, true)) => {
                    writeln!(
                        out,
                        "#EXT-X-KEY:METHOD=AES-128,URI=\"{}\",IV=0x{sequence:032x}",
                        quotable(uri)
                    )?;
                }
                Some((uri, false)) if holds != key => {
                    writeln!(out, "#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"", quotable(uri))?
                }
                None if holds.is_some() => out.push_str("#EXT-X-KEY:METHOD=NONE\n"),
                _ => {}
            }
            holds = key;
            writeln!(out, "#EXTINF:{:.6},", seconds(segment.duration))?;
            if let Some(ByteRange { length, offset }) = segment.byte_range {
                writeln!(out, "#EXT-X-BYTERANGE:{length}@{offset}")?;
            }
            writeln!(out, "{}", one_line(&segment.uri))?;
        }
        if self.kind == MediaPlaylistKind::Vod {
            out.push_str("#EXT-X-ENDLIST\n");
        }
        Ok(())
    }
}

/// Text for a quoted string, which has no escapes: quotes and line ends are not allowed in it (RFC 8216, 4.2).
pub(super) fn quotable(text: &str) -> String {
    text.chars()
        .map(|it| {
            if it == '"' || it.is_control() {
                '_'
            } else {
                it
            }
        })
        .collect()
}

/// Text for a separate line.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|it| if it.is_control() { '_' } else { it })
        .collect()
}
