//! The times of stages and chunks.

use std::time::Duration;

use domain::ids::VideoId;
use domain::job::Stage;
use domain::segment::Lane;
use domain::time::UnixMillis;
use serde::Deserialize;

use super::rows::{VideoRow, from_json, from_word};
use super::{Catalog, Tx};
use crate::database::{sql, time, unsigned};
use crate::videos::{CatalogError, ChunkSpan, StageSpan};

/// Of a chunk's record, what the timeline shows: the record also has every segment.
#[derive(Deserialize)]
struct ChunkTime {
    lane: Lane,
    index: u32,
    wall_ms: u64,
}

impl Catalog {
    /// The stages of all attempts at a video, in the order of their start.
    pub async fn stages(&self, video: VideoId) -> Result<Vec<StageSpan>, CatalogError> {
        let rows: Vec<(i64, String, i64, Option<i64>)> = sqlx::query_as(
            "SELECT fence, stage, started_ms, ended_ms FROM attempt_stages WHERE video = $1
             ORDER BY fence, started_ms, stage",
        )
        .bind(video.to_string())
        .fetch_all(self.database.read())
        .await?;
        let stage = |(fence, stage, started_ms, ended_ms): (i64, String, i64, Option<i64>)| {
            Ok(StageSpan {
                fence: unsigned(fence),
                stage: from_word("stage", &stage)?,
                started_ms: time(started_ms),
                ended_ms: ended_ms.map(time),
            })
        };
        rows.into_iter().map(stage).collect()
    }

    /// The finished chunks of all generations of a video, in the order in which they were recorded.
    pub async fn chunk_times(&self, video: VideoId) -> Result<Vec<ChunkSpan>, CatalogError> {
        let rows: Vec<(i64, i64, String)> = sqlx::query_as(
            "SELECT fence, recorded_ms, record FROM chunks WHERE video = $1 ORDER BY recorded_ms, lane, position",
        )
        .bind(video.to_string())
        .fetch_all(self.database.read())
        .await?;
        let chunk = |(fence, recorded_ms, record): (i64, i64, String)| {
            let (chunk, ended_ms) = (from_json::<ChunkTime>("chunk", &record)?, time(recorded_ms));
            let started_ms = ended_ms - Duration::from_millis(chunk.wall_ms);
            Ok(ChunkSpan {
                fence: unsigned(fence),
                lane: chunk.lane,
                index: chunk.index,
                started_ms,
                ended_ms,
            })
        };
        rows.into_iter().map(chunk).collect()
    }
}

/// Records that the current attempt is in this stage.
pub(super) async fn enter_stage(
    tx: &mut Tx,
    row: &VideoRow,
    stage: Stage,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    let entered = sqlx::query(
        "INSERT INTO attempt_stages (video, fence, stage, started_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (video, fence, stage) DO UPDATE SET ended_ms = NULL WHERE attempt_stages.ended_ms IS NOT NULL",
    )
    .bind(&row.id)
    .bind(row.fence)
    .bind(stage.as_str())
    .bind(sql(now))
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if entered > 0 {
        end_stages(tx, row, Some(stage), now).await
    } else {
        Ok(())
    }
}

/// Records that the stages of the current attempt have ended, except for one.
pub(super) async fn end_stages(
    tx: &mut Tx,
    row: &VideoRow,
    except: Option<Stage>,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE attempt_stages SET ended_ms = $1 WHERE video = $2 AND fence = $3 AND stage <> $4 AND ended_ms IS NULL",
    )
    .bind(sql(now))
    .bind(&row.id)
    .bind(row.fence)
    .bind(except.map_or("", Stage::as_str))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
