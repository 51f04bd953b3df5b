//! Chapters. As with captions, the row is the truth, and the master playlist follows.

use domain::chapter::{Chapter, Chapters};
use domain::ids::{ChaptersId, VideoId};
use domain::time::UnixMillis;

use super::captions::{changed, lock_video};
use super::rows::parse;
use super::work::touch;
use super::{Catalog, Tx};
use crate::videos::{CaptionOrigin, CatalogError, ChaptersRecord};

type Row = (String, String, String, i64);

fn record((id, list, origin, published): Row) -> Result<ChaptersRecord, CatalogError> {
    let corrupt = |detail: String| CatalogError::Corrupt { detail };
    let list: Vec<Chapter> =
        serde_json::from_str(&list).map_err(|it| corrupt(format!("a list of chapters: {it}")))?;
    Ok(ChaptersRecord {
        id: parse("chapters", &id)?,
        chapters: Chapters::new(list).map_err(|it| corrupt(it.to_string()))?,
        origin: CaptionOrigin::of_row(&origin, false)?,
        published: published != 0,
    })
}

/// The row of a video that is locked.
async fn locked(tx: &mut Tx, video: VideoId) -> Result<Option<Row>, CatalogError> {
    lock_video(tx, video).await?;
    let row = sqlx::query_as(READ).bind(video.to_string());
    Ok(row.fetch_optional(&mut **tx).await?)
}

const READ: &str = "SELECT id, list, origin, published FROM chapters WHERE video = $1";

impl Catalog {
    /// The chapters of a video; `None`: it never had any.
    pub async fn chapters(&self, video: VideoId) -> Result<Option<ChaptersRecord>, CatalogError> {
        let row: Option<Row> = sqlx::query_as(READ)
            .bind(video.to_string())
            .fetch_optional(self.database.read())
            .await?;
        row.map(record).transpose()
    }

    /// Stores chapters in place of the present ones; an empty list deletes them. Chapters of the
    /// source do not replace any. Returns whether something changed. `Gone` if the video is
    /// deleted.
    pub async fn set_chapters(
        &self,
        video: VideoId,
        chapters: &Chapters,
        origin: CaptionOrigin,
        now: UnixMillis,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.write().await?;
        let row = locked(&mut tx, video).await?;
        let id = ChaptersId::of(&chapters.to_json());
        let is_same = match &row {
            Some(present) => present.0 == id.as_str() || origin == CaptionOrigin::Embedded,
            None => chapters.is_empty(),
        };
        if is_same {
            return Ok(false);
        }
        let list =
            serde_json::to_string(chapters.as_slice()).map_err(|it| CatalogError::Corrupt {
                detail: it.to_string(),
            })?;
        sqlx::query(
            "INSERT INTO chapters (video, id, list, origin, published) VALUES ($1, $2, $3, $4, 0)
             ON CONFLICT (video) DO UPDATE SET id = excluded.id, list = excluded.list, origin = excluded.origin,
                published = 0",
        )
        .bind(video.to_string())
        .bind(id.as_str())
        .bind(list)
        .bind(origin.row_name())
        .execute(&mut *tx)
        .await?;
        changed(&mut tx, video, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Records that the master playlist names these chapters; `None`: it names none. Returns whether
    /// they are the current ones; otherwise the caller must write the playlist again.
    pub async fn chapters_published(
        &self,
        video: VideoId,
        named: Option<&ChaptersId>,
        now: UnixMillis,
    ) -> Result<bool, CatalogError> {
        let mut tx = self.write().await?;
        let row = locked(&mut tx, video).await?;
        let Some(present) = row.map(record).transpose()? else {
            return Ok(named.is_none());
        };
        let current = (!present.chapters.is_empty()).then_some(&present.id);
        if current != named {
            return Ok(false);
        }
        if !present.published {
            sqlx::query("UPDATE chapters SET published = 1 WHERE video = $1")
                .bind(video.to_string())
                .execute(&mut *tx)
                .await?;
            touch(&mut tx, &video.to_string(), now).await?;
            tx.commit().await?;
        }
        Ok(true)
    }
}
