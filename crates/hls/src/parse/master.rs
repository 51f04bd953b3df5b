//! Master playlists (RFC 8216, 4.3.4).

use crate::attributes::{AttributeList, Resolution};
use crate::lines::{Line, LineKind};

use super::common::{At, Define, Key, Reader, Start, attributes, begin, integer, once};
use super::{Parsed, Problem, ProblemKind, media};

/// The contents of a master playlist.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MasterPlaylist {
    /// EXT-X-VERSION.
    pub version: Option<At<u64>>,
    /// The line of EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: Option<u32>,
    /// EXT-X-START.
    pub start: Option<At<Start>>,
    /// EXT-X-DEFINE, in order.
    pub defines: Vec<At<Define>>,
    /// EXT-X-STREAM-INF, in order.
    pub variants: Vec<Variant>,
    /// EXT-X-I-FRAME-STREAM-INF, in order.
    pub iframes: Vec<Variant>,
    /// EXT-X-MEDIA, in order.
    pub media: Vec<Media>,
    /// EXT-X-SESSION-KEY, in order.
    pub session_keys: Vec<Key>,
    /// EXT-X-SESSION-DATA, in order.
    pub session_data: Vec<SessionData>,
}

/// EXT-X-STREAM-INF, or EXT-X-I-FRAME-STREAM-INF.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Variant {
    /// Line of the tag.
    pub line: u32,
    /// Line of the URI; of an I-frame variant the same as `line`.
    pub uri_line: u32,
    /// URI as written.
    pub uri: String,
    /// Peak bit rate, bit/s.
    pub bandwidth: Option<u64>,
    /// Average bit rate, bit/s.
    pub average_bandwidth: Option<u64>,
    /// Codecs as written, separated by commas.
    pub codecs: Option<String>,
    /// Display size in pixels.
    pub resolution: Option<Resolution>,
    /// Frames per second.
    pub frame_rate: Option<f64>,
    /// `SDR`, `HLG` or `PQ`.
    pub video_range: Option<String>,
    /// HDCP-LEVEL.
    pub hdcp_level: Option<String>,
    /// Name of the audio group.
    pub audio: Option<String>,
    /// Name of the video group.
    pub video: Option<String>,
    /// Name of the subtitle group.
    pub subtitles: Option<String>,
    /// Name of the closed-caption group; `NONE` if the variant declares that it has none.
    pub closed_captions: Option<String>,
}

/// TYPE of EXT-X-MEDIA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// Audio.
    Audio,
    /// Video.
    Video,
    /// Text in separate playlists.
    Subtitles,
    /// Text inside the video stream.
    ClosedCaptions,
}

/// EXT-X-MEDIA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Line of the tag.
    pub line: u32,
    /// Type of media; `None`: missing or unknown.
    pub media_type: Option<MediaType>,
    /// Name of its group.
    pub group: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Language (BCP 47).
    pub language: Option<String>,
    /// Associated language (BCP 47).
    pub associated_language: Option<String>,
    /// URI of its playlist; `None`: it is inside the variant itself.
    pub uri: Option<String>,
    /// Whether to play it if the user has no preference.
    pub default: bool,
    /// Whether the player may select it automatically.
    pub autoselect: bool,
    /// Whether subtitles must be shown.
    pub forced: bool,
    /// Number of channels, and further parameters.
    pub channels: Option<String>,
    /// Uniform Type Identifiers, separated by commas.
    pub characteristics: Option<String>,
    /// Id of closed captions inside the segments.
    pub instream_id: Option<String>,
}

/// EXT-X-SESSION-DATA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionData {
    /// Line of the tag.
    pub line: u32,
    /// Identifier of the data.
    pub data_id: Option<String>,
    /// The value itself.
    pub value: Option<String>,
    /// URI of a JSON document with the value.
    pub uri: Option<String>,
    /// Language (BCP 47).
    pub language: Option<String>,
}

/// Tags that occur only in master playlists.
pub(super) const TAGS: [&str; 5] = [
    "#EXT-X-MEDIA",
    "#EXT-X-STREAM-INF",
    "#EXT-X-I-FRAME-STREAM-INF",
    "#EXT-X-SESSION-DATA",
    "#EXT-X-SESSION-KEY",
];

impl MasterPlaylist {
    /// Parses a master playlist.
    pub fn parse(text: &str) -> Parsed<Self> {
        let mut problems = vec![];
        let mut playlist = Self::default();
        let mut pending: Option<Variant> = None;
        for line in begin(text, &mut problems) {
            match line.kind {
                LineKind::Tag {
                    name: "#EXT-X-STREAM-INF",
                    ..
                } => {
                    without_uri(pending.take(), &mut problems);
                    let list = attributes(&line, &mut problems);
                    pending = Some(Variant::read(&list, line.number, &mut problems));
                }
                LineKind::Tag { name, .. } => playlist.tag(&line, name, &mut problems),
                LineKind::Uri(uri) => match pending.take() {
                    Some(variant) => {
                        playlist.variants.push(Variant {
                            uri: uri.to_owned(),
                            uri_line: line.number,
                            ..variant
                        });
                    }
                    None => {
                        let kind = ProblemKind::UriWithoutStreamInf;
                        problems.push(Problem {
                            line: line.number,
                            column: 1,
                            kind,
                        });
                    }
                },
                LineKind::Comment | LineKind::Blank => {}
            }
        }
        without_uri(pending, &mut problems);
        problems.sort_by_key(|it| (it.line, it.column));
        Parsed { playlist, problems }
    }

    fn tag(&mut self, line: &Line<'_>, name: &str, problems: &mut Vec<Problem>) {
        match name {
            "#EXT-X-VERSION" => once(&mut self.version, integer(line, problems), line, problems),
            "#EXT-X-INDEPENDENT-SEGMENTS" => {
                once(
                    &mut self.independent_segments,
                    Some(line.number),
                    line,
                    problems,
                );
            }
            "#EXT-X-START" => {
                let start = Start::read(&attributes(line, problems), problems);
                once(
                    &mut self.start,
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
                self.defines.extend(define.map(|value| At {
                    line: line.number,
                    value,
                }));
            }
            "#EXT-X-MEDIA" => {
                let media = Media::read(&attributes(line, problems), line.number, problems);
                self.media.push(media);
            }
            "#EXT-X-I-FRAME-STREAM-INF" => {
                let list = attributes(line, problems);
                let variant = Variant::read(&list, line.number, problems);
                let uri = Reader {
                    attributes: &list,
                    problems,
                }
                .required("URI", AttributeList::quoted);
                let uri = uri.unwrap_or_default().to_owned();
                self.iframes.push(Variant {
                    uri,
                    uri_line: line.number,
                    ..variant
                });
            }
            "#EXT-X-SESSION-KEY" => {
                let key = Key::read(&attributes(line, problems), line.number, problems);
                self.session_keys.push(key);
            }
            "#EXT-X-SESSION-DATA" => {
                let list = attributes(line, problems);
                let mut reader = Reader {
                    attributes: &list,
                    problems,
                };
                let data_id = reader
                    .required("DATA-ID", AttributeList::quoted)
                    .map(str::to_owned);
                let (value, uri) = (reader.text("VALUE"), reader.text("URI"));
                let language = reader.text("LANGUAGE");
                self.session_data.push(SessionData {
                    line: line.number,
                    data_id,
                    value,
                    uri,
                    language,
                });
            }
            _ if media::TAGS.contains(&name) => {
                let kind = ProblemKind::WrongPlaylist {
                    tag: name.to_owned(),
                    kind: "master",
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
}

impl Variant {
    fn read(attributes: &AttributeList<'_>, line: u32, problems: &mut Vec<Problem>) -> Self {
        let mut reader = Reader {
            attributes,
            problems,
        };
        let bandwidth = reader.required("BANDWIDTH", AttributeList::integer);
        let closed_captions = match attributes.get("CLOSED-CAPTIONS").map(|it| it.raw) {
            Some("NONE") => Some("NONE".to_owned()),
            _ => reader.text("CLOSED-CAPTIONS"),
        };
        Self {
            line,
            uri_line: line,
            uri: String::new(),
            bandwidth,
            average_bandwidth: reader.optional("AVERAGE-BANDWIDTH", AttributeList::integer),
            codecs: reader.text("CODECS"),
            resolution: reader.optional("RESOLUTION", AttributeList::resolution),
            frame_rate: reader.optional("FRAME-RATE", AttributeList::decimal),
            video_range: reader
                .optional("VIDEO-RANGE", AttributeList::enumerated)
                .map(str::to_owned),
            hdcp_level: reader
                .optional("HDCP-LEVEL", AttributeList::enumerated)
                .map(str::to_owned),
            audio: reader.text("AUDIO"),
            video: reader.text("VIDEO"),
            subtitles: reader.text("SUBTITLES"),
            closed_captions,
        }
    }
}

impl Media {
    fn read(attributes: &AttributeList<'_>, line: u32, problems: &mut Vec<Problem>) -> Self {
        let mut reader = Reader {
            attributes,
            problems,
        };
        let media_type = reader.required("TYPE", |list, name| {
            let known = list.enumerated(name)?.map(|it| match it {
                "AUDIO" => Ok(MediaType::Audio),
                "VIDEO" => Ok(MediaType::Video),
                "SUBTITLES" => Ok(MediaType::Subtitles),
                "CLOSED-CAPTIONS" => Ok(MediaType::ClosedCaptions),
                _ => Err(list.bad(name, "AUDIO, VIDEO, SUBTITLES or CLOSED-CAPTIONS")),
            });
            known.transpose()
        });
        Self {
            line,
            media_type,
            group: reader
                .required("GROUP-ID", AttributeList::quoted)
                .map(str::to_owned),
            name: reader
                .required("NAME", AttributeList::quoted)
                .map(str::to_owned),
            language: reader.text("LANGUAGE"),
            associated_language: reader.text("ASSOC-LANGUAGE"),
            uri: reader.text("URI"),
            default: reader
                .optional("DEFAULT", AttributeList::yes_no)
                .unwrap_or(false),
            autoselect: reader
                .optional("AUTOSELECT", AttributeList::yes_no)
                .unwrap_or(false),
            forced: reader
                .optional("FORCED", AttributeList::yes_no)
                .unwrap_or(false),
            channels: reader.text("CHANNELS"),
            characteristics: reader.text("CHARACTERISTICS"),
            instream_id: reader.text("INSTREAM-ID"),
        }
    }
}

fn without_uri(pending: Option<Variant>, problems: &mut Vec<Problem>) {
    if let Some(variant) = pending {
        let kind = ProblemKind::TagWithoutUri {
            tag: "#EXT-X-STREAM-INF",
        };
        problems.push(Problem {
            line: variant.line,
            column: 1,
            kind,
        });
    }
}
