//! Queue messages, which outlive deployments.

use serde::{Deserialize, Serialize};

use super::{
    CaptionsJob, DownloadJob, Import, Job, PosterJob, PreviewJob, Priority, ThumbnailJob,
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
    const TYPES: [&str; 8] = [
        "transcode-v1",
        "import-v1",
        "poster-v1",
        "captions-v1",
        "thumbnail-v1",
        "download-v1",
        "preview-v1",
        "transcription-v1",
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
            | Self::TranscriptionV1(_) => false,
        }
    }

    /// Which messages go first.
    pub fn priority(&self) -> Priority {
        match self {
            Self::TranscodeV1(job) => job.priority,
            // It takes minutes, and the video plays meanwhile.
            Self::TranscriptionV1(_) => Priority::Bulk,
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
            | Self::TranscriptionV1(_) => None,
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

impl From<Import> for JobMessage {
    fn from(import: Import) -> Self {
        Self::ImportV1(import)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::tests::job;

    #[test]
    fn the_wire_format_is_frozen() {
        // Never update this text: a message in this format may be waiting in a customer's queue.
        let json = serde_json::to_string_pretty(&JobMessage::from(job())).unwrap();
        insta::assert_snapshot!(json, @r#"
        {
          "type": "transcode-v1",
          "job": "142a84d39c50f1797d701232211ac10b",
          "video": "vid_018bcfe5680077078707070707070707",
          "source": {
            "bucket": "edgereel-private",
            "key": "uploads/vid_018bcfe5680077078707070707070707/film.mp4",
            "etag": "d41d8cd98f00b204e9800998ecf8427e-3",
            "size": 1234567
          },
          "profile": "default",
          "mode": "abr",
          "reason": "upload"
        }
        "#);
        assert_eq!(JobMessage::parse(&json), Ok(JobMessage::from(job())));
    }

    #[test]
    fn fields_of_a_newer_sender_are_passed_over() {
        let mut value = serde_json::to_value(JobMessage::from(job())).unwrap();
        value["colour"] = "red".into();
        value["priority"] = "a-newer-one".into();
        assert_eq!(
            JobMessage::parse(&value.to_string()),
            Ok(JobMessage::from(job()))
        );
    }

    #[test]
    fn invalid_messages_are_typed_errors() {
        let broken = |change: fn(&mut serde_json::Value)| {
            let mut value = serde_json::to_value(JobMessage::from(job())).unwrap();
            change(&mut value);
            value.to_string()
        };
        let table: String = [
            String::new(),
            "[]".to_owned(),
            "{\"type\":7}".to_owned(),
            broken(|it| it["type"] = "transcode-v2".into()),
            broken(|it| it["video"] = "../x".into()),
            broken(|it| it["source"]["size"] = (-1).into()),
            broken(|it| it["profile"] = "other".into()),
            broken(|it| drop(it.as_object_mut().unwrap().remove("source"))),
        ]
        .iter()
        .map(|body| format!("{}\n", JobMessage::parse(body).unwrap_err()))
        .collect();
        insta::assert_snapshot!(table, @"
        the message is not a job: EOF while parsing a value at line 1 column 0
        the message is not a job: it has no `type`
        the message is not a job: it has no `type`
        messages of type `transcode-v2` are unknown to this version
        the `transcode-v1` message is malformed: `../x` is not a video id: expected `vid_` and 32 lower-case hex digits
        the `transcode-v1` message is malformed: invalid value: integer `-1`, expected u64
        the job id `142a84d39c50f1797d701232211ac10b` does not belong to its source and profile
        the `transcode-v1` message is malformed: missing field `source`
        ");
    }

    #[test]
    fn the_wire_format_of_posters_is_frozen() {
        let video = job().video;
        let text: String = [
            PosterJob::from_timestamp(video, 12_500),
            PosterJob::from_image(video, b"picture"),
        ]
        .map(|it| format!("{}\n", JobMessage::from(it).to_body()))
        .concat();
        insta::assert_snapshot!(text, @r#"
        {"type":"poster-v1","job":"2421459ba1430cecacd2fea3ac1822a6","video":"vid_018bcfe5680077078707070707070707","poster":"790159200608f719","from":{"timestamp":12500}}
        {"type":"poster-v1","job":"d5ab5a9ef02db27bcd6c6679285fac8e","video":"vid_018bcfe5680077078707070707070707","poster":"7fa0a91818dba852","from":"image"}
        "#);
        for line in text.lines() {
            assert_eq!(JobMessage::parse(line).unwrap().to_body(), line);
        }
    }

    #[test]
    fn the_wire_format_of_captions_is_frozen() {
        let message = JobMessage::from(CaptionsJob::new(job().video));
        insta::assert_snapshot!(message.to_body(), @r#"{"type":"captions-v1","job":"1624f4446cd9273b3c7e4ea05a989f2a","video":"vid_018bcfe5680077078707070707070707"}"#);
        assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
    }

    #[test]
    fn the_wire_format_of_thumbnails_is_frozen() {
        let frame = crate::thumbnail::Frame {
            tenths: 125,
            width: 640,
        };
        let generation = crate::ids::Generation::of("etag", "profile");
        let message = JobMessage::from(ThumbnailJob::new(job().video, generation, frame));
        insta::assert_snapshot!(message.to_body(), @r#"{"type":"thumbnail-v1","job":"385bc17f34c6905bdfdd56d1393fdc96","video":"vid_018bcfe5680077078707070707070707","generation":"6580b562fc319fd8","tenths":125,"width":640}"#);
        assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
    }

    #[test]
    fn the_wire_format_of_downloads_is_frozen() {
        let generation = crate::ids::Generation::of("etag", "profile");
        let rung = "720p".parse().unwrap();
        let message = JobMessage::from(DownloadJob::new(job().video, generation, rung));
        insta::assert_snapshot!(message.to_body(), @r#"{"type":"download-v1","job":"fe64d6a47c144bf94aae42ef25c649ca","video":"vid_018bcfe5680077078707070707070707","generation":"6580b562fc319fd8","rung":"720p"}"#);
        assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
    }

    #[test]
    fn the_wire_format_of_previews_is_frozen() {
        let preview = crate::preview::Preview {
            start_tenths: 125,
            length_tenths: 30,
            width: 320,
        };
        let generation = crate::ids::Generation::of("etag", "profile");
        let message = JobMessage::from(PreviewJob::new(job().video, generation, preview));
        insta::assert_snapshot!(message.to_body(), @r#"{"type":"preview-v1","job":"0818f334cc1913e6bef8119ab54eac23","video":"vid_018bcfe5680077078707070707070707","generation":"6580b562fc319fd8","start_tenths":125,"length_tenths":30,"width":320}"#);
        assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
    }

    #[test]
    fn the_wire_format_of_transcriptions_is_frozen() {
        let message =
            JobMessage::from(TranscriptionJob::new(job().video, "pt-BR".parse().unwrap()));
        insta::assert_snapshot!(message.to_body(), @r#"{"type":"transcription-v1","job":"a544d85313fa980d6f85d76b8943d240","video":"vid_018bcfe5680077078707070707070707","language":"pt-BR"}"#);
        assert_eq!(JobMessage::parse(&message.to_body()), Ok(message));
    }

    #[test]
    fn the_wire_format_of_imports_is_frozen() {
        let import = JobMessage::from(Import::new(job().video));
        insta::assert_snapshot!(import.to_body(), @r#"{"type":"import-v1","job":"cb1c8d2b6a558942344dbb44da444ec5","video":"vid_018bcfe5680077078707070707070707"}"#);
        assert_eq!(JobMessage::parse(&import.to_body()), Ok(import));
    }
}
