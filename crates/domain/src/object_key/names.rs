//! Parts of paths that come from outside: sanitised or rejected, never trusted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A file name that is safe as the last part of a path: no separators, controls or traversal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// Maximum length in bytes: an object key holds 1,024, and file systems 255 per part.
    const MAX_BYTES: usize = 180;

    /// Creates a safe name from the user's file name; never fails.
    ///
    /// `../../x.mp4` becomes `x.mp4`; control characters, separators and characters with a special
    /// meaning in URLs, shells or Windows become `_`; an empty result becomes `video`. Letters of
    /// any script stay.
    pub fn clean(name: &str) -> Self {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let mapped: String = last
            .chars()
            .map(|c| {
                if c.is_control()
                    || turns_the_text(c)
                    || "<>:\"|?*#%&{}$!'`@+=\u{7f}".contains(c)
                    || c.is_whitespace()
                {
                    '_'
                } else {
                    c
                }
            })
            .collect();
        let mut name = Self::shorten(&mapped);
        // Truncation may expose another extension, which is shortened differently. Repeated until
        // nothing changes; otherwise the result would not be accepted as its own sanitised form.
        loop {
            let again = Self::shorten(&name);
            if again == name {
                return Self(name);
            }
            name = again;
        }
    }

    fn shorten(name: &str) -> String {
        let trimmed = name.trim_matches(['.', '_', ' ']);
        let (stem, extension) = match trimmed.rsplit_once('.') {
            Some((stem, extension)) if extension.len() <= 10 => (stem, Some(extension)),
            _ => (trimmed, None),
        };
        let room = Self::MAX_BYTES - extension.map_or(0, |it| it.len() + 1);
        let stem = truncate(stem, room).trim_end_matches(['.', '_']);
        let stem = if stem.is_empty() { "video" } else { stem };
        match extension {
            Some(extension) => format!("{stem}.{extension}"),
            None => stem.to_owned(),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a character changes the direction of the following text (Unicode's bidirectional
/// controls): with one of them, `film\u{202e}4pm.exe` is displayed as `filmexe.mp4`.
fn turns_the_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Truncates at a character boundary at or below `bytes`.
fn truncate(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// A text that is not a valid part of an object path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a legal object name")]
pub struct InvalidName(String);

impl TryFrom<String> for FileName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        if Self::clean(&text).0 == text {
            Ok(Self(text))
        } else {
            Err(InvalidName(text))
        }
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> String {
        name.0
    }
}

/// The path of an object that Edgereel did not create.
///
/// 1 to 1,024 bytes without control characters or relative parts (`.`, `..`), relative, and outside
/// Edgereel's own prefixes: uploaded, wrapped and published objects cannot be accessed under
/// another name. Under `uploads/` and `downloads/`, only the directories of videos are reserved:
/// tools that copy files to S3 put theirs beside them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExternalPath(String);

impl ExternalPath {
    /// Maximum length of a key in R2 and S3, bytes.
    const MAX_BYTES: usize = 1024;
    /// Top-level directories that are reserved for Edgereel's objects.
    const OURS: [&str; 6] = ["archive", "captions", "hls", "keys", "manifests", "posters"];

    /// Whether a path is in a reserved directory.
    fn is_ours(text: &str) -> bool {
        let mut steps = text.split('/');
        match (steps.next(), steps.next()) {
            (Some("uploads" | "downloads"), second) => {
                second.is_none_or(|it| it.is_empty() || it.starts_with("vid_"))
            }
            (first, _) => first.is_some_and(|it| Self::OURS.contains(&it)),
        }
    }

    /// For a path in a reserved directory: a text after all paths in it and before those that
    /// follow, in byte order, so that a listing can leave the directory out.
    pub fn end_of_reserved(text: &str) -> Option<String> {
        let (first, rest) = text.split_once('/')?;
        let directory = match first {
            "uploads" | "downloads" if rest.starts_with("vid_") => format!("{first}/vid_"),
            _ if Self::OURS.contains(&first) => format!("{first}/"),
            _ => return None,
        };
        Some(directory + "\u{10ffff}")
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ExternalPath {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let legal = (1..=Self::MAX_BYTES).contains(&text.len())
            && !text.starts_with('/')
            && !text.chars().any(char::is_control)
            && !text.split('/').any(|it| it == "." || it == "..")
            && !text.ends_with('/')
            && !Self::is_ours(&text);
        if legal {
            Ok(Self(text))
        } else {
            Err(InvalidName(text))
        }
    }
}

impl From<ExternalPath> for String {
    fn from(path: ExternalPath) -> String {
        path.0
    }
}

/// The name of a rendition and of its directory: `1080p`, `audio-128k`, `iframes`.
///
/// 1 to 32 of `a-z`, `0-9` and `-`, because it appears in paths, playlists and key ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RenditionName(String);

impl RenditionName {
    /// Maximum length, characters.
    pub const MAX_LENGTH: usize = 32;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the surround rendition of the first track; further tracks add their number.
    pub const SURROUND: &str = "audio-surround";

    /// Whether it names audio: profiles cannot use these names for rungs.
    pub fn is_audio(&self) -> bool {
        self.0.starts_with("audio-")
    }

    /// Whether it names audio in surround.
    pub fn is_surround(&self) -> bool {
        self.0.starts_with(Self::SURROUND)
    }
}

impl fmt::Display for RenditionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RenditionName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let legal = (1..=Self::MAX_LENGTH).contains(&text.len())
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !RESERVED_FOLDERS.contains(&text);
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName(text.chars().take(64).collect()))
        }
    }
}

/// Directories beside the renditions in a generation.
const RESERVED_FOLDERS: [&str; 2] = ["thumbs", "captions"];

impl TryFrom<String> for RenditionName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<RenditionName> for String {
    fn from(name: RenditionName) -> String {
        name.0
    }
}
