//! Transcriptions of ready videos. A row exists from the request until its captions are stored.

use std::time::Duration;

use domain::caption::Language;
use domain::failure::Failure;
use domain::ids::VideoId;
use domain::job::TranscriptionJob;
use domain::state::VideoState;
use domain::time::UnixMillis;

use super::captions::{changed, lock_video, set_captions};
use super::rows::parse;
use super::sweeping::LOST_MESSAGE;
use super::{Catalog, lock_existing};
use crate::database::{sql, text, time};
use crate::videos::{
    CaptionsStored, CatalogError, NewCaptions, TranscriptionHold, TranscriptionRecord,
};

#[derive(sqlx::FromRow)]
struct TranscriptionRow {
    language: String,
    requested_ms: i64,
    failure_code: Option<String>,
    failure_sentence: Option<String>,
}

impl TranscriptionRow {
    fn into_record(self) -> Result<TranscriptionRecord, CatalogError> {
        let failure = match self.failure_code {
            Some(code) => Some(Failure {
                code: parse("failure code", &code)?,
                message: self.failure_sentence.unwrap_or_default(),
            }),
            None => None,
        };
        Ok(TranscriptionRecord {
            language: parse("language", &self.language)?,
            requested_ms: time(self.requested_ms),
            failure,
        })
    }
}

const OF_VIDEO: &str =
    "SELECT language, requested_ms, failure_code, failure_sentence FROM transcriptions
     WHERE video = $1 ORDER BY language";

impl Catalog {
    /// The transcriptions of a video that have not made their captions, by language.
    pub async fn transcriptions(
        &self,
        video: VideoId,
    ) -> Result<Vec<TranscriptionRecord>, CatalogError> {
        let rows: Vec<TranscriptionRow> = sqlx::query_as(OF_VIDEO)
            .bind(video.to_string())
            .fetch_all(self.database.read())
            .await?;
        rows.into_iter()
            .map(TranscriptionRow::into_record)
            .collect()
    }

    /// Records the request for a transcription. Returns its record, and whether the caller has to
    /// send the job: it is new, the last one failed, or no sign of its job was seen for some time.
    /// `Gone` if the video is not ready.
    pub async fn request_transcription(
        &self,
        video: VideoId,
        language: &Language,
        now: UnixMillis,
    ) -> Result<(TranscriptionRecord, bool), CatalogError> {
        let mut tx = self.write().await?;
        let state = lock_existing(&mut tx, video).await?.state()?;
        if !matches!(state, VideoState::Ready { .. }) {
            return Err(CatalogError::Gone { video });
        }
        let rows: Vec<TranscriptionRow> = sqlx::query_as(OF_VIDEO)
            .bind(video.to_string())
            .fetch_all(&mut *tx)
            .await?;
        let before = rows.into_iter().find(|it| it.language == language.as_str());
        if let Some(row) = before {
            let record = row.into_record()?;
            if record.failure.is_none() && now < record.requested_ms + LOST_MESSAGE {
                return Ok((record, false));
            }
        }
        sqlx::query(
            "INSERT INTO transcriptions (video, language, requested_ms) VALUES ($1, $2, $3)
             ON CONFLICT (video, language) DO UPDATE SET requested_ms = excluded.requested_ms,
                worker = NULL, failure_code = NULL, failure_sentence = NULL",
        )
        .bind(video.to_string())
        .bind(language.as_str())
        .bind(sql(now))
        .execute(&mut *tx)
        .await?;
        changed(&mut tx, video, now).await?;
        tx.commit().await?;
        let record = TranscriptionRecord {
            language: language.clone(),
            requested_ms: now,
            failure: None,
        };
        Ok((record, true))
    }

    /// Records that a worker transcribes, unless another one does and gave a sign of life within
    /// `lease`.
    pub async fn keep_transcription(
        &self,
        job: &TranscriptionJob,
        worker: &str,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<TranscriptionHold, CatalogError> {
        let mut tx = self.write().await?;
        let kept = sqlx::query(
            "UPDATE transcriptions SET requested_ms = $1, worker = $2, worker_ms = $1
             WHERE video = $3 AND language = $4 AND failure_code IS NULL
                AND (worker IS NULL OR worker = $2 OR worker_ms <= $5)",
        )
        .bind(sql(now))
        .bind(worker)
        .bind(job.video.to_string())
        .bind(job.language.as_str())
        .bind(sql(now - lease))
        .execute(&mut *tx)
        .await?;
        if kept.rows_affected() > 0 {
            tx.commit().await?;
            return Ok(TranscriptionHold::Held);
        }
        let other: Option<(i64,)> = sqlx::query_as(
            "SELECT requested_ms FROM transcriptions WHERE video = $1 AND language = $2 AND failure_code IS NULL",
        )
        .bind(job.video.to_string())
        .bind(job.language.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        Ok(match other {
            Some(_) => TranscriptionHold::OfAnother,
            None => TranscriptionHold::Unwanted,
        })
    }

    /// Records that a worker has stopped without captions: another one may go on at once. May be
    /// repeated, also late.
    pub async fn release_transcription(
        &self,
        job: &TranscriptionJob,
        worker: &str,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "UPDATE transcriptions SET worker = NULL WHERE video = $1 AND language = $2 AND worker = $3",
        )
        .bind(job.video.to_string())
        .bind(job.language.as_str())
        .bind(worker)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Records that the message of a transcription that waits was seen: it is not lost.
    pub async fn note_transcription(
        &self,
        job: &TranscriptionJob,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "UPDATE transcriptions SET requested_ms = $1 WHERE video = $2 AND language = $3",
        )
        .bind(sql(now))
        .bind(job.video.to_string())
        .bind(job.language.as_str())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Stores the captions of a transcription, and ends it. `None`: it is not wanted any more, and
    /// nothing changed. `Gone` if the video is deleted.
    pub async fn finish_transcription(
        &self,
        job: &TranscriptionJob,
        new: &NewCaptions,
    ) -> Result<Option<CaptionsStored>, CatalogError> {
        let mut tx = self.write().await?;
        lock_video(&mut tx, job.video).await?;
        let ended = sqlx::query(
            "DELETE FROM transcriptions WHERE video = $1 AND language = $2 AND failure_code IS NULL",
        )
        .bind(job.video.to_string())
        .bind(job.language.as_str())
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(None);
        }
        let stored = set_captions(&mut tx, job.video, new).await?;
        tx.commit().await?;
        Ok(Some(stored))
    }

    /// Withdraws a request. May be repeated.
    pub async fn end_transcription(
        &self,
        video: VideoId,
        language: &Language,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM transcriptions WHERE video = $1 AND language = $2")
            .bind(video.to_string())
            .bind(language.as_str())
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Records that a transcription failed. Returns whether this changed anything; repeated and late
    /// calls are allowed.
    pub async fn fail_transcription(
        &self,
        job: &TranscriptionJob,
        failure: &Failure,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.write().await?;
        let failed = sqlx::query(
            "UPDATE transcriptions SET failure_code = $1, failure_sentence = $2
             WHERE video = $3 AND language = $4 AND failure_code IS NULL",
        )
        .bind(failure.code.as_str())
        .bind(text(&failure.message))
        .bind(job.video.to_string())
        .bind(job.language.as_str())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(failed.rows_affected() > 0)
    }
}
