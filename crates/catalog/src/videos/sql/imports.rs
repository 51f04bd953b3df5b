//! Imports of sources from a URL: requested, claimed, finished.
//!
//! An import is claimed as a job is, with the same lease and fence, but the video stays
//! `uploading`: for the rest of the system the worker is an ordinary uploader.

use std::time::Duration;

use domain::failure::FailureClass;
use domain::ids::{Generation, VideoId};
use domain::job::Import;
use domain::state::{VideoEvent, VideoState, transition};
use domain::time::UnixMillis;

use super::jobs::{grant, held_until, reopen};
use super::rows::{from_json, to_json};
use super::videos::read_and_commit;
use super::work::lock_as_holder;
use super::{Catalog, Ending, end_attempt, lock, lock_existing, set_state};
use crate::database::unsigned;
use crate::videos::{CatalogError, Claim, ClaimOutcome, ImportRecord, Transfer, Video};

impl Catalog {
    /// Records a request to fetch the source of a video from a URL, the first or a repeated one.
    /// The caller calls this before it sends the import. A video whose source has arrived does not
    /// change; `Refused` if it is deleted.
    pub async fn request_import(
        &self,
        video: VideoId,
        url: &str,
        now: UnixMillis,
    ) -> Result<Video, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_existing(&mut tx, video).await?;
        let (state, event) = (row.state()?, VideoEvent::ImportRequested);
        let next = transition(&state, &event)?;
        sqlx::query(
            "INSERT INTO imports (video, url) VALUES ($1, $2)
             ON CONFLICT (video) DO UPDATE SET url = excluded.url",
        )
        .bind(&row.id)
        .bind(url)
        .execute(&mut *tx)
        .await?;
        if next == VideoState::Uploading {
            set_state(&mut tx, &row, &next, now).await?;
            reopen(&mut tx, video, now).await?;
        }
        let video = read_and_commit(tx, video).await?;
        self.events.notify_one();
        Ok(video)
    }

    /// The import of a video's source; `None` if it is not imported.
    pub async fn import(&self, video: VideoId) -> Result<Option<ImportRecord>, CatalogError> {
        let row: Option<(String, Option<String>)> =
            sqlx::query_as("SELECT url, transfer FROM imports WHERE video = $1")
                .bind(video.to_string())
                .fetch_optional(self.database.read())
                .await?;
        let Some((url, transfer)) = row else {
            return Ok(None);
        };
        let transfer = transfer
            .as_deref()
            .map(|it| from_json("transfer", it))
            .transpose()?;
        Ok(Some(ImportRecord { url, transfer }))
    }

    /// Claims an import, as [`Self::claim`] claims an encode. The video stays `uploading`: the
    /// source arrives by the bucket's event.
    pub async fn claim_import(
        &self,
        import: &Import,
        worker: &str,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<ClaimOutcome, CatalogError> {
        let mut tx = self.write().await?;
        let Some(row) = lock(&mut tx, import.video).await? else {
            return Ok(ClaimOutcome::Gone);
        };
        let state = row.state()?;
        match &state {
            VideoState::Deleted | VideoState::Cancelled => return Ok(ClaimOutcome::Gone),
            VideoState::Uploading => {}
            // The import failed permanently before, and was redriven.
            VideoState::Failed(failure)
                if failure.class() != FailureClass::Source && row.source_etag.is_none() =>
            {
                let next = transition(&state, &VideoEvent::ImportRequested)?;
                set_state(&mut tx, &row, &next, now).await?;
            }
            // The source arrived, or cannot arrive.
            _ => return Ok(ClaimOutcome::AlreadyDone),
        }
        if let Some(until_ms) = held_until(&row, now) {
            return Ok(ClaimOutcome::Held { until_ms });
        }
        if row.worker.is_some() {
            end_attempt(&mut tx, &row, &Ending::plain("lost"), now).await?;
        }
        let claim = Claim {
            video: import.video,
            job: import.id.clone(),
            // A placeholder: attempts at imports and encodes share a table, whose rows need a
            // generation.
            generation: Generation::of("import", &row.id),
            fence: unsigned(row.fence) + 1,
            worker: worker.to_owned(),
            lease_until_ms: now + lease,
        };
        grant(&mut tx, &claim, now).await?;
        tx.commit().await?;
        Ok(ClaimOutcome::Claimed(claim))
    }

    /// Stores the data that a later attempt needs to resume an import; `None`: it starts again from
    /// the first byte.
    pub async fn set_transfer(
        &self,
        claim: &Claim,
        transfer: Option<&Transfer>,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        sqlx::query("UPDATE imports SET transfer = $1 WHERE video = $2")
            .bind(transfer.map(to_json))
            .bind(&row.id)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Records that the source is in the bucket, and ends the claim.
    pub async fn finish_import(&self, claim: &Claim, now: UnixMillis) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_as_holder(&mut tx, claim).await?;
        sqlx::query("UPDATE imports SET transfer = NULL WHERE video = $1")
            .bind(&row.id)
            .execute(&mut *tx)
            .await?;
        end_attempt(&mut tx, &row, &Ending::plain("fetched"), now).await?;
        Ok(tx.commit().await?)
    }
}
