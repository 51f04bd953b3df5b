//! What can be wrong with a source, with the numbers that a user needs to mend it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FailureCode;

/// What is wrong with a source, as exactly as is known. `Display` is the sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum SourceProblem {
    /// No bytes.
    #[error("{}", FailureCode::EmptyFile.sentence())]
    EmptyFile,
    /// No container that can be read.
    #[error("{}", FailureCode::NotAVideo.sentence())]
    NotAVideo,
    /// No moving picture.
    #[error("{}", FailureCode::NoVideoStream.sentence())]
    NoVideoStream,
    /// Sound without a picture.
    #[error("{}", FailureCode::OnlySound.sentence())]
    OnlySound,
    /// The FFmpeg of this installation lacks what this source needs.
    #[error(
        "The video is {need}, and the FFmpeg of this installation lacks {ability}: the operator has to install one that has it."
    )]
    MissingAbility {
        /// What the source is, to follow "The video is".
        need: String,
        /// What is missing: "the filter `zscale`".
        ability: String,
    },
    /// Longer than the profile allows.
    #[error("The video is {} long, and at most {} is allowed: upload a shorter one.", Length(*seconds), Length(*limit_seconds))]
    TooLong {
        /// As probed.
        seconds: u64,
        /// Of the profile.
        limit_seconds: u64,
    },
    /// More bytes than the profile allows.
    #[error("The file has {}, and at most {} is allowed: upload a smaller one.", Size(*bytes), Size(*limit_bytes))]
    TooLarge {
        /// Of the object.
        bytes: u64,
        /// Of the profile.
        limit_bytes: u64,
    },
    /// Larger frames than the profile allows.
    #[error(
        "The picture is {width}x{height}, and at most {limit_pixels} pixels are allowed: export the video in a smaller size."
    )]
    TooManyPixels {
        /// Of the coded frame.
        width: u32,
        /// Of the coded frame.
        height: u32,
        /// Width times height, of the profile.
        limit_pixels: u64,
    },
    /// The end is missing.
    #[error("{}", FailureCode::Truncated.sentence())]
    Truncated,
    /// Nobody here can decode it.
    #[error("The video is in the format `{codec}`, which cannot be decoded here: export it as H.264 in MP4.")]
    UnsupportedCodec {
        /// Its name as FFmpeg gives it, or the four characters of the container.
        codec: String,
    },
    /// Protected by DRM or a password.
    #[error("{}", FailureCode::EncryptedSource.sentence())]
    EncryptedSource,
    /// A playlist or script in the clothes of a video.
    #[error("{}", FailureCode::PlaylistNotAllowed.sentence())]
    PlaylistNotAllowed,
    /// It begins well, then cannot be decoded.
    #[error("{}", FailureCode::Damaged.sentence())]
    Damaged,
    /// Reading or decoding it takes more memory or processor time than it may.
    #[error("{}", FailureCode::TooDemanding.sentence())]
    TooDemanding,
    /// The object is gone.
    #[error("{}", FailureCode::SourceMissing.sentence())]
    SourceMissing,
    /// The object was replaced while it was read.
    #[error("{}", FailureCode::SourceChanged.sentence())]
    SourceChanged,
    /// Whoever serves the URL does not give the file out.
    #[error(
        "The address answers with status {status}: check that the file is there and can be read without signing in."
    )]
    FetchRefused {
        /// Of HTTP.
        status: u16,
    },
    /// The server of the URL sends the file so slowly that it does not arrive in the time that an import has.
    #[error(
        "The server has not sent the file within {}: upload the file instead, or give an address that answers faster.",
        Length(*limit_seconds)
    )]
    FetchTooSlow {
        /// Of an import.
        limit_seconds: u64,
    },
    /// The URL leads to an address that this installation does not fetch from.
    #[error("{}", FailureCode::AddressNotAllowed.sentence())]
    AddressNotAllowed,
    /// The URL leads to a page for people.
    #[error("{}", FailureCode::WebPage.sentence())]
    WebPage,
    /// Single rungs cannot be made anew by these settings.
    #[error("{}", FailureCode::RungsDoNotFit.sentence())]
    RungsDoNotFit,
    /// A picture that cannot be decoded.
    #[error("{}", FailureCode::PictureDamaged.sentence())]
    PictureDamaged,
}

impl SourceProblem {
    /// Its stable code.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::EmptyFile => FailureCode::EmptyFile,
            Self::NotAVideo => FailureCode::NotAVideo,
            Self::NoVideoStream => FailureCode::NoVideoStream,
            Self::OnlySound => FailureCode::OnlySound,
            Self::MissingAbility { .. } => FailureCode::MissingAbility,
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
            Self::PictureDamaged => FailureCode::PictureDamaged,
        }
    }
}

/// Seconds, said as a person would.
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

/// Bytes, in decimal units as shops and browsers count them.
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
    fn problems_of_a_source_speak_to_a_person() {
        let problems = [
            SourceProblem::TooLong { seconds: 7_384, limit_seconds: 3_600 },
            SourceProblem::TooLong { seconds: 61, limit_seconds: 59 },
            SourceProblem::TooLarge { bytes: 5_450_000_000, limit_bytes: 999 },
            SourceProblem::TooManyPixels { width: 16_000, height: 9_000, limit_pixels: 35_389_440 },
            SourceProblem::UnsupportedCodec { codec: "vvc".to_owned() },
            SourceProblem::FetchRefused { status: 404 },
        ];
        let text: String = problems.iter().map(|it| format!("{}: {it}\n", it.code())).collect();
        insta::assert_snapshot!(text, @"
        too-long: The video is 2 h 3 min long, and at most 1 h 0 min is allowed: upload a shorter one.
        too-long: The video is 1 min 1 s long, and at most 59 s is allowed: upload a shorter one.
        too-large: The file has 5.4 GB, and at most 999 bytes is allowed: upload a smaller one.
        too-many-pixels: The picture is 16000x9000, and at most 35389440 pixels are allowed: export the video in a smaller size.
        unsupported-codec: The video is in the format `vvc`, which cannot be decoded here: export it as H.264 in MP4.
        fetch-refused: The address answers with status 404: check that the file is there and can be read without signing in.
        ");
        assert!(problems.iter().all(|it| it.code().class() == FailureClass::Source));
    }

    #[test]
    fn a_problem_and_its_code_agree_on_the_wire() {
        let problem = SourceProblem::TooLong { seconds: 2, limit_seconds: 1 };
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["code"], problem.code().as_str());
        assert_eq!(serde_json::from_value::<SourceProblem>(json).unwrap(), problem);
    }
}
