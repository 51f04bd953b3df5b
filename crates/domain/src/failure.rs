//! Why something failed, whose fault that is, and what follows from it.
//!
//! A variant exists because somebody acts on it: the code is stable and meant for programs, the
//! sentence says to a person what is wrong and what to do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod source_problem;

pub use source_problem::SourceProblem;

/// Whose fault a failure is. Decides whether another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The file is at fault: the same file fails the same way, so it is never tried again.
    Source,
    /// We, the network or the store are at fault: the queue tries again, a bounded number of times.
    Infrastructure,
    /// Nobody is at fault: the worker was told to stop. The job is given back at once.
    Shutdown,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Source, Self::Infrastructure, Self::Shutdown];

    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Infrastructure => "infrastructure",
            Self::Shutdown => "shutdown",
        }
    }

    /// What the queue should do with the job.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Source => Verdict::Reject,
            Self::Infrastructure => Verdict::Retry,
            Self::Shutdown => Verdict::Release,
        }
    }
}

/// What happens to the job of a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Acknowledge it and tell the user: another attempt cannot succeed.
    Reject,
    /// Leave it to the queue, with a delay: another attempt may succeed.
    Retry,
    /// Give it back without a delay.
    Release,
}

/// The stable code of a failure. Codes are never renamed: customers' programs compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FailureCode {
    /// No bytes.
    EmptyFile,
    /// No container that can be read.
    NotAVideo,
    /// No moving picture.
    NoVideoStream,
    /// Sound without a picture.
    OnlySound,
    /// Longer than the profile allows.
    TooLong,
    /// More bytes than the profile allows.
    TooLarge,
    /// Larger frames than the profile allows.
    TooManyPixels,
    /// The end is missing.
    Truncated,
    /// Nobody here can decode it.
    UnsupportedCodec,
    /// The FFmpeg of this installation lacks what the source needs.
    MissingAbility,
    /// Protected by DRM or a password.
    EncryptedSource,
    /// A playlist or script in the clothes of a video.
    PlaylistNotAllowed,
    /// It begins well, then cannot be decoded.
    Damaged,
    /// Reading or decoding it takes more memory or processor time than it may.
    TooDemanding,
    /// The file is gone.
    SourceMissing,
    /// The file was replaced while it was read.
    SourceChanged,
    /// Whoever serves the URL does not give the file out.
    FetchRefused,
    /// The server of the URL sends the file so slowly that it does not arrive in the time that an import has.
    FetchTooSlow,
    /// The URL leads to an address that this installation does not fetch from.
    AddressNotAllowed,
    /// The URL leads to a page for people.
    WebPage,
    /// Single rungs cannot be made anew by these settings.
    RungsDoNotFit,
    /// A picture that cannot be decoded.
    PictureDamaged,
    /// Our own failure: the reasons stand in the log.
    Internal,
    /// Store, queue or database could not be reached.
    Unavailable,
    /// The work took longer than it may.
    TimedOut,
    /// No space left for temporary files.
    DiskFull,
    /// The worker ran out of open files, processes or memory.
    Exhausted,
    /// What was made did not pass the check before publishing.
    VerificationFailed,
    /// Given up after the last of several attempts, of which none left a reason.
    WorkerLost,
    /// Whoever serves the URL could not be reached, or broke off.
    FetchFailed,
    /// The worker was told to stop.
    Shutdown,
}

impl FailureCode {
    /// Every code.
    pub const ALL: [Self; 31] = [
        Self::EmptyFile,
        Self::NotAVideo,
        Self::NoVideoStream,
        Self::OnlySound,
        Self::TooLong,
        Self::TooLarge,
        Self::TooManyPixels,
        Self::Truncated,
        Self::UnsupportedCodec,
        Self::MissingAbility,
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
        Self::PictureDamaged,
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

    /// The code as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EmptyFile => "empty-file",
            Self::NotAVideo => "not-a-video",
            Self::NoVideoStream => "no-video-stream",
            Self::OnlySound => "only-sound",
            Self::TooLong => "too-long",
            Self::TooLarge => "too-large",
            Self::TooManyPixels => "too-many-pixels",
            Self::Truncated => "truncated",
            Self::UnsupportedCodec => "unsupported-codec",
            Self::MissingAbility => "missing-ability",
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
            Self::PictureDamaged => "picture-damaged",
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

    /// Whose fault it is.
    pub fn class(self) -> FailureClass {
        match self {
            Self::EmptyFile
            | Self::NotAVideo
            | Self::NoVideoStream
            | Self::OnlySound
            | Self::TooLong
            | Self::TooLarge
            | Self::TooManyPixels
            | Self::Truncated
            | Self::UnsupportedCodec
            | Self::MissingAbility
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
            | Self::PictureDamaged => FailureClass::Source,
            Self::Internal
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

    /// Whether a service or a resource of the machine was missing: that says nothing about the job, which waits.
    pub fn is_lack_of_service(self) -> bool {
        matches!(self, Self::Unavailable | Self::DiskFull | Self::Exhausted)
    }

    /// What it means and what to do, for people, where nothing more exact is known.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::EmptyFile => "The file is empty: upload it again.",
            Self::NotAVideo => "This is not a video file that can be read: upload a video, such as MP4, MOV or MKV.",
            Self::NoVideoStream => "The file has no moving picture in it: upload a file with a video track.",
            Self::OnlySound => {
                "The file has sound but no picture, and sound alone is not accepted yet: upload a file with a video track."
            }
            Self::TooLong => "The video is longer than allowed: upload a shorter one.",
            Self::TooLarge => "The file is larger than allowed: upload a smaller one.",
            Self::TooManyPixels => "The picture is larger than allowed: export the video in a smaller size.",
            Self::Truncated => {
                "The end of the file is missing: the upload or an earlier copy broke off. Upload the whole file."
            }
            Self::UnsupportedCodec => "The video uses a format that cannot be decoded here: export it as H.264 in MP4.",
            Self::MissingAbility => {
                "The FFmpeg of this installation lacks what this video needs: the operator has to install one that has it."
            }
            Self::EncryptedSource => "The file is protected by DRM or a password: upload an unprotected copy.",
            Self::PlaylistNotAllowed => {
                "This is a playlist or script that points at other files, not a video: upload the video itself."
            }
            Self::Damaged => "The file is damaged and cannot be decoded: export or copy it again.",
            Self::TooDemanding => {
                "Decoding the video takes more memory or time than is allowed here: export it as H.264 in MP4, in a smaller size, or have the operator allow more."
            }
            Self::SourceMissing => "The uploaded file is no longer there: upload it again.",
            Self::SourceChanged => {
                "The file was replaced while it was being read: the new one has to be processed instead."
            }
            Self::FetchRefused => {
                "The address does not give the file out: check that it can be read without signing in."
            }
            Self::FetchTooSlow => {
                "The server sends the file too slowly: upload the file instead, or give an address that answers faster."
            }
            Self::AddressNotAllowed => {
                "The address is not on the public internet, so nothing is fetched from there: upload the file instead."
            }
            Self::WebPage => "The address leads to a web page, not to a video: give the address of the file itself.",
            Self::RungsDoNotFit => {
                "By these settings the whole video is cut differently, so single rungs do not fit: re-encode all of it."
            }
            Self::PictureDamaged => "The picture is damaged and cannot be decoded: export it again.",
            Self::Internal => "Something failed on our side: try again, and if it fails again, ask the operator.",
            Self::Unavailable => "A service that the work needs could not be reached: try again later.",
            Self::TimedOut => "The work took too long and was stopped: try again, or upload a shorter video.",
            Self::DiskFull => "The worker ran out of disk space: the operator has to free some, then try again.",
            Self::Exhausted => {
                "The worker ran out of open files, processes or memory: the operator has to allow it more."
            }
            Self::VerificationFailed => {
                "What was made from the video did not pass our checks, so it was not published: try again."
            }
            Self::WorkerLost => {
                "The worker stopped without an answer, several times: try again, or export the video anew."
            }
            Self::FetchFailed => {
                "The file could not be fetched: its server could not be reached or broke off. Try again later."
            }
            Self::Shutdown => "The worker was told to stop; the work goes on elsewhere.",
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A code that no version of this program has.
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

/// A failure as it is kept and shown. Its class follows from its code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Failure {
    /// For programs.
    pub code: FailureCode,
    /// For people; holds nothing private (no path, address or log).
    pub sentence: String,
}

impl Failure {
    /// A failure of which nothing more exact is known than its code.
    pub fn of(code: FailureCode) -> Self {
        Self { code, sentence: code.sentence().to_owned() }
    }

    /// Whose fault it is.
    pub fn class(&self) -> FailureClass {
        self.code.class()
    }
}

impl From<&SourceProblem> for Failure {
    fn from(problem: &SourceProblem) -> Self {
        Self { code: problem.code(), sentence: problem.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_print_and_parse() {
        for code in FailureCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(code));
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
        assert!("no-such-code".parse::<FailureCode>().is_err());
    }

    #[test]
    fn every_sentence_is_one() {
        for code in FailureCode::ALL {
            let sentence = code.sentence();
            assert!(sentence.ends_with('.') && sentence.len() > 20, "{code}: {sentence}");
        }
    }

    #[test]
    fn the_class_decides_what_follows() {
        assert_eq!(FailureCode::NotAVideo.class().verdict(), Verdict::Reject);
        assert_eq!(FailureCode::DiskFull.class().verdict(), Verdict::Retry);
        assert_eq!(FailureCode::Shutdown.class().verdict(), Verdict::Release);
    }
}
