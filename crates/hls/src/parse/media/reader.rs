//! Reads a media playlist line by line.

use crate::attributes::{AttributeList, decimal_float, decimal_integer};
use crate::lines::Line;

use super::super::common::{
    At, Define, Key, KeyMethod, Reader, Start, attributes, bad_value, integer, once,
};
use super::super::{Problem, ProblemKind, master};
use super::{ByteRange, Map, MediaPlaylist, MediaSegment, PlaylistType};

/// The parser's state between two lines.
#[derive(Default)]
pub(super) struct MediaReader {
    playlist: MediaPlaylist,
    duration: Option<At<f64>>,
    extinf_line: Option<u32>,
    title: Option<String>,
    /// Length, offset as written, and line.
    byte_range: Option<At<(u64, Option<u64>)>>,
    discontinuity: Option<u32>,
    gap: Option<u32>,
    program_date_time: Option<At<String>>,
    keys: Vec<usize>,
    map: Option<usize>,
    /// File and end of the last byte range.
    last_range: Option<(String, u64)>,
}

impl MediaReader {
    pub(super) fn tag(
        &mut self,
        line: &Line<'_>,
        name: &str,
        value: Option<&str>,
        problems: &mut Vec<Problem>,
    ) {
        let here = Some(line.number);
        let playlist = &mut self.playlist;
        match name {
            "#EXT-X-VERSION" => once(
                &mut playlist.version,
                integer(line, problems),
                line,
                problems,
            ),
            "#EXT-X-TARGETDURATION" => once(
                &mut playlist.target_duration,
                integer(line, problems),
                line,
                problems,
            ),
            "#EXT-X-MEDIA-SEQUENCE" => once(
                &mut playlist.media_sequence,
                integer(line, problems),
                line,
                problems,
            ),
            "#EXT-X-DISCONTINUITY-SEQUENCE" => {
                once(
                    &mut playlist.discontinuity_sequence,
                    integer(line, problems),
                    line,
                    problems,
                );
            }
            "#EXT-X-PLAYLIST-TYPE" => {
                let kind = match value {
                    Some("EVENT") => Some(PlaylistType::Event),
                    Some("VOD") => Some(PlaylistType::Vod),
                    _ => {
                        problems.push(bad_value(line, name, "EVENT or VOD"));
                        None
                    }
                };
                let kind = kind.map(|value| At {
                    line: line.number,
                    value,
                });
                once(&mut playlist.playlist_type, kind, line, problems);
            }
            "#EXT-X-ENDLIST" => once(&mut playlist.end_list, here, line, problems),
            "#EXT-X-I-FRAMES-ONLY" => once(&mut playlist.iframes_only, here, line, problems),
            "#EXT-X-INDEPENDENT-SEGMENTS" => {
                once(&mut playlist.independent_segments, here, line, problems)
            }
            "#EXT-X-START" => {
                let start = Start::read(&attributes(line, problems), problems);
                once(
                    &mut playlist.start,
                    start.map(|value| At {
                        line: line.number,
                        value,
                    }),
                    line,
                    problems,
                );
            }
            "#EXT-X-DEFINE" => {
                let define = Define::read(&attributes(line, problems), problems);
                playlist.defines.extend(define.map(|value| At {
                    line: line.number,
                    value,
                }));
            }
            "#EXTINF" => self.extinf(line, value.unwrap_or_default(), problems),
            "#EXT-X-BYTERANGE" => match value.and_then(byte_range) {
                Some(value) => {
                    self.byte_range = Some(At {
                        line: line.number,
                        value,
                    })
                }
                None => problems.push(bad_value(line, name, "a length, or length@offset")),
            },
            "#EXT-X-DISCONTINUITY" => self.discontinuity = here,
            "#EXT-X-GAP" => self.gap = here,
            "#EXT-X-PROGRAM-DATE-TIME" => {
                let value = value.unwrap_or_default().to_owned();
                self.program_date_time = Some(At {
                    line: line.number,
                    value,
                });
            }
            "#EXT-X-KEY" => self.key(line, problems),
            "#EXT-X-MAP" => self.map(line, problems),
            _ if master::TAGS.contains(&name) => {
                let kind = ProblemKind::WrongPlaylist {
                    tag: name.to_owned(),
                    kind: "media",
                };
                problems.push(Problem {
                    line: line.number,
                    column: 1,
                    kind,
                });
            }
            _ => {}
        }
    }

    fn extinf(&mut self, line: &Line<'_>, value: &str, problems: &mut Vec<Problem>) {
        self.extinf_without_uri(problems);
        let (duration, title) = value
            .split_once(',')
            .map_or((value, None), |(it, title)| (it, Some(title)));
        self.duration = decimal_float(duration).map(|value| At {
            line: line.number,
            value,
        });
        if self.duration.is_none() {
            problems.push(bad_value(line, "#EXTINF", "a decimal number of seconds"));
        }
        self.extinf_line = Some(line.number);
        self.title = title.filter(|it| !it.is_empty()).map(str::to_owned);
    }

    fn key(&mut self, line: &Line<'_>, problems: &mut Vec<Problem>) {
        let key = Key::read(&attributes(line, problems), line.number, problems);
        let keys = &self.playlist.keys;
        let format = |it: &Key| {
            it.key_format
                .clone()
                .unwrap_or_else(|| "identity".to_owned())
        };
        if key.method == KeyMethod::None {
            self.keys.clear();
        } else {
            // A key applies until the next one of the same format (RFC 8216, 4.3.2.4).
            self.keys
                .retain(|it| keys.get(*it).is_some_and(|it| format(it) != format(&key)));
            self.keys.push(keys.len());
        }
        self.playlist.keys.push(key);
    }

    fn map(&mut self, line: &Line<'_>, problems: &mut Vec<Problem>) {
        let list = attributes(line, problems);
        let mut reader = Reader {
            attributes: &list,
            problems,
        };
        let uri = reader.required("URI", AttributeList::quoted);
        let text = reader.optional("BYTERANGE", AttributeList::quoted);
        let range = text.and_then(byte_range);
        if text.is_some() && range.is_none() {
            problems.push(bad_value(
                line,
                "#EXT-X-MAP",
                "a BYTERANGE of length@offset",
            ));
        }
        let Some(uri) = uri else { return };
        self.map = Some(self.playlist.maps.len());
        self.playlist.maps.push(Map {
            line: line.number,
            uri: uri.to_owned(),
            byte_range: range.map(|(length, offset)| ByteRange {
                length,
                offset: offset.unwrap_or(0),
            }),
            keys: self.keys.clone(),
        });
    }

    pub(super) fn uri(&mut self, line: &Line<'_>, uri: &str, problems: &mut Vec<Problem>) {
        if self.extinf_line.take().is_none() {
            problems.push(Problem {
                line: line.number,
                column: 1,
                kind: ProblemKind::UriWithoutExtinf,
            });
        }
        let byte_range = self.byte_range.take().map(
            |At {
                 line: at,
                 value: (length, offset),
             }| {
                let follows = self
                    .last_range
                    .as_ref()
                    .filter(|it| it.0 == uri)
                    .map(|it| it.1);
                if offset.is_none() && follows.is_none() {
                    problems.push(Problem {
                        line: at,
                        column: 1,
                        kind: ProblemKind::ByteRangeWithoutOffset,
                    });
                }
                At {
                    line: at,
                    value: ByteRange {
                        length,
                        offset: offset.or(follows).unwrap_or(0),
                    },
                }
            },
        );
        self.last_range = byte_range.map(|it| {
            (
                uri.to_owned(),
                it.value.offset.saturating_add(it.value.length),
            )
        });
        self.playlist.segments.push(MediaSegment {
            line: line.number,
            sequence: self.playlist.segments.len() as u64,
            uri: uri.to_owned(),
            duration: self.duration.take(),
            title: self.title.take(),
            byte_range,
            discontinuity: self.discontinuity.take(),
            gap: self.gap.take(),
            program_date_time: self.program_date_time.take(),
            keys: self.keys.clone(),
            map: self.map,
        });
    }

    fn extinf_without_uri(&mut self, problems: &mut Vec<Problem>) {
        if let Some(line) = self.extinf_line.take() {
            let kind = ProblemKind::TagWithoutUri { tag: "#EXTINF" };
            problems.push(Problem {
                line,
                column: 1,
                kind,
            });
        }
    }

    pub(super) fn finish(mut self, problems: &mut Vec<Problem>) -> MediaPlaylist {
        self.extinf_without_uri(problems);
        if self.playlist.target_duration.is_none() {
            let kind = ProblemKind::MissingTag {
                tag: "#EXT-X-TARGETDURATION",
            };
            problems.push(Problem {
                line: 0,
                column: 1,
                kind,
            });
        }
        let first = self.playlist.media_sequence.map_or(0, |it| it.value);
        for segment in &mut self.playlist.segments {
            segment.sequence = segment.sequence.saturating_add(first);
        }
        self.playlist
    }
}

/// `length` or `length@offset`.
fn byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.split_once('@') {
        Some((length, offset)) => Some((decimal_integer(length)?, Some(decimal_integer(offset)?))),
        None => Some((decimal_integer(text)?, None)),
    }
}
