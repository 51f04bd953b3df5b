//! The contents of a playlist, with the line of every statement.
//!
//! The parser does not stop at the first fault: it collects problems beside the parsed content, so that a checker
//! can report them rule by rule. It ignores unknown tags (RFC 8216, 6.3.1).

mod common;
mod master;
mod media;
mod problem;

pub use common::{At, Define, Key, KeyMethod, Start};
pub use master::{MasterPlaylist, Media, MediaType, SessionData, Variant};
pub use media::{ByteRange, Map, MediaPlaylist, MediaSegment, PlaylistType};
pub use problem::{Place, Problem, ProblemKind};

use super::lines::{LineKind, lines};

/// A playlist of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// A playlist of playlists.
    Master(MasterPlaylist),
    /// A playlist of segments.
    Media(MediaPlaylist),
}

/// A parsed playlist, and the problems that were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// The parsed contents.
    pub playlist: T,
    /// The problems, in the order of the lines.
    pub problems: Vec<Problem>,
}

impl Playlist {
    /// Parses a playlist of either kind. If it has tags of both kinds, the first one that is specific decides.
    pub fn parse(text: &str) -> Parsed<Self> {
        if is_master(text) {
            let Parsed { playlist, problems } = MasterPlaylist::parse(text);
            Parsed {
                playlist: Self::Master(playlist),
                problems,
            }
        } else {
            let Parsed { playlist, problems } = MediaPlaylist::parse(text);
            Parsed {
                playlist: Self::Media(playlist),
                problems,
            }
        }
    }
}

/// Whether the first tag that is specific to one kind of playlist is a master playlist's.
fn is_master(text: &str) -> bool {
    let tags = lines(text).filter_map(|it| match it.kind {
        LineKind::Tag { name, .. } => Some(name),
        _ => None,
    });
    tags.filter(|it| master::TAGS.contains(it) || media::TAGS.contains(it))
        .map(|it| master::TAGS.contains(&it))
        .next()
        .unwrap_or(false)
}

#[cfg(test)]
mod tests;
