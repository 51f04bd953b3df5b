//! Parts that both kinds of playlist share.

use crate::attributes::{AttributeList, decimal_integer};
use crate::initialisation_vector;
use crate::lines::{Line, LineKind, Lines, lines};

use super::{Place, Problem, ProblemKind};

/// A value and its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<T> {
    /// Line number, from 1.
    pub line: u32,
    /// The value.
    pub value: T,
}

/// EXT-X-START: the preferred start position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// Offset in seconds; negative: from the end.
    pub time_offset: f64,
    /// Whether players must not render anything before the offset.
    pub precise: bool,
}

/// EXT-X-DEFINE: a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Define {
    /// A name and its value.
    Value(String, String),
    /// The name of a variable of the master playlist.
    Import(String),
    /// The name of a query parameter of the playlist's own URI.
    QueryParameter(String),
}

/// The encryption method of segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMethod {
    /// Unencrypted.
    None,
    /// The whole segment, AES-128-CBC with PKCS7.
    Aes128,
    /// Only the samples.
    SampleAes,
    /// Another method.
    Other(String),
}

/// EXT-X-KEY or EXT-X-SESSION-KEY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Line of the tag.
    pub line: u32,
    /// The encryption method.
    pub method: KeyMethod,
    /// URI of the key.
    pub uri: Option<String>,
    /// The initialisation vector; `None`: the media sequence number.
    pub iv: Option<[u8; 16]>,
    /// Key format; `identity` if it is omitted.
    pub key_format: Option<String>,
    /// Key format versions, as written.
    pub key_format_versions: Option<String>,
}

impl Key {
    /// Whether this is a key in 16 plain octets (RFC 8216, 5.1).
    pub fn is_identity(&self) -> bool {
        self.key_format.as_deref().is_none_or(|it| it == "identity")
    }

    /// The initialisation vector of a segment: its media sequence number, where none is written (RFC 8216, 5.2).
    pub fn iv_at(&self, sequence: u64) -> [u8; 16] {
        self.iv.unwrap_or_else(|| initialisation_vector(sequence))
    }

    pub(super) fn read(
        attributes: &AttributeList<'_>,
        line: u32,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut reader = Reader {
            attributes,
            problems,
        };
        let method = match reader.required("METHOD", AttributeList::enumerated) {
            Some("NONE") => KeyMethod::None,
            Some("AES-128") => KeyMethod::Aes128,
            Some("SAMPLE-AES") => KeyMethod::SampleAes,
            other => KeyMethod::Other(other.unwrap_or_default().to_owned()),
        };
        let uri = match method {
            KeyMethod::None => reader.optional("URI", AttributeList::quoted),
            _ => reader.required("URI", AttributeList::quoted),
        };
        Self {
            line,
            method,
            uri: uri.map(str::to_owned),
            iv: reader.optional("IV", AttributeList::hex16),
            key_format: reader
                .optional("KEYFORMAT", AttributeList::quoted)
                .map(str::to_owned),
            key_format_versions: reader
                .optional("KEYFORMATVERSIONS", AttributeList::quoted)
                .map(str::to_owned),
        }
    }
}

impl Start {
    pub(super) fn read(
        attributes: &AttributeList<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let mut reader = Reader {
            attributes,
            problems,
        };
        let time_offset = reader.required("TIME-OFFSET", AttributeList::signed_decimal)?;
        let precise = reader
            .optional("PRECISE", AttributeList::yes_no)
            .unwrap_or(false);
        Some(Self {
            time_offset,
            precise,
        })
    }
}

impl Define {
    pub(super) fn read(
        attributes: &AttributeList<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let mut reader = Reader {
            attributes,
            problems,
        };
        if let Some(name) = reader.optional("IMPORT", AttributeList::quoted) {
            return Some(Self::Import(name.to_owned()));
        }
        if let Some(name) = reader.optional("QUERYPARAM", AttributeList::quoted) {
            return Some(Self::QueryParameter(name.to_owned()));
        }
        let name = reader.required("NAME", AttributeList::quoted)?;
        let value = reader.required("VALUE", AttributeList::quoted)?;
        Some(Self::Value(name.to_owned(), value.to_owned()))
    }
}

/// Reads attributes, and reports invalid ones as problems.
pub(super) struct Reader<'l, 'a, 'p> {
    pub(super) attributes: &'l AttributeList<'a>,
    pub(super) problems: &'p mut Vec<Problem>,
}

impl<'a> Reader<'_, 'a, '_> {
    /// An optional attribute.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&AttributeList<'a>, &str) -> Result<Option<T>, Problem>,
    ) -> Option<T> {
        read(self.attributes, name).unwrap_or_else(|problem| {
            self.problems.push(problem);
            None
        })
    }

    /// A required attribute.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&AttributeList<'a>, &str) -> Result<Option<T>, Problem>,
    ) -> Option<T> {
        if self.attributes.get(name).is_none() {
            self.problems.push(self.attributes.missing(name));
        }
        self.optional(name, read)
    }

    /// An optional quoted string, owned.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.optional(name, AttributeList::quoted)
            .map(str::to_owned)
    }
}

/// Checks the rules for all playlists, and returns the lines without a byte order mark.
pub(super) fn begin<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Lines<'a> {
    let report = |problems: &mut Vec<Problem>, line, column, kind| {
        problems.push(Problem { line, column, kind })
    };
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => {
            report(problems, 1, 1, ProblemKind::ByteOrderMark);
            rest
        }
        None => text,
    };
    if lines(text).next().is_none_or(|it| it.text != "#EXTM3U") {
        report(problems, 1, 1, ProblemKind::MissingHeader);
    }
    for line in lines(text) {
        if let Some(column) = line.text.find(char::is_control) {
            report(
                problems,
                line.number,
                column as u32 + 1,
                ProblemKind::ControlCharacter,
            );
        }
        if let LineKind::Uri(uri) = line.kind
            && let Some(column) = uri.find(char::is_whitespace)
        {
            report(
                problems,
                line.number,
                column as u32 + 1,
                ProblemKind::WhiteSpace,
            );
        }
    }
    lines(text)
}

/// The attribute list of a tag's line.
pub(super) fn attributes<'a>(line: &Line<'a>, problems: &mut Vec<Problem>) -> AttributeList<'a> {
    let LineKind::Tag { name, value } = line.kind else {
        return AttributeList::parse(
            "",
            "",
            Place {
                line: line.number,
                column: 1,
            },
            problems,
        );
    };
    let place = Place {
        line: line.number,
        column: line.value_column(),
    };
    AttributeList::parse(name, value.unwrap_or_default(), place, problems)
}

/// The decimal integer that is a tag's value.
pub(super) fn integer(line: &Line<'_>, problems: &mut Vec<Problem>) -> Option<At<u64>> {
    let LineKind::Tag { name, value } = line.kind else {
        return None;
    };
    let value = value.and_then(decimal_integer);
    if value.is_none() {
        problems.push(bad_value(line, name, "a decimal integer"));
    }
    Some(At {
        line: line.number,
        value: value?,
    })
}

/// The problem that a tag has an invalid value.
pub(super) fn bad_value(line: &Line<'_>, tag: &str, expected: &'static str) -> Problem {
    let kind = ProblemKind::BadValue {
        tag: tag.to_owned(),
        expected,
    };
    Problem {
        line: line.number,
        column: line.value_column(),
        kind,
    }
}

/// Keeps the first value of a tag that may occur only once.
pub(super) fn once<T>(
    place: &mut Option<T>,
    value: Option<T>,
    line: &Line<'_>,
    problems: &mut Vec<Problem>,
) {
    if place.is_none() {
        *place = value;
        return;
    }
    if let LineKind::Tag { name, .. } = line.kind {
        let kind = ProblemKind::DuplicateTag {
            tag: name.to_owned(),
        };
        problems.push(Problem {
            line: line.number,
            column: 1,
            kind,
        });
    }
}
