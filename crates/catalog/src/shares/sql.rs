//! Share links in a database. The SQL is the common subset of SQLite and PostgreSQL.

use domain::ids::{ShareId, VideoId};
use domain::time::UnixMillis;
use sqlx::Row as _;

use super::{MAX_SHARES, NewShare, Share, SharesError};
use crate::accounts::KeyDigest;
use crate::database::{Database, Row, is_corrupt, sql, text, time};

/// The share links of one installation. Clones share the database.
#[derive(Debug, Clone)]
pub struct Shares {
    database: Database,
}

macro_rules! columns {
    () => {
        "id, video, label, max_height, created_by, created_ms, expires_ms, used_ms, revoked_ms"
    };
}

const COUNT: &str =
    "SELECT count(*) FROM shares WHERE video = $1 AND revoked_ms IS NULL AND expires_ms > $2";

const INSERT: &str = concat!(
    "INSERT INTO shares (id, digest, video, label, max_height, created_by, created_ms, expires_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ",
    columns!()
);

const FIND: &str = concat!("SELECT ", columns!(), " FROM shares WHERE digest = $1");

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM shares WHERE video = $1 AND revoked_ms IS NULL AND expires_ms > $2 ORDER BY id DESC LIMIT $3"
);

const REVOKE: &str =
    "UPDATE shares SET revoked_ms = coalesce(revoked_ms, $1) WHERE id = $2 AND video = $3";

/// Number of rows removed in one transaction, so that other writers do not wait long.
const PRUNE_BATCH: i64 = 500;

// One statement for each index.
const PRUNE_EXPIRED: &str = "DELETE FROM shares WHERE id IN (
    SELECT id FROM shares WHERE expires_ms < $1 ORDER BY expires_ms LIMIT $2)";
const PRUNE_REVOKED: &str = "DELETE FROM shares WHERE id IN (
    SELECT id FROM shares WHERE revoked_ms < $1 ORDER BY revoked_ms LIMIT $2)";

impl Shares {
    /// The store in `database`.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
        }
    }

    /// Stores a link.
    pub async fn create(&self, new: &NewShare, now: UnixMillis) -> Result<Share, SharesError> {
        let mut tx = self.database.write().await?;
        self.database
            .one_at_a_time(&mut tx, &format!("links of {}", new.video))
            .await?;
        let (live,): (i64,) = sqlx::query_as(COUNT)
            .bind(new.video.to_string())
            .bind(sql(now))
            .fetch_one(&mut *tx)
            .await?;
        if live >= i64::from(MAX_SHARES) {
            return Err(SharesError::TooMany);
        }
        let row = sqlx::query(INSERT)
            .bind(new.id.to_string())
            .bind(new.digest.to_hex())
            .bind(new.video.to_string())
            .bind(new.label.as_deref().map(text))
            .bind(new.max_height.map(i64::from))
            .bind(text(&new.created_by))
            .bind(sql(now))
            .bind(sql(new.expires_ms))
            .fetch_one(&mut *tx)
            .await?;
        let share = read(&row)?;
        tx.commit().await?;
        Ok(share)
    }

    /// Finds a link by its secret's digest, including expired and revoked links: check
    /// [`Share::is_live`].
    pub async fn find(&self, digest: &KeyDigest) -> Result<Option<Share>, SharesError> {
        let row = sqlx::query(FIND)
            .bind(digest.to_hex())
            .fetch_optional(self.database.read())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Lists the active links of a video, newest first.
    pub async fn list(&self, video: VideoId, now: UnixMillis) -> Result<Vec<Share>, SharesError> {
        let rows = sqlx::query(LIST)
            .bind(video.to_string())
            .bind(sql(now))
            .bind(i64::from(MAX_SHARES))
            .fetch_all(self.database.read())
            .await?;
        rows.iter().map(read).collect()
    }

    /// Revokes a link of that video permanently. Returns whether the link exists; revoking it again
    /// changes nothing.
    pub async fn revoke(
        &self,
        video: VideoId,
        id: ShareId,
        now: UnixMillis,
    ) -> Result<bool, SharesError> {
        let mut tx = self.database.write().await?;
        let revoked = sqlx::query(REVOKE)
            .bind(sql(now))
            .bind(id.to_string())
            .bind(video.to_string())
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(revoked > 0)
    }

    /// Records a use of a link; only the latest use is kept.
    pub async fn note_use(&self, id: ShareId, now: UnixMillis) -> Result<(), SharesError> {
        let mut tx = self.database.write().await?;
        sqlx::query(
            "UPDATE shares SET used_ms = $1 WHERE id = $2 AND (used_ms IS NULL OR used_ms < $1)",
        )
        .bind(sql(now))
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Removes links that ended before `before_ms`, and returns their number.
    pub async fn prune(&self, before_ms: UnixMillis) -> Result<u64, SharesError> {
        let mut removed = 0;
        for statement in [PRUNE_EXPIRED, PRUNE_REVOKED] {
            loop {
                let mut tx = self.database.write().await?;
                let pruned = sqlx::query(statement)
                    .bind(sql(before_ms))
                    .bind(PRUNE_BATCH)
                    .execute(&mut *tx)
                    .await?
                    .rows_affected();
                tx.commit().await?;
                removed += pruned;
                if pruned < PRUNE_BATCH.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(removed)
    }
}

fn read(row: &Row) -> Result<Share, SharesError> {
    let (id, video): (String, String) = (row.try_get("id")?, row.try_get("video")?);
    let corrupt = |what: &str| SharesError::Corrupt {
        detail: format!("link `{id}`: {what}"),
    };
    let max_height: Option<i64> = row.try_get("max_height")?;
    Ok(Share {
        id: id.parse().map_err(|_| corrupt("its id"))?,
        video: video.parse().map_err(|_| corrupt("its video"))?,
        label: row.try_get("label")?,
        // An invalid limit is an error: ignoring it would remove the limit.
        max_height: max_height
            .map(u32::try_from)
            .transpose()
            .map_err(|_| corrupt("its height"))?,
        created_by: row.try_get("created_by")?,
        created_ms: time(row.try_get("created_ms")?),
        expires_ms: time(row.try_get("expires_ms")?),
        used_ms: row.try_get::<Option<i64>, _>("used_ms")?.map(time),
        revoked_ms: row.try_get::<Option<i64>, _>("revoked_ms")?.map(time),
    })
}

impl From<sqlx::Error> for SharesError {
    fn from(source: sqlx::Error) -> Self {
        if is_corrupt(&source) {
            return Self::Corrupt {
                detail: source.to_string(),
            };
        }
        Self::Unavailable {
            source: source.into(),
        }
    }
}
