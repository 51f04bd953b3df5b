//! Generations that several transcoders encode.
//!
//! The rows are the truth, and messages only wake. No statement here locks the row of the video, so
//! that transcoders do not wait for each other; a chunk is claimed and recorded by one statement on
//! its own row (`claims`).

mod claims;

use domain::ids::{Generation, PlanId, VideoId};
use domain::job::{Job, JobMessage};
use domain::segment::{ChunkRecord, Lane};
use domain::time::UnixMillis;

use super::rows::{corrupt, from_json, parse};
use super::work::lock_as_holder;
use super::{Catalog, Tx};
use crate::database::{sql, time};
use crate::videos::{CatalogError, Claim, FanOut, OpenChunk};

const OF_VIDEO: [&str; 2] = [
    "DELETE FROM fan_out_chunks WHERE video = $1 AND (generation = $2 OR $2 = '')",
    "DELETE FROM fan_outs WHERE video = $1 AND (generation = $2 OR $2 = '')",
];

#[derive(sqlx::FromRow)]
struct OpenChunkRow {
    position: i64,
    claims: i64,
    worker: Option<String>,
    claimed_ms: i64,
    lease_until_ms: i64,
    failures: i64,
    waits_until_ms: i64,
    sent_ms: Option<i64>,
}

impl From<OpenChunkRow> for OpenChunk {
    fn from(row: OpenChunkRow) -> Self {
        Self {
            index: count(row.position),
            claims: count(row.claims),
            worker: row.worker,
            claimed_ms: time(row.claimed_ms),
            lease_until_ms: time(row.lease_until_ms),
            failures: count(row.failures),
            waits_until_ms: time(row.waits_until_ms),
            sent_ms: row.sent_ms.map(time),
        }
    }
}

fn count(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl Catalog {
    /// Lets other transcoders encode these chunks of the lane `encode`. Chunks of an earlier attempt
    /// with the same plan stay as they are; those of another plan are withdrawn.
    pub async fn begin_fan_out(
        &self,
        claim: &Claim,
        job: &Job,
        plan: &PlanId,
        chunks: impl IntoIterator<Item = u32> + Send,
    ) -> Result<(), CatalogError> {
        let chunks: Vec<u32> = chunks.into_iter().collect();
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        let before: Option<(String,)> =
            sqlx::query_as("SELECT plan FROM fan_outs WHERE video = $1 AND generation = $2")
                .bind(&row.id)
                .bind(claim.generation.as_str())
                .fetch_optional(&mut *tx)
                .await?;
        if before.is_some_and(|(before,)| before != plan.as_str()) {
            delete(&mut tx, claim.video, Some(&claim.generation)).await?;
        }
        sqlx::query(
            "INSERT INTO fan_outs (video, generation, plan, job, message) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (video, generation) DO UPDATE SET job = excluded.job, message = excluded.message",
        )
        .bind(&row.id)
        .bind(claim.generation.as_str())
        .bind(plan.as_str())
        .bind(job.id.as_str())
        .bind(JobMessage::from(job.clone()).to_body())
        .execute(&mut *tx)
        .await?;
        for index in chunks {
            sqlx::query(
                "INSERT INTO fan_out_chunks (video, generation, position, plan, fence) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (video, generation, position) DO NOTHING",
            )
            .bind(&row.id)
            .bind(claim.generation.as_str())
            .bind(i64::from(index))
            .bind(plan.as_str())
            .bind(row.fence)
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Ends the fan-out of the claim's generation: transcoders stop at their next heartbeat. It also
    /// ends with the job.
    pub async fn end_fan_out(&self, claim: &Claim) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        lock_as_holder(&mut tx, claim).await?;
        delete(&mut tx, claim.video, Some(&claim.generation)).await?;
        Ok(tx.commit().await?)
    }

    /// The fan-out of a generation, if several transcoders encode it.
    pub async fn fan_out(
        &self,
        video: VideoId,
        generation: &Generation,
    ) -> Result<Option<FanOut>, CatalogError> {
        let row: Option<(String, String)> = sqlx::query_as(
            "SELECT plan, message FROM fan_outs WHERE video = $1 AND generation = $2",
        )
        .bind(video.to_string())
        .bind(generation.as_str())
        .fetch_optional(self.database.read())
        .await?;
        let Some((plan, message)) = row else {
            return Ok(None);
        };
        let job = match JobMessage::parse(&message) {
            Ok(JobMessage::TranscodeV1(job)) => job,
            Ok(_) => return Err(corrupt("the job of a fan-out", "it is of another kind")),
            Err(problem) => return Err(corrupt("the job of a fan-out", problem)),
        };
        Ok(Some(FanOut {
            video,
            generation: generation.clone(),
            plan: parse("plan id", &plan)?,
            job,
        }))
    }

    /// The chunks of a fan-out that are not recorded yet, by index.
    pub async fn open_chunks(
        &self,
        video: VideoId,
        generation: &Generation,
    ) -> Result<Vec<OpenChunk>, CatalogError> {
        let rows: Vec<OpenChunkRow> = sqlx::query_as(
            "SELECT position, claims, worker, claimed_ms, lease_until_ms, failures, waits_until_ms, sent_ms
             FROM fan_out_chunks WHERE video = $1 AND generation = $2 AND done_ms IS NULL ORDER BY position",
        )
        .bind(video.to_string())
        .bind(generation.as_str())
        .fetch_all(self.database.read())
        .await?;
        Ok(rows.into_iter().map(OpenChunk::from).collect())
    }

    /// Records that the messages of these chunks are sent.
    pub async fn note_chunk_messages(
        &self,
        claim: &Claim,
        chunks: &[u32],
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        for index in chunks {
            sqlx::query(
                "UPDATE fan_out_chunks SET sent_ms = $1
                 WHERE video = $2 AND generation = $3 AND position = $4 AND done_ms IS NULL",
            )
            .bind(sql(now))
            .bind(claim.video.to_string())
            .bind(claim.generation.as_str())
            .bind(i64::from(*index))
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// The record of a chunk, if it is finished.
    pub async fn chunk(
        &self,
        video: VideoId,
        generation: &Generation,
        (lane, index): (Lane, u32),
    ) -> Result<Option<ChunkRecord>, CatalogError> {
        let row: Option<(String,)> = sqlx::query_as(RECORD)
            .bind(video.to_string())
            .bind(generation.as_str())
            .bind(lane.as_str())
            .bind(i64::from(index))
            .fetch_optional(self.database.read())
            .await?;
        row.map(|(record,)| from_json("chunk", &record)).transpose()
    }

    /// The number of a new production by a transcoder that takes part in a fan-out:
    /// [`Self::next_segment_attempt`]. `None`: the fan-out ended.
    pub async fn next_production(
        &self,
        (video, generation, plan): (VideoId, &Generation, &PlanId),
    ) -> Result<Option<u32>, CatalogError> {
        let mut tx = self.write().await?;
        let next: Option<(i64,)> = sqlx::query_as(
            "UPDATE segment_attempts SET attempt = attempt + 1 WHERE video = $1 AND generation = $2
                AND EXISTS (SELECT 1 FROM fan_outs WHERE video = $1 AND generation = $2 AND plan = $3)
             RETURNING attempt",
        )
        .bind(video.to_string())
        .bind(generation.as_str())
        .bind(plan.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(next.map(|(next,)| count(next)))
    }

    /// The number of the last production of a generation; 0: it has none.
    pub async fn last_production(
        &self,
        video: VideoId,
        generation: &Generation,
    ) -> Result<u32, CatalogError> {
        let last: Option<(i64,)> = sqlx::query_as(
            "SELECT attempt FROM segment_attempts WHERE video = $1 AND generation = $2",
        )
        .bind(video.to_string())
        .bind(generation.as_str())
        .fetch_optional(self.database.read())
        .await?;
        Ok(last.map_or(0, |(last,)| count(last)))
    }
}

const RECORD: &str = "SELECT record FROM chunks WHERE video = $1 AND generation = $2 AND lane = $3 AND position = $4";

/// Ends the fan-outs of a job.
pub(super) async fn end_of_job(tx: &mut Tx, video: VideoId, job: &str) -> Result<(), CatalogError> {
    let generations: Vec<(String,)> =
        sqlx::query_as("SELECT generation FROM fan_outs WHERE video = $1 AND job = $2")
            .bind(video.to_string())
            .bind(job)
            .fetch_all(&mut **tx)
            .await?;
    for (generation,) in generations {
        let generation: Generation = parse("generation", &generation)?;
        delete(tx, video, Some(&generation)).await?;
    }
    Ok(())
}

/// Ends the fan-out of a generation, or of all generations of a video.
pub(super) async fn delete(
    tx: &mut Tx,
    video: VideoId,
    generation: Option<&Generation>,
) -> Result<(), CatalogError> {
    for statement in OF_VIDEO {
        sqlx::query(statement)
            .bind(video.to_string())
            .bind(generation.map_or("", Generation::as_str))
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
