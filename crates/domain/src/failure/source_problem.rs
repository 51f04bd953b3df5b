//! Problems of a source, with the numbers that a user needs to fix them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FailureCode;

/// A problem of a source, as exactly as it is known. `Display` is the message for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(
    tag = "code",
    rename_all = "kebab-case",
    rename_all_fields = "snake_case"
)]
pub enum SourceProblem {
    /// The file has no bytes.
    #[error("{}", FailureCode::EmptyFile.message())]
    EmptyFile,
    /// The file is not in a readable container format.
    #[error("{}", FailureCode::NotAVideo.message())]
    NotAVideo,
    /// The file has neither video nor audio.
    #[error("{}", FailureCode::NoVideoStream.message())]
    NoVideoStream,
    /// The file has only audio, and the request needs video.
    #[error("{}", FailureCode::AudioOnly.message())]
    AudioOnly,
    /// The FFmpeg of this installation lacks a filter or decoder that this source needs.
    #[error(
        "The video is {need}, and the FFmpeg of this installation lacks {capability}: ask the operator to install a build that has it."
    )]
    MissingCapability {
        /// Property of the source that needs it, to follow "The video is".
        need: String,
        /// The missing capability, for example "the filter `zscale`".
        capability: String,
    },
    /// The video is longer than the profile allows.
    #[error("The video is {} long, and at most {} is allowed: upload a shorter one.", Length(*seconds), Length(*limit_seconds))]
    TooLong {
        /// Probed duration, seconds.
        seconds: u64,
        /// Limit of the profile, seconds.
        limit_seconds: u64,
    },
    /// The file has more bytes than the profile allows.
    #[error("The file has {}, and at most {} is allowed: upload a smaller one.", Size(*bytes), Size(*limit_bytes))]
    TooLarge {
        /// Size of the object, bytes.
        bytes: u64,
        /// Limit of the profile, bytes.
        limit_bytes: u64,
    },
    /// The frames are larger than the profile allows.
    #[error(
        "The frames are {width}x{height}, and at most {limit_pixels} pixels are allowed: export the video at a lower resolution."
    )]
    TooManyPixels {
        /// Width of the coded frame, pixels.
        width: u32,
        /// Height of the coded frame, pixels.
        height: u32,
        /// Limit of the profile for width times height, pixels.
        limit_pixels: u64,
    },
    /// The end of the file is missing.
    #[error("{}", FailureCode::Truncated.message())]
    Truncated,
    /// No decoder for the codec is available.
    #[error("The codec `{codec}` is not supported: export the video as H.264 in MP4.")]
    UnsupportedCodec {
        /// FFmpeg's name of the codec, or the four-character code of the container.
        codec: String,
    },
    /// Protected by DRM or a password.
    #[error("{}", FailureCode::EncryptedSource.message())]
    EncryptedSource,
    /// A playlist or script, disguised as a video.
    #[error("{}", FailureCode::PlaylistNotAllowed.message())]
    PlaylistNotAllowed,
    /// The beginning is valid, but a later part cannot be decoded.
    #[error("{}", FailureCode::Damaged.message())]
    Damaged,
    /// Reading or decoding it needs more memory or processor time than is allowed.
    #[error("{}", FailureCode::TooDemanding.message())]
    TooDemanding,
    /// The object does not exist any more.
    #[error("{}", FailureCode::SourceMissing.message())]
    SourceMissing,
    /// The object was replaced while it was read.
    #[error("{}", FailureCode::SourceChanged.message())]
    SourceChanged,
    /// The server of the URL refuses to send the file.
    #[error(
        "The server responded with status {status}: check that the file exists and can be read without signing in."
    )]
    FetchRefused {
        /// HTTP status of the response.
        status: u16,
    },
    /// The server of the URL sends the file so slowly that the import exceeds its time limit.
    #[error(
        "The server has not sent the file within {}: upload the file instead, or use the URL of a faster server.",
        Length(*limit_seconds)
    )]
    FetchTooSlow {
        /// Time limit of an import, seconds.
        limit_seconds: u64,
    },
    /// The URL leads to an address from which this installation does not import.
    #[error("{}", FailureCode::AddressNotAllowed.message())]
    AddressNotAllowed,
    /// The URL leads to a web page.
    #[error("{}", FailureCode::WebPage.message())]
    WebPage,
    /// Single rungs cannot be re-encoded with these settings.
    #[error("{}", FailureCode::RungsDoNotFit.message())]
    RungsDoNotFit,
    /// The image cannot be decoded.
    #[error("{}", FailureCode::ImageDamaged.message())]
    ImageDamaged,
    /// The transcoders have no transcriber.
    #[error("{}", FailureCode::NoTranscriber.message())]
    NoTranscriber,
    /// The transcriber found no speech in the audio.
    #[error("{}", FailureCode::NoSpeech.message())]
    NoSpeech,
}

impl SourceProblem {
    /// Stable code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::EmptyFile => FailureCode::EmptyFile,
            Self::NotAVideo => FailureCode::NotAVideo,
            Self::NoVideoStream => FailureCode::NoVideoStream,
            Self::AudioOnly => FailureCode::AudioOnly,
            Self::MissingCapability { .. } => FailureCode::MissingCapability,
            Self::TooLong { .. } => FailureCode::TooLong,
            Self::TooLarge { .. } => FailureCode::TooLarge,
            Self::TooManyPixels { .. } => FailureCode::TooManyPixels,
            Self::Truncated => FailureCode::Truncated,
            Self::UnsupportedCodec { .. } => FailureCode::UnsupportedCodec,
            Self::EncryptedSource => FailureCode::EncryptedSource,
            Self::PlaylistNotAllowed => FailureCode::PlaylistNotAllowed,
            Self::Damaged => FailureCode::Damaged,
            Self::TooDemanding => FailureCode::TooDemanding,
            Self::SourceMissing => FailureCode::SourceMissing,
            Self::SourceChanged => FailureCode::SourceChanged,
            Self::FetchRefused { .. } => FailureCode::FetchRefused,
            Self::FetchTooSlow { .. } => FailureCode::FetchTooSlow,
            Self::AddressNotAllowed => FailureCode::AddressNotAllowed,
            Self::WebPage => FailureCode::WebPage,
            Self::RungsDoNotFit => FailureCode::RungsDoNotFit,
            Self::ImageDamaged => FailureCode::ImageDamaged,
            Self::NoTranscriber => FailureCode::NoTranscriber,
            Self::NoSpeech => FailureCode::NoSpeech,
        }
    }
}

/// A duration in seconds, formatted for people.
struct Length(u64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        match (hours, minutes) {
            (0, 0) => write!(f, "{seconds} s"),
            (0, _) => write!(f, "{minutes} min {seconds} s"),
            _ => write!(f, "{hours} h {minutes} min"),
        }
    }
}

/// A size in bytes, formatted in decimal units.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")] {
            if self.0 >= unit {
                return write!(f, "{}.{} {name}", self.0 / unit, self.0 % unit * 10 / unit);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureClass;

    #[test]
    fn problems_of_a_source_are_readable() {
        let problems = [
            SourceProblem::TooLong {
                seconds: 7_384,
                limit_seconds: 3_600,
            },
            SourceProblem::TooLong {
                seconds: 61,
                limit_seconds: 59,
            },
            SourceProblem::TooLarge {
                bytes: 5_450_000_000,
                limit_bytes: 999,
            },
            SourceProblem::TooManyPixels {
                width: 16_000,
                height: 9_000,
                limit_pixels: 35_389_440,
            },
            SourceProblem::UnsupportedCodec {
                codec: "vvc".to_owned(),
            },
            SourceProblem::FetchRefused { status: 404 },
        ];
        let text: String = problems
            .iter()
            .map(|it| format!("{}: {it}\n", it.code()))
            .collect();
        insta::assert_snapshot!(text, @"
        too-long: The video is 2 h 3 min long, and at most 1 h 0 min is allowed: upload a shorter one.
        too-long: The video is 1 min 1 s long, and at most 59 s is allowed: upload a shorter one.
        too-large: The file has 5.4 GB, and at most 999 bytes is allowed: upload a smaller one.
        too-many-pixels: The frames are 16000x9000, and at most 35389440 pixels are allowed: export the video at a lower resolution.
        unsupported-codec: The codec `vvc` is not supported: export the video as H.264 in MP4.
        fetch-refused: The server responded with status 404: check that the file exists and can be read without signing in.
        ");
        assert!(
            problems
                .iter()
                .all(|it| it.code().class() == FailureClass::Source)
        );
    }

    #[test]
    fn a_problem_and_its_code_agree_on_the_wire() {
        let problem = SourceProblem::TooLong {
            seconds: 2,
            limit_seconds: 1,
        };
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["code"], problem.code().as_str());
        assert_eq!(
            serde_json::from_value::<SourceProblem>(json).unwrap(),
            problem
        );
    }
}
