//! Videos as their owners see them.

use domain::ids::VideoId;
use domain::state::{VideoEvent, VideoState, transition};
use domain::time::UnixMillis;

use super::folding::{folded, search_text};
use super::rows::{AttemptRow, VideoRow, WatchedRow, attempt_columns, to_json, video_columns};
use super::{
    Catalog, Ending, Tx, end_attempt, erasure, limits, lock_existing, requests, set_state,
};
use crate::database::{sql, text};
use crate::videos::{
    Attempt, CatalogError, NewVideo, OwnerLimits, Patch, Upload, UploadKind, Video,
};

impl Catalog {
    /// Creates a video, or completes the row that an early bucket event created. A repeated call
    /// with the same id changes nothing. `Conflict` if the id belongs to another owner, `Gone` if
    /// the video was deleted.
    pub async fn create_video(
        &self,
        new: &NewVideo,
        now: UnixMillis,
    ) -> Result<Video, CatalogError> {
        self.create_upload(new, None, &OwnerLimits::default(), now)
            .await
    }

    /// Creates a video for an upload, within the limits of all videos of the owner, this one
    /// included (`TooManyOpen`, `OverQuota`). The limits are exact under concurrent requests. A
    /// source of unknown size counts once its size is known. With `upload`, it also does the work
    /// of [`set_upload`](Self::set_upload) in the same transaction.
    pub async fn create_upload(
        &self,
        new: &NewVideo,
        upload: Option<&Upload>,
        limits: &OwnerLimits,
        now: UnixMillis,
    ) -> Result<Video, CatalogError> {
        let mut tx = self.write().await?;
        if *limits != OwnerLimits::default() {
            // Serialised, because concurrent requests would not see each other's rows otherwise.
            self.database
                .one_at_a_time(
                    &mut tx,
                    &format!("uploads of {}", new.owner.as_deref().unwrap_or("nobody")),
                )
                .await?;
            limits::check(&mut tx, new, limits, now).await?;
        }
        insert_if_missing(&mut tx, new, now).await?;
        let row = lock_existing(&mut tx, new.id).await?;
        if row.state()? == VideoState::Deleted {
            return Err(CatalogError::Gone { video: new.id });
        }
        if row.adopted != 0 {
            complete(&mut tx, new, now).await?;
        } else if row.owner != new.owner {
            return Err(CatalogError::Conflict {
                video: new.id,
                what: "owner",
            });
        }
        if let Some(upload) = upload {
            note_upload(&mut tx, &row, upload, now).await?;
        }
        read_and_commit(tx, new.id).await
    }

    /// Reads a video, including a deleted one.
    pub async fn get_video(&self, video: VideoId) -> Result<Video, CatalogError> {
        let row: Option<WatchedRow> = sqlx::query_as(READ_ONE)
            .bind(video.to_string())
            .fetch_optional(self.database.read())
            .await?;
        row.ok_or(CatalogError::NotFound { video })?.into_video()
    }

    /// Updates the fields that an owner may change.
    pub async fn patch_video(
        &self,
        video: VideoId,
        patch: &Patch,
        now: UnixMillis,
    ) -> Result<Video, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_existing(&mut tx, video).await?;
        if row.state()? == VideoState::Deleted {
            return Err(CatalogError::Gone { video });
        }
        let title = patch.title.as_ref().unwrap_or(&row.title);
        let external_id = patch.external_id.as_ref().unwrap_or(&row.external_id);
        sqlx::query(
            "UPDATE videos SET title = CASE WHEN $1 = 1 THEN $2 ELSE title END,
                external_id = CASE WHEN $3 = 1 THEN $4 ELSE external_id END,
                metadata = coalesce($5, metadata), version = version + 1, updated_ms = $6,
                title_folded = CASE WHEN $1 = 1 THEN $8 ELSE title_folded END, search_folded = $9
             WHERE id = $7",
        )
        .bind(i64::from(patch.title.is_some()))
        .bind(patch.title.as_ref().and_then(|it| it.as_deref()).map(text))
        .bind(i64::from(patch.external_id.is_some()))
        .bind(
            patch
                .external_id
                .as_ref()
                .and_then(|it| it.as_deref())
                .map(text),
        )
        .bind(patch.metadata.as_ref().map(to_json))
        .bind(sql(now))
        .bind(video.to_string())
        .bind(
            patch
                .title
                .as_ref()
                .and_then(|it| it.as_deref())
                .map(folded),
        )
        .bind(search_text(&[title, &row.file_name, external_id]))
        .execute(&mut *tx)
        .await?;
        read_and_commit(tx, video).await
    }

    /// Stores how the source is uploaded, and marks the upload as started.
    pub async fn set_upload(
        &self,
        video: VideoId,
        upload: &Upload,
        now: UnixMillis,
    ) -> Result<Video, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_existing(&mut tx, video).await?;
        note_upload(&mut tx, &row, upload, now).await?;
        read_and_commit(tx, video).await
    }

    /// Applies an event that does not come from a worker (otherwise `NeedsClaim`). `Cancelled` and
    /// `Deleted` revoke the worker's claim; cancelling a ready video stops only its re-encode.
    pub async fn apply(
        &self,
        video: VideoId,
        event: &VideoEvent,
        now: UnixMillis,
    ) -> Result<Video, CatalogError> {
        let stops = match event {
            VideoEvent::Cancelled | VideoEvent::Deleted => true,
            VideoEvent::UploadStarted
            | VideoEvent::ImportRequested
            | VideoEvent::SourceArrived
            | VideoEvent::SourceStored
            | VideoEvent::WorkRequested => false,
            VideoEvent::WorkStarted
            | VideoEvent::WorkReleased
            | VideoEvent::BecamePlayable
            | VideoEvent::Verified { .. }
            | VideoEvent::AttemptFailed(_)
            | VideoEvent::FailedPermanently(_) => return Err(CatalogError::NeedsClaim),
        };
        let mut tx = self.write().await?;
        let row = lock_existing(&mut tx, video).await?;
        let state = row.state()?;
        let next = transition(&state, event)?;
        // Only the first time: the `deleted` message may still be waiting, and names the external
        // id.
        let erases = *event == VideoEvent::Deleted && next != state;
        if erases {
            erasure::erase(&mut tx, &row).await?;
        }
        if stops {
            requests::withdraw(&mut tx, video).await?;
        }
        if next != state {
            set_state(&mut tx, &row, &next, now).await?;
        }
        if erases {
            erasure::erase_external_id(&mut tx, &row).await?;
        }
        if stops {
            end_attempt(&mut tx, &row, &Ending::plain("stopped"), now).await?;
            // The message of a stopped re-encode may still be waiting. Its claim must be rejected
            // although the video stays ready.
            sqlx::query("UPDATE videos SET cancelled_job = job WHERE id = $1")
                .bind(&row.id)
                .execute(&mut *tx)
                .await?;
        }
        if *event == VideoEvent::WorkRequested {
            super::jobs::reopen(&mut tx, video, now).await?;
        }
        let video = read_and_commit(tx, video).await?;
        self.events.notify_one();
        Ok(video)
    }

    /// The attempts at a video, oldest first.
    pub async fn attempts(&self, video: VideoId) -> Result<Vec<Attempt>, CatalogError> {
        let rows: Vec<AttemptRow> = sqlx::query_as(READ_ATTEMPTS)
            .bind(video.to_string())
            .fetch_all(self.database.read())
            .await?;
        rows.into_iter().map(AttemptRow::into_attempt).collect()
    }
}

/// The tables of videos with the progress of the current attempt, whose columns have distinct names.
macro_rules! watched_videos {
    () => {
        ", attempt_stage, attempt_percent, poster_shown
         FROM videos v LEFT JOIN (
            SELECT video AS attempt_video, fence AS attempt_fence, stage AS attempt_stage, percent AS attempt_percent
            FROM attempts
         ) AS a ON attempt_video = v.id AND attempt_fence = v.fence AND v.worker IS NOT NULL
         LEFT JOIN (SELECT video AS poster_video, published AS poster_shown FROM posters) AS p
            ON poster_video = v.id "
    };
}
pub(super) use watched_videos;

/// Selects videos with the progress of the current attempt.
macro_rules! select_videos {
    ($which:literal) => {
        concat!("SELECT ", video_columns!(), watched_videos!(), $which)
    };
}
pub(super) use select_videos;

const READ_ONE: &str = select_videos!("WHERE v.id = $1");

const READ_ATTEMPTS: &str = concat!(
    "SELECT ",
    attempt_columns!(),
    " FROM attempts WHERE video = $1 ORDER BY fence"
);

pub(super) async fn read_and_commit(mut tx: Tx, video: VideoId) -> Result<Video, CatalogError> {
    let row: WatchedRow = sqlx::query_as(READ_ONE)
        .bind(video.to_string())
        .fetch_one(&mut *tx)
        .await?;
    let video = row.into_video()?;
    tx.commit().await?;
    Ok(video)
}

/// Stores how a video is uploaded. Its row must be locked.
async fn note_upload(
    tx: &mut Tx,
    row: &VideoRow,
    upload: &Upload,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    let (kind, id, part_bytes) = match &upload.kind {
        UploadKind::Single => ("single", None, None),
        UploadKind::Multipart {
            upload_id,
            part_bytes,
        } => ("multipart", Some(upload_id), Some(sql(*part_bytes))),
        UploadKind::Open { upload_id } => ("open", Some(upload_id), None),
    };
    set_state(
        tx,
        row,
        &transition(&row.state()?, &VideoEvent::UploadStarted)?,
        now,
    )
    .await?;
    sqlx::query(
        "UPDATE videos SET upload_kind = $1, upload_id = $2, upload_part_bytes = $3, upload_expires_ms = $4
         WHERE id = $5",
    )
    .bind(kind)
    .bind(id)
    .bind(part_bytes)
    .bind(sql(upload.expires_ms))
    .bind(&row.id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::videos) async fn insert_if_missing(
    tx: &mut Tx,
    new: &NewVideo,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    sqlx::query(
        "INSERT INTO videos (id, adopted, owner, title, external_id, metadata, state, source_key, source_size,
            content_type, profile, mode, fence, lease_until_ms, created_ms, updated_ms, version, generate,
            title_folded, file_name, search_folded)
         VALUES ($1, 0, $2, $3, $4, $5, 'created', $6, $7, $8, $9, $10, 0, 0, $11, $11, 1, $12, $13, $14, $15)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(new.id.to_string())
    .bind(&new.owner)
    .bind(new.title.as_deref().map(text))
    .bind(new.external_id.as_deref().map(text))
    .bind(to_json(&new.metadata))
    .bind(&new.source_key)
    .bind(new.source_size.map(sql))
    .bind(new.content_type.as_deref().map(text))
    .bind(&new.profile)
    .bind(new.mode.as_str())
    .bind(sql(now))
    .bind(new.generate.as_str())
    .bind(new.title.as_deref().map(folded))
    .bind(new.file_name.as_deref().map(text))
    .bind(search_text(&[&new.title, &new.file_name, &new.external_id]))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Completes an adopted row with the fields of its creator. For the source, the facts of the
/// arrived object take precedence.
async fn complete(tx: &mut Tx, new: &NewVideo, now: UnixMillis) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE videos SET adopted = 0, owner = $1, title = $2, external_id = $3, metadata = $4,
            source_key = coalesce(source_key, $5), source_size = coalesce(source_size, $6), content_type = $7,
            profile = $8, mode = $9, version = version + 1, updated_ms = $10, generate = $12, title_folded = $13,
            file_name = $14, search_folded = $15
         WHERE id = $11",
    )
    .bind(&new.owner)
    .bind(new.title.as_deref().map(text))
    .bind(new.external_id.as_deref().map(text))
    .bind(to_json(&new.metadata))
    .bind(&new.source_key)
    .bind(new.source_size.map(sql))
    .bind(new.content_type.as_deref().map(text))
    .bind(&new.profile)
    .bind(new.mode.as_str())
    .bind(sql(now))
    .bind(new.id.to_string())
    .bind(new.generate.as_str())
    .bind(new.title.as_deref().map(folded))
    .bind(new.file_name.as_deref().map(text))
    .bind(search_text(&[&new.title, &new.file_name, &new.external_id]))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
