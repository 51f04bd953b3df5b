//! The jobs that were requested and have not ended, one per video at most.

use domain::ids::{JobId, VideoId};
use domain::job::{Job, JobMessage};

use super::rows::corrupt;
use super::{Catalog, Tx, fan_out};
use crate::videos::CatalogError;

impl Catalog {
    /// The job that was requested last for a video, if it has not ended. The sweeper sends it again
    /// if its message may be lost.
    pub async fn requested_job(&self, video: VideoId) -> Result<Option<Job>, CatalogError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT message FROM requested_jobs WHERE video = $1")
                .bind(video.to_string())
                .fetch_optional(self.database.read())
                .await?;
        let Some((message,)) = row else {
            return Ok(None);
        };
        match JobMessage::parse(&message) {
            Ok(JobMessage::TranscodeV1(job)) => Ok(Some(job)),
            Ok(_) => Err(corrupt("a requested job", "it is of another kind")),
            Err(problem) => Err(corrupt("a requested job", problem)),
        }
    }
}

/// Records the request for a job. It replaces an earlier one.
pub(super) async fn record(tx: &mut Tx, job: &Job) -> Result<(), CatalogError> {
    sqlx::query(
        "INSERT INTO requested_jobs (video, job, message) VALUES ($1, $2, $3)
         ON CONFLICT (video) DO UPDATE SET job = excluded.job, message = excluded.message",
    )
    .bind(job.video.to_string())
    .bind(job.id.as_str())
    .bind(JobMessage::from(job.clone()).to_body())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Records that a job ended, and with it its fan-out. The request of another job stays.
pub(super) async fn end(tx: &mut Tx, video: VideoId, job: &JobId) -> Result<(), CatalogError> {
    sqlx::query("DELETE FROM requested_jobs WHERE video = $1 AND job = $2")
        .bind(video.to_string())
        .bind(job.as_str())
        .execute(&mut **tx)
        .await?;
    fan_out::end_of_job(tx, video, job.as_str()).await
}

/// Withdraws the request for work on a video that was cancelled or deleted.
pub(super) async fn withdraw(tx: &mut Tx, video: VideoId) -> Result<(), CatalogError> {
    sqlx::query("DELETE FROM requested_jobs WHERE video = $1")
        .bind(video.to_string())
        .execute(&mut **tx)
        .await?;
    fan_out::delete(tx, video, None).await
}
