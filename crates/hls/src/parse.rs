//! What a playlist says, with the line of every statement.
//!
//! Nothing here fails at the first fault: problems are collected beside what could be read, so that a checker
//! can report them rule by rule. Unknown tags mean nothing (RFC 8216, 6.3.1).

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
    /// Names playlists.
    Master(MasterPlaylist),
    /// Names segments.
    Media(MediaPlaylist),
}

/// What could be read, and what could not.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed<T> {
    /// What could be read.
    pub playlist: T,
    /// What could not, in the order of the lines.
    pub problems: Vec<Problem>,
}

impl Playlist {
    /// Reads a playlist of either kind. One that holds tags of both kinds is read as what its first telling tag is.
    pub fn parse(text: &str) -> Parsed<Self> {
        if is_master(text) {
            let Parsed { playlist, problems } = MasterPlaylist::parse(text);
            Parsed { playlist: Self::Master(playlist), problems }
        } else {
            let Parsed { playlist, problems } = MediaPlaylist::parse(text);
            Parsed { playlist: Self::Media(playlist), problems }
        }
    }
}

/// Whether the first tag that belongs to one kind of playlist only is a master playlist's.
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
