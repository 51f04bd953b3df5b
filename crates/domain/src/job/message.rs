//! Queue messages, which outlive deployments.

use serde::{Deserialize, Serialize};

use super::{
    CaptionsJob, ChunkJob, DownloadJob, Import, Job, PosterJob, PreviewJob, Priority, ThumbnailJob,
    TranscriptionJob,
};
use crate::ids::{JobId, VideoId};

/// A message in the job queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum JobMessage {
    /// Transcode a source.
    #[serde(rename = "transcode-v1")]
    TranscodeV1(Job),
    /// Import a source from a URL.
    #[serde(rename = "import-v1")]
    ImportV1(Import),
    /// Render a custom poster.
    #[serde(rename = "poster-v1")]
    PosterV1(PosterJob),
    /// Publish captions.
    #[serde(rename = "captions-v1")]
    CaptionsV1(CaptionsJob),
    /// Make a thumbnail of a frame.
    #[serde(rename = "thumbnail-v1")]
    ThumbnailV1(ThumbnailJob),
    /// Write a rung as an MP4 file.
    #[serde(rename = "download-v1")]
    DownloadV1(DownloadJob),
    /// Make an animated preview of a span.
    #[serde(rename = "preview-v1")]
    PreviewV1(PreviewJob),
    /// Make captions of the audio.
    #[serde(rename = "transcription-v1")]
    TranscriptionV1(TranscriptionJob),
    /// Encode a chunk of a video.
    #[serde(rename = "chunk-v1")]
    ChunkV1(ChunkJob),
}

/// A message body that this version cannot process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// The body is not a JSON object with a `type`.
    #[error("the message is not a job: {detail}")]
    NotAMessage {
        /// The JSON parser's error.
        detail: String,
    },
    /// The message is from a newer version, or from another program.
    #[error("messages of type `{found}` are unknown to this version")]
    UnknownType {
        /// Its `type`, at most 64 characters.
        found: String,
    },
    /// The type is known, but fields are missing or invalid.
    #[error("the `{of_type}` message is malformed: {detail}")]
    Malformed {
        /// Its `type`.
        of_type: &'static str,
        /// The parser's error.
        detail: String,
    },
    /// The id does not match the other fields: two runs could be mistaken for one, or one for two.
    #[error("the job id `{found}` does not belong to its source and profile")]
    ForeignId {
        /// The id in the message.
        found: JobId,
    },
}

impl JobMessage {
    /// Parses a message body. Unknown fields are ignored: a newer sender may add some.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let value: serde_json::Value =
            serde_json::from_str(body).map_err(|it| InvalidMessage::NotAMessage {
                detail: it.to_string(),
            })?;
        let kind = value
            .get("type")
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| InvalidMessage::NotAMessage {
                detail: "it has no `type`".to_owned(),
            })?;
        let Some(of_type) = Self::TYPES.into_iter().find(|it| *it == kind) else {
            return Err(InvalidMessage::UnknownType {
                found: kind.chars().take(64).collect(),
            });
        };
        let message: Self =
            serde_json::from_value(value).map_err(|it| InvalidMessage::Malformed {
                of_type,
                detail: it.to_string(),
            })?;
        if *message.id() != message.due_id() {
            return Err(InvalidMessage::ForeignId {
                found: message.id().clone(),
            });
        }
        Ok(message)
    }

    /// The types that this version processes.
    const TYPES: [&str; 9] = [
        "transcode-v1",
        "import-v1",
        "poster-v1",
        "captions-v1",
        "thumbnail-v1",
        "download-v1",
        "preview-v1",
        "transcription-v1",
        "chunk-v1",
    ];

    /// The message body as JSON.
    pub fn to_body(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialise")
    }

    /// Id of the work: two messages with the same id are one piece of work.
    pub fn id(&self) -> &JobId {
        match self {
            Self::TranscodeV1(job) => &job.id,
            Self::ImportV1(import) => &import.id,
            Self::PosterV1(job) => &job.id,
            Self::CaptionsV1(job) => &job.id,
            Self::ThumbnailV1(job) => &job.id,
            Self::DownloadV1(job) => &job.id,
            Self::PreviewV1(job) => &job.id,
            Self::TranscriptionV1(job) => &job.id,
            Self::ChunkV1(job) => &job.id,
        }
    }

    /// The id that follows from the other fields.
    fn due_id(&self) -> JobId {
        match self {
            Self::TranscodeV1(job) => job.due_id(),
            Self::ImportV1(import) => Import::new(import.video).id,
            Self::PosterV1(job) => PosterJob::id_of(job.video, &job.poster),
            Self::CaptionsV1(job) => CaptionsJob::new(job.video).id,
            Self::ThumbnailV1(job) => {
                ThumbnailJob::new(job.video, job.generation.clone(), job.frame).id
            }
            Self::DownloadV1(job) => {
                DownloadJob::new(job.video, job.generation.clone(), job.rung.clone()).id
            }
            Self::PreviewV1(job) => {
                PreviewJob::new(job.video, job.generation.clone(), job.preview).id
            }
            Self::TranscriptionV1(job) => TranscriptionJob::new(job.video, job.language.clone()).id,
            Self::ChunkV1(job) => {
                let (generation, plan) = (job.generation.clone(), job.plan.clone());
                ChunkJob::new(job.video, generation, plan, job.index).id
            }
        }
    }

    /// The video that the work is for.
    pub fn video(&self) -> VideoId {
        match self {
            Self::TranscodeV1(job) => job.video,
            Self::ImportV1(import) => import.video,
            Self::PosterV1(job) => job.video,
            Self::CaptionsV1(job) => job.video,
            Self::ThumbnailV1(job) => job.video,
            Self::DownloadV1(job) => job.video,
            Self::PreviewV1(job) => job.video,
            Self::TranscriptionV1(job) => job.video,
            Self::ChunkV1(job) => job.video,
        }
    }

    /// Short name of the kind of work, as traces have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TranscodeV1(_) => "transcode",
            Self::ImportV1(_) => "import",
            Self::PosterV1(_) => "poster",
            Self::CaptionsV1(_) => "captions",
            Self::ThumbnailV1(_) => "thumbnail",
            Self::DownloadV1(_) => "download",
            Self::PreviewV1(_) => "preview",
            Self::TranscriptionV1(_) => "transcription",
            Self::ChunkV1(_) => "chunk",
        }
    }

    /// Whether attempts are counted, in the catalog. Other work is small and idempotent: the
    /// deliveries of its message limit it.
    pub fn has_attempts(&self) -> bool {
        match self {
            Self::TranscodeV1(_) | Self::ImportV1(_) => true,
            Self::PosterV1(_)
            | Self::CaptionsV1(_)
            | Self::ThumbnailV1(_)
            | Self::DownloadV1(_)
            | Self::PreviewV1(_)
            | Self::TranscriptionV1(_)
            | Self::ChunkV1(_) => false,
        }
    }

    /// Which messages go first.
    pub fn priority(&self) -> Priority {
        match self {
            Self::TranscodeV1(job) => job.priority,
            // A transcription takes minutes, and the video plays meanwhile. A chunk must not delay
            // other jobs; its messages have a queue of their own.
            Self::TranscriptionV1(_) | Self::ChunkV1(_) => Priority::Bulk,
            Self::ImportV1(_)
            | Self::PosterV1(_)
            | Self::CaptionsV1(_)
            | Self::ThumbnailV1(_)
            | Self::DownloadV1(_)
            | Self::PreviewV1(_) => Priority::Interactive,
        }
    }

    /// The transcoding job; `None` for other work.
    pub fn job(&self) -> Option<&Job> {
        match self {
            Self::TranscodeV1(job) => Some(job),
            Self::ImportV1(_)
            | Self::PosterV1(_)
            | Self::CaptionsV1(_)
            | Self::ThumbnailV1(_)
            | Self::DownloadV1(_)
            | Self::PreviewV1(_)
            | Self::TranscriptionV1(_)
            | Self::ChunkV1(_) => None,
        }
    }
}

impl From<Job> for JobMessage {
    fn from(job: Job) -> Self {
        Self::TranscodeV1(job)
    }
}

impl From<PosterJob> for JobMessage {
    fn from(job: PosterJob) -> Self {
        Self::PosterV1(job)
    }
}

impl From<CaptionsJob> for JobMessage {
    fn from(job: CaptionsJob) -> Self {
        Self::CaptionsV1(job)
    }
}

impl From<ThumbnailJob> for JobMessage {
    fn from(job: ThumbnailJob) -> Self {
        Self::ThumbnailV1(job)
    }
}

impl From<DownloadJob> for JobMessage {
    fn from(job: DownloadJob) -> Self {
        Self::DownloadV1(job)
    }
}

impl From<PreviewJob> for JobMessage {
    fn from(job: PreviewJob) -> Self {
        Self::PreviewV1(job)
    }
}

impl From<TranscriptionJob> for JobMessage {
    fn from(job: TranscriptionJob) -> Self {
        Self::TranscriptionV1(job)
    }
}

impl From<ChunkJob> for JobMessage {
    fn from(job: ChunkJob) -> Self {
        Self::ChunkV1(job)
    }
}

impl From<Import> for JobMessage {
    fn from(import: Import) -> Self {
        Self::ImportV1(import)
    }
}

#[cfg(test)]
mod tests;
