//! Captions. The rows are the truth about which captions a video has; the master playlist follows.

use domain::ids::{CaptionId, VideoId};
use domain::state::VideoState;
use domain::time::UnixMillis;

use super::events::emit_captions;
use super::rows::{VideoRow, parse};
use super::sweeping::LOST_MESSAGE;
use super::work::touch;
use super::{Catalog, Tx, lock_existing};
use crate::database::{sql, text, time, unsigned};
use crate::videos::{
    CaptionChoice, CaptionOrigin, CaptionRecord, CaptionsStored, CatalogError, NewCaptions,
    RemovedCaptions,
};

#[derive(sqlx::FromRow)]
struct CaptionRow {
    id: String,
    language: String,
    name: String,
    is_default: i64,
    is_forced: i64,
    is_sdh: i64,
    origin: String,
    is_machine: i64,
    content: String,
    cues: i64,
    created_ms: i64,
    published: i64,
}

impl CaptionRow {
    fn into_record(self) -> Result<CaptionRecord, CatalogError> {
        Ok(CaptionRecord {
            id: parse("captions", &self.id)?,
            language: parse("language", &self.language)?,
            name: self.name,
            default: self.is_default != 0,
            forced: self.is_forced != 0,
            sdh: self.is_sdh != 0,
            origin: CaptionOrigin::of_row(&self.origin, self.is_machine != 0)?,
            content: self.content,
            cues: unsigned(self.cues),
            created_ms: time(self.created_ms),
            published: self.published != 0,
        })
    }
}

const CURRENT: &str = "SELECT id, language, name, is_default, is_forced, is_sdh, origin, is_machine, content, cues, created_ms,
        published
     FROM captions WHERE video = $1 AND removed_ms IS NULL ORDER BY language, is_forced, is_sdh, id";

/// Locks the row of a video, which must not be deleted.
pub(super) async fn lock_video(tx: &mut Tx, video: VideoId) -> Result<VideoRow, CatalogError> {
    let row = lock_existing(tx, video).await?;
    if row.state()? == VideoState::Deleted {
        return Err(CatalogError::Gone { video });
    }
    Ok(row)
}

async fn current(tx: &mut Tx, video: VideoId) -> Result<Vec<CaptionRecord>, CatalogError> {
    let rows: Vec<CaptionRow> = sqlx::query_as(CURRENT)
        .bind(video.to_string())
        .fetch_all(&mut **tx)
        .await?;
    rows.into_iter().map(CaptionRow::into_record).collect()
}

/// Marks captions as removed.
async fn retire(
    tx: &mut Tx,
    video: VideoId,
    captions: &CaptionId,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE captions SET removed_ms = $1, words = ''
         WHERE video = $2 AND id = $3 AND removed_ms IS NULL",
    )
    .bind(sql(now))
    .bind(video.to_string())
    .bind(captions.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Lets the sweeper look at the video soon: the message about the change may be lost.
pub(super) async fn changed(
    tx: &mut Tx,
    video: VideoId,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    touch(tx, &video.to_string(), now).await?;
    sqlx::query(
        "UPDATE videos SET sweep_ms = $1 WHERE id = $2 AND state = 'ready' AND (sweep_ms IS NULL OR sweep_ms > $1)",
    )
    .bind(sql(now + LOST_MESSAGE))
    .bind(video.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Stores captions, as [`Catalog::set_captions`] does. The row of the video must be locked.
pub(super) async fn set_captions(
    tx: &mut Tx,
    video: VideoId,
    new: &NewCaptions,
) -> Result<CaptionsStored, CatalogError> {
    let (record, now) = (&new.record, new.record.created_ms);
    let before = current(tx, video).await?;
    let kind = |it: &CaptionRecord| (it.language.clone(), it.forced, it.sdh);
    let before = before.into_iter().find(|it| kind(it) == kind(record));
    let replaced = before.is_some();
    match before {
        Some(before) if before.content == record.content => {
            return Ok(CaptionsStored::Same(before));
        }
        Some(before) if before.origin > record.origin => return Ok(CaptionsStored::Kept),
        Some(before) => retire(tx, video, &before.id, now).await?,
        None => {}
    }
    if record.default {
        sqlx::query("UPDATE captions SET is_default = 0 WHERE video = $1 AND removed_ms IS NULL")
            .bind(video.to_string())
            .execute(&mut **tx)
            .await?;
    }
    sqlx::query(
        "INSERT INTO captions (video, id, language, name, is_default, is_forced, is_sdh, origin, content, cues,
            created_ms, published, words, is_machine)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13)",
    )
    .bind(video.to_string())
    .bind(record.id.as_str())
    .bind(record.language.as_str())
    .bind(text(&record.name))
    .bind(i64::from(record.default))
    .bind(i64::from(record.forced))
    .bind(i64::from(record.sdh))
    .bind(record.origin.row_name())
    .bind(&record.content)
    .bind(sql(record.cues))
    .bind(sql(now))
    .bind(text(&new.words))
    .bind(i64::from(record.origin == CaptionOrigin::Machine))
    .execute(&mut **tx)
    .await?;
    changed(tx, video, now).await?;
    Ok(CaptionsStored::Stored { replaced })
}

impl Catalog {
    /// The captions of a video, by language.
    pub async fn captions(&self, video: VideoId) -> Result<Vec<CaptionRecord>, CatalogError> {
        let rows: Vec<CaptionRow> = sqlx::query_as(CURRENT)
            .bind(video.to_string())
            .fetch_all(self.database.read())
            .await?;
        rows.into_iter().map(CaptionRow::into_record).collect()
    }

    /// Stores captions in place of those of their language and kind. If they are the default, no
    /// others of the video are. `Gone` if the video is deleted.
    pub async fn set_captions(
        &self,
        video: VideoId,
        new: &NewCaptions,
    ) -> Result<CaptionsStored, CatalogError> {
        let mut tx = self.write().await?;
        lock_video(&mut tx, video).await?;
        let stored = set_captions(&mut tx, video, new).await?;
        tx.commit().await?;
        Ok(stored)
    }

    /// Removes captions. Returns whether there were any. `Gone` if the video is deleted.
    pub async fn remove_captions(
        &self,
        video: VideoId,
        chosen: &CaptionChoice,
        now: UnixMillis,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.write().await?;
        lock_video(&mut tx, video).await?;
        let mut present = current(&mut tx, video).await?;
        present.retain(|it| chosen.includes(it));
        for record in &present {
            retire(&mut tx, video, &record.id, now).await?;
        }
        if !present.is_empty() {
            changed(&mut tx, video, now).await?;
        }
        tx.commit().await?;
        Ok(!present.is_empty())
    }

    /// Records that the master playlist names exactly these captions, with their settings. Returns
    /// whether they are the current ones; otherwise the caller must write the playlist again.
    pub async fn captions_published(
        &self,
        video: VideoId,
        named: &[CaptionRecord],
        now: UnixMillis,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.write().await?;
        let row = lock_video(&mut tx, video).await?;
        let now_current = current(&mut tx, video).await?;
        let same = |a: &CaptionRecord, b: &CaptionRecord| {
            let settings = |it: &CaptionRecord| (it.default, it.forced, it.sdh);
            a.id == b.id && a.name == b.name && settings(a) == settings(b)
        };
        let is_current = now_current.len() == named.len()
            && now_current.iter().zip(named).all(|(a, b)| same(a, b));
        if !is_current {
            return Ok(false);
        }
        let removed = sqlx::query(
            "UPDATE captions SET published = 0 WHERE video = $1 AND removed_ms IS NOT NULL AND published <> 0",
        )
        .bind(video.to_string())
        .execute(&mut *tx)
        .await?;
        let added = sqlx::query(
            "UPDATE captions SET published = 1 WHERE video = $1 AND removed_ms IS NULL AND published = 0",
        )
        .bind(video.to_string())
        .execute(&mut *tx)
        .await?;
        if removed.rows_affected() + added.rows_affected() > 0 {
            touch(&mut tx, &video.to_string(), now).await?;
            // Before that, `video.ready` follows, and reports the first captions too.
            if matches!(row.state()?, VideoState::Ready { .. }) {
                let languages = named.iter().map(|it| it.language.clone()).collect();
                emit_captions(&mut tx, &row, languages, now).await?;
            }
        }
        self.commit_with_events(tx).await?;
        Ok(true)
    }

    /// Whether the master playlist differs from the captions or chapters of the video.
    pub async fn playlist_waits(&self, video: VideoId) -> Result<bool, CatalogError> {
        let (waiting,): (i64,) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM captions WHERE video = $1
                AND ((removed_ms IS NULL AND published = 0) OR (removed_ms IS NOT NULL AND published <> 0)))
             + (SELECT count(*) FROM chapters WHERE video = $1 AND published = 0)",
        )
        .bind(video.to_string())
        .fetch_one(self.database.read())
        .await?;
        Ok(waiting > 0)
    }

    /// Captions that were replaced or deleted and whose objects still exist, oldest first.
    pub async fn removed_captions(
        &self,
        video: VideoId,
    ) -> Result<Vec<RemovedCaptions>, CatalogError> {
        let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
            "SELECT id, language, removed_ms, published FROM captions
             WHERE video = $1 AND removed_ms IS NOT NULL ORDER BY removed_ms, id",
        )
        .bind(video.to_string())
        .fetch_all(self.database.read())
        .await?;
        let removed = rows
            .into_iter()
            .map(|(id, language, removed_ms, published)| {
                Ok(RemovedCaptions {
                    id: parse("captions", &id)?,
                    language: parse("language", &language)?,
                    removed_ms: time(removed_ms),
                    published: published != 0,
                })
            });
        removed.collect()
    }

    /// Forgets removed captions, whose objects were removed.
    pub async fn forget_captions(
        &self,
        video: VideoId,
        captions: &CaptionId,
    ) -> Result<(), CatalogError> {
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM captions WHERE video = $1 AND id = $2 AND removed_ms IS NOT NULL")
            .bind(video.to_string())
            .bind(captions.as_str())
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}
