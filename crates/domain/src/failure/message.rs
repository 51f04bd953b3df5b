//! The messages of failures.

use super::FailureCode;

impl FailureCode {
    /// The default message for people: what is wrong, and what to do.
    pub fn message(self) -> &'static str {
        match self {
            Self::EmptyFile => "The file is empty: upload it again.",
            Self::NotAVideo => {
                "The file is not a video or audio file that can be read: upload one, such as MP4, MOV, MKV or MP3."
            }
            Self::NoVideoStream => {
                "The file contains neither video nor audio: upload a file that has one of them."
            }
            Self::AudioOnly => "The file has only audio, and a video track is needed.",
            Self::TooLong => "The video is longer than allowed: upload a shorter one.",
            Self::TooLarge => "The file is larger than allowed: upload a smaller one.",
            Self::TooManyPixels => {
                "The frames are larger than allowed: export the video at a lower resolution."
            }
            Self::Truncated => {
                "The end of the file is missing, because the upload or an earlier copy was interrupted: upload the complete file."
            }
            Self::UnsupportedCodec => {
                "The codec of the video is not supported: export it as H.264 in MP4."
            }
            Self::MissingCapability => {
                "The FFmpeg of this installation lacks a feature that this video needs: ask the operator to install a build that has it."
            }
            Self::EncryptedSource => {
                "The file is protected by DRM or a password: upload an unprotected copy."
            }
            Self::PlaylistNotAllowed => {
                "The file is a playlist or script that refers to other files: upload the video itself."
            }
            Self::Damaged => "The file is damaged and cannot be decoded: export or copy it again.",
            Self::TooDemanding => {
                "Decoding the video needs more memory or time than is allowed: export it as H.264 in MP4 at a lower resolution, or ask the operator to raise the limits."
            }
            Self::SourceMissing => {
                "The source does not exist any more: the file, or the video of the clip, was deleted. Upload the file again."
            }
            Self::SourceChanged => {
                "The file was replaced while it was being read: process the new file instead."
            }
            Self::FetchRefused => {
                "The server refuses to send the file: check that the URL can be read without signing in."
            }
            Self::FetchTooSlow => {
                "The server sends the file too slowly: upload the file instead, or use the URL of a faster server."
            }
            Self::AddressNotAllowed => {
                "The URL leads to an address that is not on the public internet, so the file was not imported: upload the file instead."
            }
            Self::WebPage => {
                "The URL leads to a web page, not to a video: use the URL of the file itself."
            }
            Self::RungsDoNotFit => {
                "With these settings the video has other segment boundaries or another watermark, so single rungs cannot be replaced: re-encode all rungs."
            }
            Self::ImageDamaged => "The image is damaged and cannot be decoded: export it again.",
            Self::NoTranscriber => {
                "This installation cannot make captions of audio: ask the operator to set up a transcriber, or upload captions."
            }
            Self::NoSpeech => {
                "No speech was found in the audio: check the language, or upload captions."
            }
            Self::TranscriptionFailed => {
                "The transcriber failed: try again, and if it fails again, ask the operator, who finds the reason in the log."
            }
            Self::Internal => {
                "An internal error occurred: try again, and if it fails again, ask the operator."
            }
            Self::Unavailable => "A required service could not be reached: try again later.",
            Self::TimedOut => {
                "Processing took too long and was stopped: try again, or upload a shorter video."
            }
            Self::DiskFull => {
                "The worker ran out of disk space: ask the operator to free some, then try again."
            }
            Self::Exhausted => {
                "The worker ran out of open files, processes or memory: ask the operator to raise its limits."
            }
            Self::VerificationFailed => {
                "The output did not pass verification, so it was not published: try again."
            }
            Self::WorkerLost => {
                "The worker stopped responding several times: try again, or export the video again."
            }
            Self::FetchFailed => {
                "The import failed, because the server could not be reached or closed the connection: try again later."
            }
            Self::Shutdown => "The worker was stopped; another worker continues the job.",
        }
    }
}
