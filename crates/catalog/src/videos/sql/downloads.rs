//! MP4 files of the rungs of the generation that plays. A row exists from the first request.

use domain::failure::Failure;
use domain::ids::{Generation, VideoId};
use domain::job::DownloadJob;
use domain::object_key::RenditionName;
use domain::state::VideoState;
use domain::time::UnixMillis;

use super::captions::changed;
use super::rows::parse;
use super::sweeping::LOST_MESSAGE;
use super::{Catalog, Tx, lock_existing};
use crate::database::{sql, text, time, unsigned};
use crate::videos::{CatalogError, DownloadFile, DownloadRecord};

#[derive(sqlx::FromRow)]
struct DownloadRow {
    rung: String,
    requested_ms: i64,
    ready_ms: Option<i64>,
    bytes: Option<i64>,
    failure_code: Option<String>,
    failure_sentence: Option<String>,
}

impl DownloadRow {
    fn into_record(self) -> Result<DownloadRecord, CatalogError> {
        let failure = match self.failure_code {
            Some(code) => Some(Failure {
                code: parse("failure code", &code)?,
                message: self.failure_sentence.unwrap_or_default(),
            }),
            None => None,
        };
        let file = self.ready_ms.map(|ready| DownloadFile {
            ready_ms: time(ready),
            bytes: self.bytes.map_or(0, unsigned),
        });
        Ok(DownloadRecord {
            rung: parse("rung", &self.rung)?,
            requested_ms: time(self.requested_ms),
            file,
            failure,
        })
    }
}

const OF_GENERATION: &str =
    "SELECT rung, requested_ms, ready_ms, bytes, failure_code, failure_sentence FROM downloads
     WHERE video = $1 AND generation = $2 ORDER BY rung";

/// Locks the row of a video, in which this generation must play: otherwise `Gone`.
pub(super) async fn lock_shown(
    tx: &mut Tx,
    video: VideoId,
    generation: &Generation,
) -> Result<(), CatalogError> {
    match lock_existing(tx, video).await?.state()? {
        VideoState::Ready { generation: shown } if shown == *generation => Ok(()),
        _ => Err(CatalogError::Gone { video }),
    }
}

impl Catalog {
    /// The files of a generation that were requested, by rung.
    pub async fn downloads(
        &self,
        video: VideoId,
        generation: &Generation,
    ) -> Result<Vec<DownloadRecord>, CatalogError> {
        let rows: Vec<DownloadRow> = sqlx::query_as(OF_GENERATION)
            .bind(video.to_string())
            .bind(generation.as_str())
            .fetch_all(self.database.read())
            .await?;
        rows.into_iter().map(DownloadRow::into_record).collect()
    }

    /// Records the request for a file. Returns its record, and whether the caller has to send the
    /// job: the file is new, its last job failed, or no sign of its job was seen for some time.
    /// `Gone` if another generation plays, or none.
    pub async fn request_download(
        &self,
        video: VideoId,
        generation: &Generation,
        rung: &RenditionName,
        now: UnixMillis,
    ) -> Result<(DownloadRecord, bool), CatalogError> {
        let mut tx = self.write().await?;
        lock_shown(&mut tx, video, generation).await?;
        let rows: Vec<DownloadRow> = sqlx::query_as(OF_GENERATION)
            .bind(video.to_string())
            .bind(generation.as_str())
            .fetch_all(&mut *tx)
            .await?;
        let before = rows.into_iter().find(|it| it.rung == rung.as_str());
        if let Some(row) = before {
            let record = row.into_record()?;
            let is_recent = now < record.requested_ms + LOST_MESSAGE;
            if record.file.is_some() || (record.failure.is_none() && is_recent) {
                return Ok((record, false));
            }
        }
        sqlx::query(
            "INSERT INTO downloads (video, generation, rung, requested_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (video, generation, rung) DO UPDATE SET requested_ms = excluded.requested_ms,
                failure_code = NULL, failure_sentence = NULL",
        )
        .bind(video.to_string())
        .bind(generation.as_str())
        .bind(rung.as_str())
        .bind(sql(now))
        .execute(&mut *tx)
        .await?;
        changed(&mut tx, video, now).await?;
        tx.commit().await?;
        let record = DownloadRecord {
            rung: rung.clone(),
            requested_ms: now,
            file: None,
            failure: None,
        };
        Ok((record, true))
    }

    /// Records that a worker writes the file. Returns whether it is still wanted.
    pub async fn keep_download(
        &self,
        job: &DownloadJob,
        now: UnixMillis,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.write().await?;
        let kept = sqlx::query(
            "UPDATE downloads SET requested_ms = $1
             WHERE video = $2 AND generation = $3 AND rung = $4 AND ready_ms IS NULL",
        )
        .bind(sql(now))
        .bind(job.video.to_string())
        .bind(job.generation.as_str())
        .bind(job.rung.as_str())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(kept.rows_affected() > 0)
    }

    /// Records that a file was written. `Gone` if another generation plays, or none.
    pub async fn finish_download(
        &self,
        job: &DownloadJob,
        bytes: u64,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        lock_shown(&mut tx, job.video, &job.generation).await?;
        sqlx::query(
            "UPDATE downloads SET ready_ms = $1, bytes = $2, failure_code = NULL, failure_sentence = NULL
             WHERE video = $3 AND generation = $4 AND rung = $5",
        )
        .bind(sql(now))
        .bind(sql(bytes))
        .bind(job.video.to_string())
        .bind(job.generation.as_str())
        .bind(job.rung.as_str())
        .execute(&mut *tx)
        .await?;
        changed(&mut tx, job.video, now).await?;
        Ok(tx.commit().await?)
    }

    /// Records that a file cannot be written. Returns whether this changed anything; repeated and
    /// late calls are allowed.
    pub async fn fail_download(
        &self,
        job: &DownloadJob,
        failure: &Failure,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.write().await?;
        let failed = sqlx::query(
            "UPDATE downloads SET failure_code = $1, failure_sentence = $2
             WHERE video = $3 AND generation = $4 AND rung = $5 AND ready_ms IS NULL AND failure_code IS NULL",
        )
        .bind(failure.code.as_str())
        .bind(text(&failure.message))
        .bind(job.video.to_string())
        .bind(job.generation.as_str())
        .bind(job.rung.as_str())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(failed.rows_affected() > 0)
    }
}
