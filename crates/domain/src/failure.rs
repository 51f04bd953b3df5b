//! Failures: their codes, their classes, and the consequences.
//!
//! A variant exists because a program or a person acts on it: the code is stable and meant for
//! programs, the message says what is wrong and what to do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod message;
mod source_problem;

pub use source_problem::SourceProblem;

/// The party at fault. Decides whether another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The file is at fault: it would fail in the same way again, so it is never retried.
    Source,
    /// The installation, the network or the store is at fault: the queue retries a bounded number
    /// of times.
    Infrastructure,
    /// The worker was stopped; there is no fault. The job is released at once.
    Shutdown,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Source, Self::Infrastructure, Self::Shutdown];

    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Infrastructure => "infrastructure",
            Self::Shutdown => "shutdown",
        }
    }

    /// The action of the queue.
    pub fn verdict(self) -> FailureVerdict {
        match self {
            Self::Source => FailureVerdict::Reject,
            Self::Infrastructure => FailureVerdict::Retry,
            Self::Shutdown => FailureVerdict::Release,
        }
    }
}

/// The action on the job of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureVerdict {
    /// Acknowledge it and report the failure to the user: another attempt cannot succeed.
    Reject,
    /// Leave it to the queue, with a delay: another attempt may succeed.
    Retry,
    /// Release it without a delay.
    Release,
}

/// The stable code of a failure. Codes are never renamed: customers' programs compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FailureCode {
    /// The file has no bytes.
    EmptyFile,
    /// The file is not in a readable container format.
    NotAVideo,
    /// The file has neither video nor audio.
    NoVideoStream,
    /// The file has only audio, and the request needs video. Versions that did not convert audio
    /// refused such files with it.
    AudioOnly,
    /// The video is longer than the profile allows.
    TooLong,
    /// The file has more bytes than the profile allows.
    TooLarge,
    /// The frames are larger than the profile allows.
    TooManyPixels,
    /// The end of the file is missing.
    Truncated,
    /// No decoder for the codec is available.
    UnsupportedCodec,
    /// The FFmpeg of this installation lacks a filter or decoder that the source needs.
    MissingCapability,
    /// Protected by DRM or a password.
    EncryptedSource,
    /// A playlist or script, disguised as a video.
    PlaylistNotAllowed,
    /// The beginning is valid, but a later part cannot be decoded.
    Damaged,
    /// Reading or decoding it needs more memory or processor time than is allowed.
    TooDemanding,
    /// The source object does not exist any more.
    SourceMissing,
    /// The file was replaced while it was read.
    SourceChanged,
    /// The server of the URL refuses to send the file.
    FetchRefused,
    /// The server of the URL sends the file so slowly that the import exceeds its time limit.
    FetchTooSlow,
    /// The URL leads to an address from which this installation does not import.
    AddressNotAllowed,
    /// The URL leads to a web page.
    WebPage,
    /// Single rungs cannot be re-encoded with these settings.
    RungsDoNotFit,
    /// The image cannot be decoded.
    ImageDamaged,
    /// The transcoders have no transcriber.
    NoTranscriber,
    /// The transcriber found no speech in the audio.
    NoSpeech,
    /// The transcriber failed, or its captions cannot be read.
    TranscriptionFailed,
    /// An internal failure: details are in the log.
    Internal,
    /// The store, the queue or the database could not be reached.
    Unavailable,
    /// The work exceeded its time limit.
    TimedOut,
    /// There is no space left for temporary files.
    DiskFull,
    /// The worker ran out of open files, processes or memory.
    Exhausted,
    /// The output failed the verification before publishing.
    VerificationFailed,
    /// All attempts were used up, and none of them reported a reason.
    WorkerLost,
    /// The server of the URL could not be reached, or closed the connection early.
    FetchFailed,
    /// The worker was stopped.
    Shutdown,
}

impl FailureCode {
    /// Every code.
    pub const ALL: [Self; 34] = [
        Self::EmptyFile,
        Self::NotAVideo,
        Self::NoVideoStream,
        Self::AudioOnly,
        Self::TooLong,
        Self::TooLarge,
        Self::TooManyPixels,
        Self::Truncated,
        Self::UnsupportedCodec,
        Self::MissingCapability,
        Self::EncryptedSource,
        Self::PlaylistNotAllowed,
        Self::Damaged,
        Self::TooDemanding,
        Self::SourceMissing,
        Self::SourceChanged,
        Self::FetchRefused,
        Self::FetchTooSlow,
        Self::AddressNotAllowed,
        Self::WebPage,
        Self::RungsDoNotFit,
        Self::ImageDamaged,
        Self::NoTranscriber,
        Self::NoSpeech,
        Self::TranscriptionFailed,
        Self::Internal,
        Self::Unavailable,
        Self::TimedOut,
        Self::DiskFull,
        Self::Exhausted,
        Self::VerificationFailed,
        Self::WorkerLost,
        Self::FetchFailed,
        Self::Shutdown,
    ];

    /// The code in its wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyFile => "empty-file",
            Self::NotAVideo => "not-a-video",
            Self::NoVideoStream => "no-video-stream",
            Self::AudioOnly => "audio-only",
            Self::TooLong => "too-long",
            Self::TooLarge => "too-large",
            Self::TooManyPixels => "too-many-pixels",
            Self::Truncated => "truncated",
            Self::UnsupportedCodec => "unsupported-codec",
            Self::MissingCapability => "missing-capability",
            Self::EncryptedSource => "encrypted-source",
            Self::PlaylistNotAllowed => "playlist-not-allowed",
            Self::Damaged => "damaged",
            Self::TooDemanding => "too-demanding",
            Self::SourceMissing => "source-missing",
            Self::SourceChanged => "source-changed",
            Self::FetchRefused => "fetch-refused",
            Self::FetchTooSlow => "fetch-too-slow",
            Self::AddressNotAllowed => "address-not-allowed",
            Self::WebPage => "web-page",
            Self::RungsDoNotFit => "rungs-do-not-fit",
            Self::ImageDamaged => "image-damaged",
            Self::NoTranscriber => "no-transcriber",
            Self::NoSpeech => "no-speech",
            Self::TranscriptionFailed => "transcription-failed",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed-out",
            Self::DiskFull => "disk-full",
            Self::Exhausted => "exhausted",
            Self::VerificationFailed => "verification-failed",
            Self::WorkerLost => "worker-lost",
            Self::FetchFailed => "fetch-failed",
            Self::Shutdown => "shutdown",
        }
    }

    /// The party at fault.
    pub fn class(self) -> FailureClass {
        match self {
            Self::EmptyFile
            | Self::NotAVideo
            | Self::NoVideoStream
            | Self::AudioOnly
            | Self::TooLong
            | Self::TooLarge
            | Self::TooManyPixels
            | Self::Truncated
            | Self::UnsupportedCodec
            | Self::MissingCapability
            | Self::EncryptedSource
            | Self::PlaylistNotAllowed
            | Self::Damaged
            | Self::TooDemanding
            | Self::SourceMissing
            | Self::SourceChanged
            | Self::FetchRefused
            | Self::FetchTooSlow
            | Self::AddressNotAllowed
            | Self::WebPage
            | Self::RungsDoNotFit
            | Self::ImageDamaged
            | Self::NoTranscriber
            | Self::NoSpeech => FailureClass::Source,
            Self::TranscriptionFailed
            | Self::Internal
            | Self::Unavailable
            | Self::TimedOut
            | Self::DiskFull
            | Self::Exhausted
            | Self::VerificationFailed
            | Self::WorkerLost
            | Self::FetchFailed => FailureClass::Infrastructure,
            Self::Shutdown => FailureClass::Shutdown,
        }
    }

    /// Whether a service or a resource of the machine was missing: the job is not at fault, and
    /// waits.
    pub fn is_lack_of_service(self) -> bool {
        matches!(self, Self::Unavailable | Self::DiskFull | Self::Exhausted)
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the code of any failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a failure code")]
pub struct UnknownFailureCode(String);

impl FromStr for FailureCode {
    type Err = UnknownFailureCode;

    fn from_str(text: &str) -> Result<Self, UnknownFailureCode> {
        Self::ALL
            .into_iter()
            .find(|code| code.as_str() == text)
            .ok_or_else(|| UnknownFailureCode(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for FailureCode {
    type Error = UnknownFailureCode;

    fn try_from(text: String) -> Result<Self, UnknownFailureCode> {
        text.parse()
    }
}

impl From<FailureCode> for String {
    fn from(code: FailureCode) -> String {
        code.as_str().to_owned()
    }
}

/// A failure as it is stored and shown. Its class follows from its code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Failure {
    /// Code for programs.
    pub code: FailureCode,
    /// Message for people; contains nothing private (no path, address or log).
    pub message: String,
}

impl Failure {
    /// A failure with the default message of its code.
    pub fn of(code: FailureCode) -> Self {
        Self {
            code,
            message: code.message().to_owned(),
        }
    }

    /// The party at fault.
    pub fn class(&self) -> FailureClass {
        self.code.class()
    }
}

impl From<&SourceProblem> for Failure {
    fn from(problem: &SourceProblem) -> Self {
        Self {
            code: problem.code(),
            message: problem.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
