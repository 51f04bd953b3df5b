//! HLS (RFC 8216): playlists and segment encryption, without I/O.
//!
//! - [`lines`](mod@lines) and [`attributes`]: the grammar (RFC 8216, 4.1 and 4.2), lossless and lenient.
//! - [`parse`]: the contents of a playlist, with the line of each statement; problems are collected, not fatal.
//! - [`write`](mod@write): our own playlists.
//! - [`bandwidth`]: the values of BANDWIDTH and AVERAGE-BANDWIDTH.
//! - [`rewrite`](mod@rewrite): replaces URIs in a playlist and changes nothing else.
//! - [`SegmentEncryptor`], [`SegmentDecryptor`]: AES-128 for segments (RFC 8216, 4.3.2.4).

pub mod attributes;
pub mod bandwidth;
pub mod lines;
pub mod parse;
pub mod rewrite;
pub mod write;

mod segment_cipher;
mod time;

pub use lines::{Line, LineKind, lines};
pub use parse::{MasterPlaylist, MediaPlaylist, MediaType, Playlist, Problem, ProblemKind};
pub use segment_cipher::{DecryptError, SegmentDecryptor, SegmentEncryptor, initialisation_vector};
pub use time::{Ratio, TICKS_PER_SECOND, seconds};
