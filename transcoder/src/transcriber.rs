//! Captions of the audio, which a program or a service of the operator makes: it gets a file of the
//! audio and a language, and returns captions as WebVTT, SRT or TTML.
//!
//! What it returns is read as an uploaded file is: nothing that is not captions reaches viewers.

use std::path::Path;
use std::time::Duration;

use captions::{MAX_BYTES, Reason, Track};
use domain::caption::Language;
use domain::failure::SourceProblem;
use domain::ids::VideoId;
use platform::secret::Secret;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::error::TranscodeError;

mod audio;
mod command;
mod endpoint;

pub(crate) use audio::{AudioFormat, SAMPLE_RATE, write_audio};

/// What makes captions of audio.
#[derive(Debug, Clone)]
pub struct Transcriber {
    /// The program or service.
    pub service: TranscriberService,
    /// Time limit for one video.
    pub time_limit: Duration,
}

/// A program or service that makes captions of audio.
#[derive(Debug, Clone)]
pub enum TranscriberService {
    /// A command line for `sh -c`, on this machine.
    Command(String),
    /// An HTTP endpoint.
    Endpoint {
        /// Its URL.
        url: Url,
        /// Sent as a bearer token (RFC 6750).
        token: Option<Secret>,
    },
}

/// The audio of a video.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speech<'a> {
    /// The video.
    pub(crate) video: VideoId,
    /// Language of the speech.
    pub(crate) language: &'a Language,
    /// A file in the [format](Transcriber::format) of the transcriber, alone in its directory.
    pub(crate) audio: &'a Path,
}

impl Transcriber {
    /// The format of the audio. Programs for speech read WAV, whatever they were built with;
    /// services have limits for the size of a request.
    pub(crate) fn format(&self) -> AudioFormat {
        match self.service {
            TranscriberService::Command(_) => AudioFormat::Wav,
            TranscriberService::Endpoint { .. } => AudioFormat::Mp4,
        }
    }

    /// The captions of a video. `NoSpeech` if they have no cue.
    pub(crate) async fn transcribe(
        &self,
        speech: Speech<'_>,
        cancel: &CancellationToken,
    ) -> Result<Track, TranscodeError> {
        let transcribing = async {
            match &self.service {
                TranscriberService::Command(line) => command::run(line, speech).await,
                TranscriberService::Endpoint { url, token } => {
                    endpoint::post(url, token.as_ref(), speech).await
                }
            }
        };
        let text = tokio::select! {
            text = transcribing => text?,
            () = tokio::time::sleep(self.time_limit) => {
                let limit = self.time_limit.as_secs();
                return Err(failed(format!("it took longer than {limit} s")));
            }
            () = cancel.cancelled() => return Err(TranscodeError::Cancelled),
        };
        match captions::parse(&text) {
            Ok(parsed) => Ok(parsed.track),
            Err(problem) if problem.reason == Reason::NoCues => Err(SourceProblem::NoSpeech.into()),
            Err(problem) => Err(failed(format!("its captions cannot be read: {problem}"))),
        }
    }
}

/// Adds a part to captions that are received, as long as they are not longer than an uploaded file
/// may be.
fn extend(captions: &mut Vec<u8>, part: &[u8]) -> Result<(), TranscodeError> {
    if captions.len() + part.len() > MAX_BYTES {
        return Err(failed(format!("it returned more than {MAX_BYTES} bytes")));
    }
    captions.extend_from_slice(part);
    Ok(())
}

fn failed(reason: impl Into<String>) -> TranscodeError {
    TranscodeError::Transcriber {
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
