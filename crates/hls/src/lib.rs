//! HLS (RFC 8216): playlists and segment encryption, without I/O.
//!
//! - [`lines`](mod@lines) and [`attributes`]: the grammar (RFC 8216, 4.1 and 4.2), lossless and lenient.
//! - [`parse`]: what a playlist says, with the line of each statement; faults are collected, not fatal.
//! - [`write`](mod@write): our own playlists.
//! - [`bandwidth`]: what BANDWIDTH and AVERAGE-BANDWIDTH must declare.
//! - [`rewrite`](mod@rewrite): other URIs in a playlist that otherwise stays as it is.

pub mod attributes;
pub mod bandwidth;
pub mod lines;
pub mod parse;
pub mod rewrite;
pub mod write;

mod segment_cipher;
mod time;

pub use lines::{Line, LineKind, lines};
pub use parse::{MasterPlaylist, MediaPlaylist, Playlist, Problem, ProblemKind};
pub use segment_cipher::{DecryptError, SegmentDecryptor, SegmentEncryptor, initialisation_vector};
pub use time::{Ratio, TICKS_PER_SECOND, seconds};
