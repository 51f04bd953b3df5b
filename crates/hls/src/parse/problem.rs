//! The problems that a playlist's text can have.

use std::fmt;

/// A place in a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line number, from 1.
    pub line: u32,
    /// Column, from 1, in bytes.
    pub column: u32,
}

/// An invalid or misplaced part of a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line number, from 1; 0: the playlist as a whole.
    pub line: u32,
    /// Column, from 1, in bytes.
    pub column: u32,
    /// Kind of problem.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{} ({})", self.kind, self.kind.rule()),
            line => write!(
                f,
                "line {line}, column {}: {} ({})",
                self.column,
                self.kind,
                self.kind.rule()
            ),
        }
    }
}

impl std::error::Error for Problem {}

/// The kind of a problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The first line is not `#EXTM3U`.
    #[error("the first line must be #EXTM3U")]
    MissingHeader,
    /// The text begins with U+FEFF.
    #[error("a playlist must not begin with a byte order mark")]
    ByteOrderMark,
    /// A control character other than line ends.
    #[error("a playlist must not hold control characters")]
    ControlCharacter,
    /// A URI with white space around or in it.
    #[error("a URI must not hold white space")]
    WhiteSpace,
    /// Tags of both kinds of playlist.
    #[error("{tag} does not belong into a {kind} playlist")]
    WrongPlaylist {
        /// Name of the tag.
        tag: String,
        /// Kind of playlist, `master` or `media`.
        kind: &'static str,
    },
    /// A tag that may occur only once is repeated.
    #[error("{tag} is there more than once")]
    DuplicateTag {
        /// Name of the tag.
        tag: String,
    },
    /// A required tag is missing.
    #[error("{tag} is missing")]
    MissingTag {
        /// Name of the tag.
        tag: &'static str,
    },
    /// The value of a tag is invalid.
    #[error("{tag} needs {expected}")]
    BadValue {
        /// Name of the tag.
        tag: String,
        /// Expected form of the value.
        expected: &'static str,
    },
    /// The value is not an attribute list.
    #[error(
        "the attributes of {tag} cannot be read: NAME=value, separated by commas without spaces, is expected here"
    )]
    AttributeSyntax {
        /// Name of the tag.
        tag: String,
    },
    /// An attribute is repeated.
    #[error("{tag} has {name} more than once")]
    DuplicateAttribute {
        /// Name of the tag.
        tag: String,
        /// Name of the attribute.
        name: String,
    },
    /// A required attribute is missing.
    #[error("{tag} needs {name}")]
    MissingAttribute {
        /// Name of the tag.
        tag: String,
        /// Name of the attribute.
        name: String,
    },
    /// An attribute has an invalid value.
    #[error("{name} of {tag} must be {expected}")]
    BadAttribute {
        /// Name of the tag.
        tag: String,
        /// Name of the attribute.
        name: String,
        /// Expected form of the value.
        expected: &'static str,
    },
    /// A segment's URI has no EXTINF before it.
    #[error("a segment needs an #EXTINF before its URI")]
    UriWithoutExtinf,
    /// An EXTINF or EXT-X-STREAM-INF is not followed by a URI.
    #[error("{tag} must be followed by a URI")]
    TagWithoutUri {
        /// Name of the tag.
        tag: &'static str,
    },
    /// A URI in a master playlist is not directly preceded by EXT-X-STREAM-INF.
    #[error("a variant needs an #EXT-X-STREAM-INF before its URI")]
    UriWithoutStreamInf,
    /// A byte range has no offset, and no preceding range of the same file.
    #[error("a byte range without an offset must follow a range of the same file")]
    ByteRangeWithoutOffset,
}

impl ProblemKind {
    /// The section of RFC 8216 that is violated.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::MissingHeader => "RFC 8216, 4.3.1.1",
            Self::ByteOrderMark
            | Self::ControlCharacter
            | Self::WhiteSpace
            | Self::WrongPlaylist { .. } => "RFC 8216, 4.1",
            Self::DuplicateTag { tag } => section(tag),
            Self::MissingTag { tag } | Self::TagWithoutUri { tag } => section(tag),
            Self::BadValue { tag, .. } | Self::MissingAttribute { tag, .. } => section(tag),
            Self::AttributeSyntax { .. }
            | Self::DuplicateAttribute { .. }
            | Self::BadAttribute { .. } => "RFC 8216, 4.2",
            Self::UriWithoutExtinf => "RFC 8216, 4.3.2.1",
            Self::UriWithoutStreamInf => "RFC 8216, 4.3.4.2",
            Self::ByteRangeWithoutOffset => "RFC 8216, 4.3.2.2",
        }
    }
}

/// The section that defines a tag.
fn section(tag: &str) -> &'static str {
    match tag {
        "#EXTM3U" => "RFC 8216, 4.3.1.1",
        "#EXT-X-VERSION" => "RFC 8216, 4.3.1.2",
        "#EXTINF" => "RFC 8216, 4.3.2.1",
        "#EXT-X-BYTERANGE" => "RFC 8216, 4.3.2.2",
        "#EXT-X-DISCONTINUITY" => "RFC 8216, 4.3.2.3",
        "#EXT-X-KEY" => "RFC 8216, 4.3.2.4",
        "#EXT-X-MAP" => "RFC 8216, 4.3.2.5",
        "#EXT-X-PROGRAM-DATE-TIME" => "RFC 8216, 4.3.2.6",
        "#EXT-X-TARGETDURATION" => "RFC 8216, 4.3.3.1",
        "#EXT-X-MEDIA-SEQUENCE" => "RFC 8216, 4.3.3.2",
        "#EXT-X-DISCONTINUITY-SEQUENCE" => "RFC 8216, 4.3.3.3",
        "#EXT-X-ENDLIST" => "RFC 8216, 4.3.3.4",
        "#EXT-X-PLAYLIST-TYPE" => "RFC 8216, 4.3.3.5",
        "#EXT-X-I-FRAMES-ONLY" => "RFC 8216, 4.3.3.6",
        "#EXT-X-MEDIA" => "RFC 8216, 4.3.4.1",
        "#EXT-X-STREAM-INF" => "RFC 8216, 4.3.4.2",
        "#EXT-X-I-FRAME-STREAM-INF" => "RFC 8216, 4.3.4.3",
        "#EXT-X-SESSION-DATA" => "RFC 8216, 4.3.4.4",
        "#EXT-X-SESSION-KEY" => "RFC 8216, 4.3.4.5",
        "#EXT-X-INDEPENDENT-SEGMENTS" => "RFC 8216, 4.3.5.1",
        "#EXT-X-START" => "RFC 8216, 4.3.5.2",
        "#EXT-X-DEFINE" => "rfc8216bis, 4.4.2.3",
        _ => "RFC 8216, 4.3",
    }
}
