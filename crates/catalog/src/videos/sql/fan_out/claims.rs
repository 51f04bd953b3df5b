//! Claims of single chunks: taken, renewed, and ended by a record or a release.

use std::time::Duration;

use domain::ids::{Generation, PlanId, VideoId};
use domain::segment::ChunkRecord;
use domain::time::UnixMillis;

use super::super::Catalog;
use super::super::rows::to_json;
use super::{RECORD, count};
use crate::database::{Query, sql, unsigned};
use crate::videos::{CatalogError, ChunkClaim, ChunkOutcome, Eligible};

const CLAIM: &str = "
    UPDATE fan_out_chunks SET claims = claims + 1, worker = $1, claimed_ms = $2, lease_until_ms = $3
    WHERE video = $4 AND generation = $5 AND position = $6 AND plan = $7 AND done_ms IS NULL
        AND (worker IS NULL OR lease_until_ms <= $2 OR $8 = 1) AND (waits_until_ms <= $2 OR $9 = 1)
    RETURNING claims, fence, failures";

const IS_OPEN: &str = "
    SELECT position FROM fan_out_chunks
    WHERE video = $1 AND generation = $2 AND position = $3 AND plan = $4 AND done_ms IS NULL";

/// The row of a claimed chunk that is not recorded yet.
macro_rules! row_of_claim {
    () => {
        " WHERE video = $1 AND generation = $2 AND position = $3 AND plan = $4 AND fence = $5 AND done_ms IS NULL"
    };
}

const RENEW: &str = concat!(
    "UPDATE fan_out_chunks SET lease_until_ms = CASE WHEN claims = $6 THEN $7 ELSE lease_until_ms END",
    row_of_claim!()
);

const DONE: &str = concat!("UPDATE fan_out_chunks SET done_ms = $6", row_of_claim!());

const RELEASE: &str = concat!(
    "UPDATE fan_out_chunks SET worker = NULL, sent_ms = NULL, failures = failures + $7, waits_until_ms = $8",
    row_of_claim!(),
    " AND claims = $6"
);

/// A statement on the row of a claimed chunk, with its first five values.
fn of_claim(statement: &'static str, claim: &ChunkClaim) -> Query<'static> {
    sqlx::query(statement)
        .bind(claim.video.to_string())
        .bind(claim.generation.as_str().to_owned())
        .bind(i64::from(claim.index))
        .bind(claim.plan.as_str().to_owned())
        .bind(sql(claim.fence))
}

impl Catalog {
    /// Claims a chunk of a fan-out with this plan.
    pub async fn claim_chunk(
        &self,
        (video, generation, plan): (VideoId, &Generation, &PlanId),
        index: u32,
        eligible: Eligible,
        (worker, lease): (&str, Duration),
        now: UnixMillis,
    ) -> Result<ChunkOutcome, CatalogError> {
        let mut tx = self.write().await?;
        let claimed: Option<(i64, i64, i64)> = sqlx::query_as(CLAIM)
            .bind(worker)
            .bind(sql(now))
            .bind(sql(now + lease))
            .bind(video.to_string())
            .bind(generation.as_str())
            .bind(i64::from(index))
            .bind(plan.as_str())
            .bind(i64::from(eligible == Eligible::All))
            .bind(i64::from(eligible != Eligible::Free))
            .fetch_optional(&mut *tx)
            .await?;
        if let Some((number, fence, failures)) = claimed {
            tx.commit().await?;
            return Ok(ChunkOutcome::Claimed(ChunkClaim {
                video,
                generation: generation.clone(),
                plan: plan.clone(),
                index,
                number: count(number),
                fence: unsigned(fence),
                failures: count(failures),
            }));
        }
        let open: Option<(i64,)> = sqlx::query_as(IS_OPEN)
            .bind(video.to_string())
            .bind(generation.as_str())
            .bind(i64::from(index))
            .bind(plan.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(match open {
            Some(_) => ChunkOutcome::Busy,
            None => ChunkOutcome::Done,
        })
    }

    /// Extends the lease of a chunk. A later claim of the same chunk does not end this one.
    ///
    /// # Errors
    /// `Gone` once the chunk is recorded, or the fan-out ended: stop.
    pub async fn renew_chunk(
        &self,
        claim: &ChunkClaim,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        // Only the last claim has a lease.
        let open = of_claim(RENEW, claim)
            .bind(i64::from(claim.number))
            .bind(sql(now + lease))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        match open.rows_affected() {
            0 => Err(CatalogError::Gone { video: claim.video }),
            _ => Ok(()),
        }
    }

    /// Records a chunk that was encoded under a claim. Returns whether it counts: not, if another
    /// transcoder recorded the chunk first, or the fan-out ended.
    pub async fn record_claimed_chunk(
        &self,
        claim: &ChunkClaim,
        chunk: &ChunkRecord,
        now: UnixMillis,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.write().await?;
        let done = of_claim(DONE, claim)
            .bind(sql(now))
            .execute(&mut *tx)
            .await?;
        if done.rows_affected() == 0 {
            // The response to an earlier call may have been lost.
            let stored: Option<(String,)> = sqlx::query_as(RECORD)
                .bind(claim.video.to_string())
                .bind(claim.generation.as_str())
                .bind(chunk.lane.as_str())
                .bind(i64::from(chunk.index))
                .fetch_optional(&mut *tx)
                .await?;
            return Ok(stored.is_some_and(|(it,)| it == to_json(chunk)));
        }
        sqlx::query(
            "INSERT INTO chunks (video, generation, lane, position, fence, recorded_ms, record)
             SELECT id, $2, $3, $4, fence, $5, $6 FROM videos WHERE id = $1
             ON CONFLICT (video, generation, lane, position)
             DO UPDATE SET fence = excluded.fence, recorded_ms = excluded.recorded_ms, record = excluded.record",
        )
        .bind(claim.video.to_string())
        .bind(claim.generation.as_str())
        .bind(chunk.lane.as_str())
        .bind(i64::from(chunk.index))
        .bind(sql(now))
        .bind(to_json(chunk))
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Gives a chunk back. `pause`: how long other transcoders wait because this one failed; `None`:
    /// it did not fail. Changes nothing if the chunk was claimed again.
    pub async fn release_chunk(
        &self,
        claim: &ChunkClaim,
        pause: Option<Duration>,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        of_claim(RELEASE, claim)
            .bind(i64::from(claim.number))
            .bind(i64::from(pause.is_some()))
            .bind(sql(now + pause.unwrap_or_default()))
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}
