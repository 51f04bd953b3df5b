//! Transcriptions: captions that an operator's program makes of the audio of a video.

use serde::{Deserialize, Serialize};

use crate::caption::Language;
use crate::ids::{JobId, VideoId};

/// Makes captions of the audio of a video. The catalog knows which transcriptions were requested:
/// repeating the message changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TranscriptionJob {
    /// Derived from the other fields.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video, which must be ready.
    pub video: VideoId,
    /// Language of the speech, and of the captions.
    pub language: Language,
}

impl TranscriptionJob {
    /// A job for the captions of a video in a language.
    pub fn new(video: VideoId, language: Language) -> Self {
        let id = JobId::of("transcription", &video.to_string(), language.as_str(), "");
        Self {
            id,
            video,
            language,
        }
    }
}
