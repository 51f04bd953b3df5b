//! The catalog in a database; SQLite and PostgreSQL run the same SQL.
//!
//! Every change begins with an `UPDATE ... RETURNING` of the video's row, which locks the row in
//! both databases until the transaction ends. The statements that follow see one state and write
//! once. Only one row is locked, so no two changes wait for each other.

mod erasure;
mod events;
mod folding;
mod imports;
mod jobs;
mod posters;
mod rows;
mod videos;
mod work;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::failure::Failure;
use domain::ids::{Generation, PosterId, VideoId};
use domain::job::{Import, Job, JobMessage, Stage};
use domain::receipt::Receipt;
use domain::segment::ChunkRecord;
use domain::state::{VideoEvent, VideoState};
use domain::webhook::EventType;
use tokio::sync::Notify;

use super::{
    Attempt, Catalog, CatalogError, Claim, ClaimOutcome, ImportRecord, NewVideo, OwnerLimits, Patch, PosterRecord,
    PosterShown, RenditionRecord, Transfer, Upload, UploadEventOutcome, Video, VideoFilter, VideoPage,
};
use crate::database::{Database, Tx, is_corrupt, retried, sql, text};
use rows::{VideoRow, video_columns};

/// The catalog in a database.
#[derive(Debug, Clone)]
pub struct SqlCatalog {
    database: Database,
    /// Notified after every change that may have written an event.
    events: Arc<Notify>,
}

impl SqlCatalog {
    /// The catalog in `database`.
    pub fn new(database: &Database) -> Self {
        Self { database: database.clone(), events: database.waker(crate::webhooks::sql::WAKER) }
    }

    /// Wakes the webhook dispatcher of this process. Called only after the change is committed.
    fn wake_dispatcher<T>(&self, done: Result<T, CatalogError>) -> Result<T, CatalogError> {
        if done.is_ok() {
            self.events.notify_one();
        }
        done
    }

    async fn write(&self) -> Result<Tx, CatalogError> {
        Ok(self.database.write().await?)
    }
}

/// Locks the row of a video, and reads it.
const LOCK: &str = concat!("UPDATE videos SET version = version WHERE id = $1 RETURNING ", video_columns!());

/// Locks the row of a video and reads it; `None` if there is none.
async fn lock(tx: &mut Tx, video: VideoId) -> Result<Option<VideoRow>, CatalogError> {
    Ok(sqlx::query_as(LOCK).bind(video.to_string()).fetch_optional(&mut **tx).await?)
}

async fn lock_existing(tx: &mut Tx, video: VideoId) -> Result<VideoRow, CatalogError> {
    lock(tx, video).await?.ok_or(CatalogError::NotFound { video })
}

/// Writes a state and the timestamps that belong to it, and emits an event if the state differs
/// from that of `row`, which must be locked.
async fn set_state(tx: &mut Tx, row: &VideoRow, state: &VideoState, now_ms: u64) -> Result<(), CatalogError> {
    let failure = match state {
        VideoState::Failed(failure) => Some(failure),
        _ => None,
    };
    let published = match state {
        VideoState::Ready { generation } => Some(generation.as_str()),
        _ => None,
    };
    sqlx::query(
        "UPDATE videos SET state = $1, failure_class = $2, failure_code = $3, failure_sentence = $4,
            generation = coalesce($5, generation), version = version + 1, updated_ms = $6,
            playable_ms = CASE WHEN $7 = 1 THEN coalesce(playable_ms, $6) ELSE playable_ms END
         WHERE id = $8",
    )
    .bind(state.name().as_str())
    .bind(failure.map(|it| it.class().as_str()))
    .bind(failure.map(|it| it.code.as_str()))
    .bind(failure.map(|it| text(&it.message)))
    .bind(published)
    .bind(sql(now_ms))
    .bind(i64::from(state.is_watchable()))
    .bind(&row.id)
    .execute(&mut **tx)
    .await?;
    match EventType::of_change(&row.state()?, state) {
        Some(kind) => events::emit(tx, row, kind, now_ms).await,
        None => Ok(()),
    }
}

/// How the end of an attempt is recorded.
struct Ending<'a> {
    outcome: &'static str,
    failure: Option<&'a Failure>,
    log_tail: Option<&'a str>,
}

impl Ending<'_> {
    fn plain(outcome: &'static str) -> Self {
        Self { outcome, failure: None, log_tail: None }
    }
}

/// Ends the claim on the video, and closes its attempt. The row must be locked.
async fn end_attempt(tx: &mut Tx, row: &VideoRow, ending: &Ending<'_>, now_ms: u64) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE attempts SET ended_ms = $1, outcome = $2, failure_code = $3, failure_sentence = $4, log_tail = $5
         WHERE video = $6 AND fence = $7 AND ended_ms IS NULL",
    )
    .bind(sql(now_ms))
    .bind(ending.outcome)
    .bind(ending.failure.map(|it| it.code.as_str()))
    .bind(ending.failure.map(|it| text(&it.message)))
    .bind(ending.log_tail.map(text))
    .bind(&row.id)
    .bind(row.fence)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "UPDATE videos SET worker = NULL, lease_until_ms = 0, version = version + 1, updated_ms = $1 WHERE id = $2",
    )
    .bind(sql(now_ms))
    .bind(&row.id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl From<sqlx::Error> for CatalogError {
    fn from(source: sqlx::Error) -> Self {
        if is_corrupt(&source) {
            return Self::Corrupt { detail: source.to_string() };
        }
        Self::Unavailable { source: source.into() }
    }
}

#[async_trait]
impl Catalog for SqlCatalog {
    async fn create_video(&self, new: &NewVideo, now_ms: u64) -> Result<Video, CatalogError> {
        self.create(new, None, &OwnerLimits::default(), now_ms).await
    }

    async fn create_upload(
        &self,
        new: &NewVideo,
        upload: Option<&Upload>,
        limits: &OwnerLimits,
        now_ms: u64,
    ) -> Result<Video, CatalogError> {
        self.create(new, upload, limits, now_ms).await
    }

    async fn get_video(&self, video: VideoId) -> Result<Video, CatalogError> {
        self.get(video).await
    }

    async fn list_videos(&self, filter: &VideoFilter) -> Result<VideoPage, CatalogError> {
        self.list(filter).await
    }

    async fn patch_video(&self, video: VideoId, patch: &Patch, now_ms: u64) -> Result<Video, CatalogError> {
        self.patch(video, patch, now_ms).await
    }

    async fn set_upload(&self, video: VideoId, upload: &Upload, now_ms: u64) -> Result<Video, CatalogError> {
        self.begin_upload(video, upload, now_ms).await
    }

    async fn apply(&self, video: VideoId, event: &VideoEvent, now_ms: u64) -> Result<Video, CatalogError> {
        self.wake_dispatcher(self.apply_event(video, event, now_ms).await)
    }

    async fn note_upload_event(&self, job: &Job, now_ms: u64) -> Result<UploadEventOutcome, CatalogError> {
        self.wake_dispatcher(self.note_event(job, now_ms).await)
    }

    async fn request_work(&self, job: &Job, now_ms: u64) -> Result<Video, CatalogError> {
        self.request(job, now_ms).await
    }

    async fn claim(
        &self,
        job: &Job,
        generation: &Generation,
        worker: &str,
        lease: Duration,
        now_ms: u64,
    ) -> Result<ClaimOutcome, CatalogError> {
        self.wake_dispatcher(self.try_claim(job, generation, worker, lease, now_ms).await)
    }

    async fn holder(&self, video: VideoId) -> Result<Option<Claim>, CatalogError> {
        self.current_claim(video).await
    }

    async fn release_all_of_worker(&self, worker: &str, now_ms: u64) -> Result<u64, CatalogError> {
        retried(|| self.release_worker(worker, now_ms)).await
    }

    async fn fail_permanently(
        &self,
        message: &JobMessage,
        failure: &Failure,
        died_ms: u64,
        now_ms: u64,
    ) -> Result<bool, CatalogError> {
        match message {
            JobMessage::TranscodeV1(_) | JobMessage::ImportV1(_) => {
                self.wake_dispatcher(self.fail_work(message, failure, died_ms, now_ms).await)
            }
            JobMessage::PosterV1(job) => self.refuse_poster(job.video, &job.poster, failure).await,
        }
    }

    async fn want_poster(&self, video: VideoId, poster: &PosterId) -> Result<PosterRecord, CatalogError> {
        self.ask_poster(video, poster).await
    }

    async fn poster(&self, video: VideoId) -> Result<Option<PosterRecord>, CatalogError> {
        self.get_poster(video).await
    }

    async fn show_poster(&self, video: VideoId, poster: &PosterId) -> Result<PosterShown, CatalogError> {
        self.show(video, poster).await
    }

    async fn fail_poster(&self, video: VideoId, poster: &PosterId, failure: &Failure) -> Result<bool, CatalogError> {
        self.refuse_poster(video, poster, failure).await
    }

    async fn drop_poster(&self, video: VideoId) -> Result<Option<PosterRecord>, CatalogError> {
        self.forget_poster(video).await
    }

    async fn request_import(&self, video: VideoId, url: &str, now_ms: u64) -> Result<Video, CatalogError> {
        self.wake_dispatcher(self.ask_import(video, url, now_ms).await)
    }

    async fn import(&self, video: VideoId) -> Result<Option<ImportRecord>, CatalogError> {
        self.get_import(video).await
    }

    async fn claim_import(
        &self,
        import: &Import,
        worker: &str,
        lease: Duration,
        now_ms: u64,
    ) -> Result<ClaimOutcome, CatalogError> {
        self.try_claim_import(import, worker, lease, now_ms).await
    }

    async fn attempts(&self, video: VideoId) -> Result<Vec<Attempt>, CatalogError> {
        self.list_attempts(video).await
    }

    async fn renew(&self, claim: &Claim, lease: Duration, now_ms: u64) -> Result<Claim, CatalogError> {
        self.renew_lease(claim, lease, now_ms).await
    }

    async fn set_progress(&self, claim: &Claim, stage: Stage, percent: u8, now_ms: u64) -> Result<(), CatalogError> {
        self.wake_dispatcher(self.progress(claim, stage, percent, now_ms).await)
    }

    async fn record_chunk(&self, claim: &Claim, chunk: &ChunkRecord, now_ms: u64) -> Result<(), CatalogError> {
        self.chunk(claim, chunk, now_ms).await
    }

    async fn set_renditions(
        &self,
        claim: &Claim,
        renditions: &[RenditionRecord],
        now_ms: u64,
    ) -> Result<(), CatalogError> {
        self.replace_renditions(claim, renditions, now_ms).await
    }

    async fn set_transfer(&self, claim: &Claim, transfer: Option<&Transfer>) -> Result<(), CatalogError> {
        self.transfer(claim, transfer).await
    }

    async fn finish_import(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError> {
        self.end_fetched(claim, now_ms).await
    }

    async fn mark_playable(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError> {
        self.wake_dispatcher(self.playable(claim, now_ms).await)
    }

    async fn mark_ready(
        &self,
        claim: &Claim,
        receipt: &Receipt,
        now_ms: u64,
    ) -> Result<Option<Generation>, CatalogError> {
        self.wake_dispatcher(self.ready(claim, receipt, now_ms).await)
    }

    async fn fail(
        &self,
        claim: &Claim,
        failure: &Failure,
        will_retry: bool,
        log_tail: &str,
        now_ms: u64,
    ) -> Result<(), CatalogError> {
        self.wake_dispatcher(self.end_failed(claim, failure, will_retry, log_tail, now_ms).await)
    }

    async fn release(&self, claim: &Claim, now_ms: u64) -> Result<(), CatalogError> {
        self.end_released(claim, now_ms).await
    }

    async fn chunks(&self, video: VideoId, generation: &Generation) -> Result<Vec<ChunkRecord>, CatalogError> {
        self.list_chunks(video, generation).await
    }

    async fn renditions(&self, video: VideoId, generation: &Generation) -> Result<Vec<RenditionRecord>, CatalogError> {
        self.list_renditions(video, generation).await
    }

    async fn receipt(&self, video: VideoId, generation: &Generation) -> Result<Option<Receipt>, CatalogError> {
        self.get_receipt(video, generation).await
    }

    async fn forget_generation(&self, video: VideoId, generation: &Generation) -> Result<(), CatalogError> {
        self.forget(video, generation).await
    }

    async fn ping(&self, now_ms: u64) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO pings (id, at_ms) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at_ms = excluded.at_ms",
        )
        .bind(sql(now_ms))
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}
