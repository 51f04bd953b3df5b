//! Transcriptions, as the catalog records them.

use domain::caption::Language;
use domain::failure::Failure;
use domain::time::UnixMillis;

/// A transcription that was requested, and has not made its captions yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptionRecord {
    /// Language of the speech.
    pub language: Language,
    /// When its job was sent last, or a worker gave a sign of life.
    pub requested_ms: UnixMillis,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// Whether a worker may transcribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TranscriptionHold {
    /// It may, and no other worker does.
    Held,
    /// Another worker does.
    OfAnother,
    /// The captions are made, or not wanted any more, or the transcription failed.
    Unwanted,
}
