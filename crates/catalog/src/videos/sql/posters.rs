//! Posters that users choose. The latest request counts: the worker that rendered an earlier one
//! learns so when it tries to show it.

use domain::failure::Failure;
use domain::ids::{PosterId, VideoId};
use domain::state::VideoState;

use super::rows::parse;
use super::work::touch;
use super::{Catalog, Tx, lock_existing};
use crate::database::text;
use crate::videos::{CatalogError, PosterRecord, PosterShown};
use platform::clock;

#[derive(sqlx::FromRow)]
struct PosterRow {
    wanted: String,
    published: Option<String>,
    failure_code: Option<String>,
    failure_sentence: Option<String>,
}

impl PosterRow {
    fn into_record(self) -> Result<PosterRecord, CatalogError> {
        let failure = match self.failure_code {
            Some(code) => Some(Failure {
                code: parse("failure code", &code)?,
                message: self.failure_sentence.unwrap_or_default(),
            }),
            None => None,
        };
        Ok(PosterRecord {
            wanted: parse("poster", &self.wanted)?,
            shown: self
                .published
                .as_deref()
                .map(|it| parse("poster", it))
                .transpose()?,
            failure,
        })
    }
}

const READ: &str =
    "SELECT wanted, published, failure_code, failure_sentence FROM posters WHERE video = $1";

/// Reads the poster of a video whose row is locked; `Gone` if it is deleted.
async fn read_locked(tx: &mut Tx, video: VideoId) -> Result<Option<PosterRecord>, CatalogError> {
    if lock_existing(tx, video).await?.state()? == VideoState::Deleted {
        return Err(CatalogError::Gone { video });
    }
    let row: Option<PosterRow> = sqlx::query_as(READ)
        .bind(video.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    row.map(PosterRow::into_record).transpose()
}

impl Catalog {
    /// Stores the requested poster, and returns what is shown until it is rendered. `Gone` if the
    /// video is deleted.
    pub async fn want_poster(
        &self,
        video: VideoId,
        poster: &PosterId,
    ) -> Result<PosterRecord, CatalogError> {
        let mut tx = self.write().await?;
        let before = read_locked(&mut tx, video).await?;
        sqlx::query(
            "INSERT INTO posters (video, wanted) VALUES ($1, $2)
             ON CONFLICT (video) DO UPDATE SET wanted = excluded.wanted, failure_code = NULL, failure_sentence = NULL",
        )
        .bind(video.to_string())
        .bind(poster.as_str())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(PosterRecord {
            wanted: poster.clone(),
            shown: before.and_then(|it| it.shown),
            failure: None,
        })
    }

    /// The requested poster of a video; `None`: it has the automatic one.
    pub async fn poster(&self, video: VideoId) -> Result<Option<PosterRecord>, CatalogError> {
        let row: Option<PosterRow> = sqlx::query_as(READ)
            .bind(video.to_string())
            .fetch_optional(self.database.read())
            .await?;
        row.map(PosterRow::into_record).transpose()
    }

    /// Records that a poster was stored, and shows it if it is still the requested one. `Gone` if
    /// the video is deleted.
    pub async fn show_poster(
        &self,
        video: VideoId,
        poster: &PosterId,
    ) -> Result<PosterShown, CatalogError> {
        let mut tx = self.write().await?;
        let before = match read_locked(&mut tx, video).await? {
            Some(record) if record.wanted == *poster => record.shown,
            _ => return Ok(PosterShown::Overtaken),
        };
        sqlx::query("UPDATE posters SET published = $1, failure_code = NULL, failure_sentence = NULL WHERE video = $2")
            .bind(poster.as_str())
            .bind(video.to_string())
            .execute(&mut *tx)
            .await?;
        touch(&mut tx, &video.to_string(), clock::now()).await?;
        tx.commit().await?;
        Ok(PosterShown::InsteadOf(before.filter(|it| it != poster)))
    }

    /// Records that a poster cannot be rendered. Returns whether this changed anything; repeated
    /// and late calls are allowed.
    pub async fn fail_poster(
        &self,
        video: VideoId,
        poster: &PosterId,
        failure: &Failure,
    ) -> Result<bool, CatalogError> {
        let refused = sqlx::query(
            "UPDATE posters SET failure_code = $1, failure_sentence = $2
             WHERE video = $3 AND wanted = $4 AND (published IS NULL OR published <> $4) AND failure_code IS NULL",
        )
        .bind(failure.code.as_str())
        .bind(text(&failure.message))
        .bind(video.to_string())
        .bind(poster.as_str());
        let mut tx = self.write().await?;
        let changed = refused.execute(&mut *tx).await?.rows_affected();
        tx.commit().await?;
        Ok(changed > 0)
    }

    /// Returns to the automatic poster, and gives back the record of the requested one.
    pub async fn drop_poster(&self, video: VideoId) -> Result<Option<PosterRecord>, CatalogError> {
        let mut tx = self.write().await?;
        let before = read_locked(&mut tx, video).await?;
        sqlx::query("DELETE FROM posters WHERE video = $1")
            .bind(video.to_string())
            .execute(&mut *tx)
            .await?;
        touch(&mut tx, &video.to_string(), clock::now()).await?;
        tx.commit().await?;
        Ok(before)
    }
}
