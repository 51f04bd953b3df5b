//! Database rows and their conversion to records. A row that cannot be interpreted is `Corrupt`,
//! never guessed.

use std::str::FromStr;

use domain::failure::Failure;
use domain::ids::VideoId;
use domain::state::{StateName, VideoState};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::database::{time, unsigned};
use crate::videos::{
    Attempt, AttemptOutcome, CatalogError, Progress, RenditionRecord, SortKey, SortValue, Upload,
    UploadKind, Video, VideoCursor, VideoSource,
};

/// Number of characters of a title that lists compare, as in the indexes.
const TITLE_CHARS: usize = 200;

// Columns are listed by name, here and below: the meaning of `*` in prepared statements changes
// when another process adds a column.
macro_rules! video_columns {
    () => {
        "id, adopted, owner, title, external_id, metadata, state, failure_code, failure_sentence, \
         source_bucket, source_key, source_etag, source_size, content_type, upload_kind, upload_id, \
         upload_part_bytes, upload_expires_ms, profile, mode, generate, job, cancelled_job, generation, fence, \
         worker, lease_until_ms, created_ms, updated_ms, queued_ms, playable_ms, ready_ms, version, \
         file_name, duration_ms, width, height, poster_made, title_folded"
    };
}
pub(super) use video_columns;

/// A row of `videos`.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct VideoRow {
    pub(super) id: String,
    pub(super) adopted: i64,
    pub(super) owner: Option<String>,
    pub(super) title: Option<String>,
    pub(super) external_id: Option<String>,
    metadata: String,
    state: String,
    failure_code: Option<String>,
    failure_sentence: Option<String>,
    source_bucket: Option<String>,
    pub(super) source_key: Option<String>,
    pub(super) source_etag: Option<String>,
    source_size: Option<i64>,
    content_type: Option<String>,
    upload_kind: Option<String>,
    upload_id: Option<String>,
    upload_part_bytes: Option<i64>,
    upload_expires_ms: Option<i64>,
    pub(super) profile: String,
    mode: String,
    generate: String,
    pub(super) job: Option<String>,
    pub(super) cancelled_job: Option<String>,
    pub(super) generation: Option<String>,
    pub(super) fence: i64,
    pub(super) worker: Option<String>,
    pub(super) lease_until_ms: i64,
    created_ms: i64,
    updated_ms: i64,
    pub(super) queued_ms: Option<i64>,
    playable_ms: Option<i64>,
    ready_ms: Option<i64>,
    version: i64,
    pub(super) file_name: Option<String>,
    duration_ms: Option<i64>,
    width: Option<i64>,
    height: Option<i64>,
    poster_made: Option<i64>,
    title_folded: Option<String>,
}

/// The same with the progress of the current attempt, and the custom poster.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct WatchedRow {
    #[sqlx(flatten)]
    video: VideoRow,
    attempt_stage: Option<String>,
    attempt_percent: Option<i64>,
    poster_shown: Option<String>,
}

impl VideoRow {
    /// Whether the video has ever been ready; if so, its source has arrived.
    pub(super) fn has_played(&self) -> bool {
        self.ready_ms.is_some()
    }

    pub(super) fn state(&self) -> Result<VideoState, CatalogError> {
        Ok(match parse::<StateName>("state", &self.state)? {
            StateName::Created => VideoState::Created,
            StateName::Uploading => VideoState::Uploading,
            StateName::Stored => VideoState::Stored,
            StateName::Queued => VideoState::Queued,
            StateName::Processing => VideoState::Processing,
            StateName::Playable => VideoState::Playable,
            StateName::Cancelled => VideoState::Cancelled,
            StateName::Deleted => VideoState::Deleted,
            StateName::Ready => {
                let generation = self
                    .generation
                    .as_deref()
                    .ok_or_else(|| corrupt("a ready video", "no generation"))?;
                VideoState::Ready {
                    generation: parse("generation", generation)?,
                }
            }
            StateName::Failed => {
                let code = self
                    .failure_code
                    .as_deref()
                    .ok_or_else(|| corrupt("a failed video", "no code"))?;
                let message = self.failure_sentence.clone().unwrap_or_default();
                VideoState::Failed(Failure {
                    code: parse("failure code", code)?,
                    message,
                })
            }
        })
    }

    fn video_id(&self) -> Result<VideoId, CatalogError> {
        parse("video id", &self.id)
    }

    pub(super) fn mode(&self) -> Result<domain::job::Mode, CatalogError> {
        from_word("mode", &self.mode)
    }

    pub(super) fn generate(&self) -> Result<domain::job::Generate, CatalogError> {
        from_word("generate", &self.generate)
    }

    fn upload(&self) -> Result<Option<Upload>, CatalogError> {
        let (Some(kind), Some(expires_ms)) = (self.upload_kind.as_deref(), self.upload_expires_ms)
        else {
            return Ok(None);
        };
        let kind = match (kind, &self.upload_id, self.upload_part_bytes) {
            ("single", _, _) => UploadKind::Single,
            ("multipart", Some(upload_id), Some(part_bytes)) => UploadKind::Multipart {
                upload_id: upload_id.clone(),
                part_bytes: unsigned(part_bytes),
            },
            ("open", Some(upload_id), _) => UploadKind::Open {
                upload_id: upload_id.clone(),
            },
            _ => return Err(corrupt("an upload", kind)),
        };
        Ok(Some(Upload {
            kind,
            expires_ms: time(expires_ms),
        }))
    }

    pub(super) fn into_video(self, progress: Option<Progress>) -> Result<Video, CatalogError> {
        let pixels = |it: Option<i64>| it.and_then(|it| u32::try_from(it).ok());
        Ok(Video {
            duration_ms: self.duration_ms.map(unsigned),
            dimensions: pixels(self.width).zip(pixels(self.height)),
            // Rows written by older versions have no value.
            has_poster: self.ready_ms.is_some() && self.poster_made != Some(0),
            chosen_poster: None,
            id: self.video_id()?,
            state: self.state()?,
            upload: self.upload()?,
            mode: self.mode()?,
            generate: self.generate()?,
            metadata: from_json("metadata", &self.metadata)?,
            job: self
                .job
                .as_deref()
                .map(|it| parse("job id", it))
                .transpose()?,
            generation: self
                .generation
                .as_deref()
                .map(|it| parse("generation", it))
                .transpose()?,
            owner: self.owner,
            title: self.title,
            external_id: self.external_id,
            source: VideoSource {
                bucket: self.source_bucket,
                key: self.source_key,
                file_name: self.file_name,
                etag: self.source_etag,
                size: self.source_size.map(unsigned),
                content_type: self.content_type,
            },
            profile: self.profile,
            progress,
            created_ms: time(self.created_ms),
            updated_ms: time(self.updated_ms),
            queued_ms: self.queued_ms.map(time),
            playable_ms: self.playable_ms.map(time),
            ready_ms: self.ready_ms.map(time),
            version: unsigned(self.version),
        })
    }
}

impl WatchedRow {
    /// The position of the video in a list, by the stored values: rows of older versions may have
    /// a title that the database folded, which differs from the one that the program folds.
    pub(super) fn cursor(&self, by: SortKey) -> Result<VideoCursor, CatalogError> {
        let row = &self.video;
        let value = match by {
            SortKey::Created => SortValue::Id,
            SortKey::Title => {
                let title = row.title_folded.as_deref().unwrap_or_default();
                SortValue::Text(title.chars().take(TITLE_CHARS).collect())
            }
            SortKey::Duration => SortValue::Number(row.duration_ms.map_or(0, unsigned)),
            SortKey::Size => SortValue::Number(row.source_size.map_or(0, unsigned)),
        };
        Ok(VideoCursor {
            value,
            video: row.video_id()?,
        })
    }

    pub(super) fn into_video(self) -> Result<Video, CatalogError> {
        let progress = match self.attempt_percent {
            Some(percent) => Some(progress(self.attempt_stage.as_deref(), percent)?),
            None => None,
        };
        let chosen_poster = self
            .poster_shown
            .as_deref()
            .map(|it| parse("poster", it))
            .transpose()?;
        Ok(Video {
            chosen_poster,
            ..self.video.into_video(progress)?
        })
    }
}

macro_rules! attempt_columns {
    () => {
        "fence, job, generation, worker, started_ms, ended_ms, outcome, failure_code, failure_sentence, \
         stage, percent, log_tail"
    };
}
pub(super) use attempt_columns;

/// A row of `attempts`.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct AttemptRow {
    fence: i64,
    job: String,
    generation: String,
    worker: String,
    started_ms: i64,
    ended_ms: Option<i64>,
    outcome: Option<String>,
    failure_code: Option<String>,
    failure_sentence: Option<String>,
    stage: Option<String>,
    percent: i64,
    log_tail: Option<String>,
}

impl AttemptRow {
    pub(super) fn into_attempt(self) -> Result<Attempt, CatalogError> {
        let outcome = match (self.outcome.as_deref(), &self.failure_code) {
            (None, _) => None,
            (Some("ready"), _) => Some(AttemptOutcome::Ready),
            (Some("fetched"), _) => Some(AttemptOutcome::Fetched),
            (Some("released"), _) => Some(AttemptOutcome::Released),
            (Some("lost"), _) => Some(AttemptOutcome::Lost),
            (Some("stopped"), _) => Some(AttemptOutcome::Stopped),
            (Some("failed"), Some(code)) => Some(AttemptOutcome::Failed(Failure {
                code: parse("failure code", code)?,
                message: self.failure_sentence.unwrap_or_default(),
            })),
            (Some(other), _) => return Err(corrupt("an attempt", other)),
        };
        Ok(Attempt {
            fence: unsigned(self.fence),
            job: parse("job id", &self.job)?,
            generation: parse("generation", &self.generation)?,
            worker: self.worker,
            started_ms: time(self.started_ms),
            ended_ms: self.ended_ms.map(time),
            outcome,
            progress: progress(self.stage.as_deref(), self.percent)?,
            log_tail: self.log_tail,
        })
    }
}

macro_rules! rendition_columns {
    () => {
        "name, kind, width, height, copied, frame_rate, codecs, hdr, bandwidth, average_bandwidth, state"
    };
}
pub(super) use rendition_columns;

/// A row of `renditions`.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct RenditionRow {
    name: String,
    kind: String,
    width: Option<i64>,
    height: Option<i64>,
    copied: i64,
    frame_rate: Option<f64>,
    codecs: Option<String>,
    hdr: Option<String>,
    bandwidth: Option<i64>,
    average_bandwidth: Option<i64>,
    state: String,
}

impl RenditionRow {
    pub(super) fn into_record(self) -> Result<RenditionRecord, CatalogError> {
        let pixels =
            |it: i64| u32::try_from(it).map_err(|_| corrupt("a rendition's size", it.to_string()));
        Ok(RenditionRecord {
            name: parse("rendition", &self.name)?,
            kind: from_word("rendition kind", &self.kind)?,
            width: self.width.map(pixels).transpose()?,
            height: self.height.map(pixels).transpose()?,
            copied: self.copied != 0,
            frame_rate: self.frame_rate,
            codecs: self.codecs,
            hdr: self
                .hdr
                .map(|it| from_word("transfer function", &it))
                .transpose()?,
            bandwidth: self.bandwidth.map(unsigned),
            average_bandwidth: self.average_bandwidth.map(unsigned),
            state: from_word("rendition state", &self.state)?,
        })
    }
}

pub(super) fn progress(stage: Option<&str>, percent: i64) -> Result<Progress, CatalogError> {
    Ok(Progress {
        stage: stage.map(|it| from_word("stage", it)).transpose()?,
        percent: u8::try_from(percent.clamp(0, 100)).unwrap_or(100),
    })
}

pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(
    what: &str,
    text: &str,
) -> Result<T, CatalogError> {
    text.parse()
        .map_err(|it: T::Err| corrupt(what, it.to_string()))
}

/// Reads an enum by the name that serde gives it.
pub(super) fn from_word<T: DeserializeOwned>(what: &str, word: &str) -> Result<T, CatalogError> {
    serde_json::from_value(serde_json::Value::from(word))
        .map_err(|it| corrupt(what, it.to_string()))
}

/// The name that serde gives to an enum without fields.
pub(super) fn to_word<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enum without fields is a string, not {other:?}"),
    }
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, CatalogError> {
    serde_json::from_str(text).map_err(|it| corrupt(what, it.to_string()))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("records hold strings, numbers and lists")
}

pub(super) fn corrupt(what: &str, detail: impl std::fmt::Display) -> CatalogError {
    CatalogError::Corrupt {
        detail: format!("{what}: {detail}"),
    }
}
