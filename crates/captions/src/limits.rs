//! Limits of a caption file. The largest honest files are far below them.

/// Maximum size of a file, bytes.
pub const MAX_BYTES: usize = 5 << 20;

/// Maximum number of cues.
pub const MAX_CUES: usize = 50_000;

/// Maximum length of the text of one cue, characters.
pub const MAX_CUE_CHARACTERS: usize = 4_000;

/// Maximum time of a cue: 1,000 hours, milliseconds.
pub const MAX_TIME_MS: u64 = 1_000 * 3_600_000;

/// Number of warnings that are kept.
pub(crate) const MAX_WARNINGS: usize = 50;

/// Maximum nesting of XML elements.
pub(crate) const MAX_DEPTH: usize = 64;
