//! What both kinds of playlist share.

use crate::attributes::{AttributeList, decimal_integer};
use crate::initialisation_vector;
use crate::lines::{Line, LineKind, Lines, lines};

use super::{Place, Problem, ProblemKind};

/// A value and the line that it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<T> {
    /// From 1.
    pub line: u32,
    /// What stands there.
    pub value: T,
}

/// EXT-X-START: where to begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// Seconds; negative: from the end.
    pub time_offset: f64,
    /// Render nothing before that very moment.
    pub precise: bool,
}

/// EXT-X-DEFINE: a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Define {
    /// Name and value.
    Value(String, String),
    /// Taken from the master playlist.
    Import(String),
    /// Taken from the playlist's own URI.
    QueryParameter(String),
}

/// How segments are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMethod {
    /// Not at all.
    None,
    /// Whole, AES-128-CBC with PKCS7.
    Aes128,
    /// Only their samples.
    SampleAes,
    /// Something else.
    Other(String),
}

/// EXT-X-KEY or EXT-X-SESSION-KEY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Of the tag.
    pub line: u32,
    /// How segments are encrypted.
    pub method: KeyMethod,
    /// Where the key is.
    pub uri: Option<String>,
    /// The initialisation vector; `None`: the media sequence number.
    pub iv: Option<[u8; 16]>,
    /// `identity` where it is not given.
    pub key_format: Option<String>,
    /// As written.
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

    pub(super) fn read(attributes: &AttributeList<'_>, line: u32, problems: &mut Vec<Problem>) -> Self {
        let mut reader = Reader { attributes, problems };
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
            key_format: reader.optional("KEYFORMAT", AttributeList::quoted).map(str::to_owned),
            key_format_versions: reader.optional("KEYFORMATVERSIONS", AttributeList::quoted).map(str::to_owned),
        }
    }
}

impl Start {
    pub(super) fn read(attributes: &AttributeList<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut reader = Reader { attributes, problems };
        let time_offset = reader.required("TIME-OFFSET", AttributeList::signed_decimal)?;
        let precise = reader.optional("PRECISE", AttributeList::yes_no).unwrap_or(false);
        Some(Self { time_offset, precise })
    }
}

impl Define {
    pub(super) fn read(attributes: &AttributeList<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut reader = Reader { attributes, problems };
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

/// Reads attributes, and turns what cannot be read into problems.
pub(super) struct Reader<'l, 'a, 'p> {
    pub(super) attributes: &'l AttributeList<'a>,
    pub(super) problems: &'p mut Vec<Problem>,
}

impl<'a> Reader<'_, 'a, '_> {
    /// An attribute that may be missing.
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

    /// An attribute that must be there.
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

    /// A quoted string that may be missing, owned.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.optional(name, AttributeList::quoted).map(str::to_owned)
    }
}

/// Checks what holds for every playlist, and gives its lines, a byte order mark left out.
pub(super) fn begin<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Lines<'a> {
    let report = |problems: &mut Vec<Problem>, line, column, kind| problems.push(Problem { line, column, kind });
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
            report(problems, line.number, column as u32 + 1, ProblemKind::ControlCharacter);
        }
        if let LineKind::Uri(uri) = line.kind
            && let Some(column) = uri.find(char::is_whitespace)
        {
            report(problems, line.number, column as u32 + 1, ProblemKind::WhiteSpace);
        }
    }
    lines(text)
}

/// The attribute list of a tag's line.
pub(super) fn attributes<'a>(line: &Line<'a>, problems: &mut Vec<Problem>) -> AttributeList<'a> {
    let LineKind::Tag { name, value } = line.kind else {
        return AttributeList::parse("", "", Place { line: line.number, column: 1 }, problems);
    };
    let place = Place { line: line.number, column: line.value_column() };
    AttributeList::parse(name, value.unwrap_or_default(), place, problems)
}

/// The decimal integer that is a tag's value.
pub(super) fn integer(line: &Line<'_>, problems: &mut Vec<Problem>) -> Option<At<u64>> {
    let LineKind::Tag { name, value } = line.kind else { return None };
    let value = value.and_then(decimal_integer);
    if value.is_none() {
        problems.push(bad_value(line, name, "a decimal integer"));
    }
    Some(At { line: line.number, value: value? })
}

/// The problem that a tag's value is not what it has to be.
pub(super) fn bad_value(line: &Line<'_>, tag: &str, expected: &'static str) -> Problem {
    let kind = ProblemKind::BadValue { tag: tag.to_owned(), expected };
    Problem { line: line.number, column: line.value_column(), kind }
}

/// Keeps the first value of a tag that may stand only once.
pub(super) fn once<T>(place: &mut Option<T>, value: Option<T>, line: &Line<'_>, problems: &mut Vec<Problem>) {
    if place.is_none() {
        *place = value;
        return;
    }
    if let LineKind::Tag { name, .. } = line.kind {
        let kind = ProblemKind::DuplicateTag { tag: name.to_owned() };
        problems.push(Problem { line: line.number, column: 1, kind });
    }
}
