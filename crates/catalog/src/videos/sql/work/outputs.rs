//! Chunks, renditions and receipts of a generation.

use domain::ids::{Generation, VideoId};
use domain::receipt::Receipt;
use domain::segment::ChunkRecord;
use domain::time::UnixMillis;

use super::super::Catalog;
use super::super::rows::{RenditionRow, from_json, rendition_columns, to_json, to_word};
use super::{delete_of_generation, lock_as_holder, touch};
use crate::database::sql;
use crate::videos::{CatalogError, Claim, RenditionRecord};

const READ_RENDITIONS: &str = concat!(
    "SELECT ",
    rendition_columns!(),
    " FROM renditions WHERE video = $1 AND generation = $2 ORDER BY position"
);

impl Catalog {
    /// The number of a new production of the claim's generation: see
    /// [`SegmentRecord::attempt`](domain::segment::SegmentRecord::attempt). It is greater than all
    /// earlier numbers of the generation, and than `above`. No number is returned twice, also if the
    /// generation is removed and made again, because caches keep segments for a year.
    pub async fn next_segment_attempt(
        &self,
        claim: &Claim,
        above: u32,
    ) -> Result<u32, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        let last: Option<(i64,)> = sqlx::query_as(
            "SELECT attempt FROM segment_attempts WHERE video = $1 AND generation = $2",
        )
        .bind(&row.id)
        .bind(claim.generation.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        let last = match last {
            Some((last,)) => last,
            // Earlier attempts may be from a version without these numbers.
            None => {
                let (attempts,): (i64,) = sqlx::query_as(
                    "SELECT COUNT(*) FROM attempts WHERE video = $1 AND generation = $2 AND fence < $3",
                )
                .bind(&row.id)
                .bind(claim.generation.as_str())
                .bind(row.fence)
                .fetch_one(&mut *tx)
                .await?;
                attempts
            }
        };
        let next = last.max(i64::from(above)) + 1;
        // Transcoders that take part in a fan-out draw numbers without a lock on the video.
        let (next,): (i64,) = sqlx::query_as(
            "INSERT INTO segment_attempts (video, generation, attempt) VALUES ($1, $2, $3)
             ON CONFLICT (video, generation) DO UPDATE SET attempt =
                CASE WHEN segment_attempts.attempt < excluded.attempt THEN excluded.attempt
                ELSE segment_attempts.attempt + 1 END
             RETURNING attempt",
        )
        .bind(&row.id)
        .bind(claim.generation.as_str())
        .bind(next)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(u32::try_from(next).unwrap_or(u32::MAX))
    }

    /// Records a finished chunk. A repeated call with the same lane and index replaces the record.
    pub async fn record_chunk(
        &self,
        claim: &Claim,
        chunk: &ChunkRecord,
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        // The newer record wins: it describes the objects that were stored last.
        sqlx::query(
            "INSERT INTO chunks (video, generation, lane, position, fence, recorded_ms, record)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (video, generation, lane, position)
             DO UPDATE SET fence = excluded.fence, recorded_ms = excluded.recorded_ms, record = excluded.record",
        )
        .bind(&row.id)
        .bind(claim.generation.as_str())
        .bind(chunk.lane.as_str())
        .bind(i64::from(chunk.index))
        .bind(row.fence)
        .bind(sql(now))
        .bind(to_json(chunk))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Replaces the renditions of the generation.
    pub async fn set_renditions(
        &self,
        claim: &Claim,
        renditions: &[RenditionRecord],
        now: UnixMillis,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        delete_of_generation(
            &mut tx,
            "DELETE FROM renditions WHERE video = $1 AND generation = $2",
            claim.video,
            &claim.generation,
        )
        .await?;
        for (position, it) in renditions.iter().enumerate() {
            sqlx::query(
                "INSERT INTO renditions (video, generation, name, position, kind, width, height, copied, frame_rate,
                    codecs, hdr, bandwidth, average_bandwidth, state)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, 0.0), $10, $11, $12, $13, $14)",
            )
            .bind(&row.id)
            .bind(claim.generation.as_str())
            .bind(it.name.as_str())
            .bind(sql(position as u64))
            .bind(to_word(it.kind))
            .bind(it.width.map(i64::from))
            .bind(it.height.map(i64::from))
            .bind(i64::from(it.copied))
            .bind(it.frame_rate.unwrap_or(0.0))
            .bind(&it.codecs)
            .bind(it.hdr.map(to_word))
            .bind(it.bandwidth.map(sql))
            .bind(it.average_bandwidth.map(sql))
            .bind(to_word(it.state))
            .execute(&mut *tx)
            .await?;
        }
        touch(&mut tx, &row.id, now).await?;
        Ok(tx.commit().await?)
    }

    /// The finished chunks of a generation, by lane and index.
    pub async fn chunks(
        &self,
        video: VideoId,
        generation: &Generation,
    ) -> Result<Vec<ChunkRecord>, CatalogError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT record FROM chunks WHERE video = $1 AND generation = $2 ORDER BY lane, position")
                .bind(video.to_string())
                .bind(generation.as_str())
                .fetch_all(self.database.read())
                .await?;
        rows.iter()
            .map(|(record,)| from_json("chunk", record))
            .collect()
    }

    /// The renditions of a generation, in the order in which they were set.
    pub async fn renditions(
        &self,
        video: VideoId,
        generation: &Generation,
    ) -> Result<Vec<RenditionRecord>, CatalogError> {
        let rows: Vec<RenditionRow> = sqlx::query_as(READ_RENDITIONS)
            .bind(video.to_string())
            .bind(generation.as_str())
            .fetch_all(self.database.read())
            .await?;
        rows.into_iter().map(RenditionRow::into_record).collect()
    }

    /// What a generation cost; `None` before it is ready.
    pub async fn receipt(
        &self,
        video: VideoId,
        generation: &Generation,
    ) -> Result<Option<Receipt>, CatalogError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT record FROM receipts WHERE video = $1 AND generation = $2")
                .bind(video.to_string())
                .bind(generation.as_str())
                .fetch_optional(self.database.read())
                .await?;
        row.map(|(record,)| from_json("receipt", &record))
            .transpose()
    }
}
