//! Accounts in a database. The SQL is the common subset of SQLite and PostgreSQL.

use domain::ids::ApiKeyId;
use domain::time::UnixMillis;
use sqlx::Row as _;

use super::{AccountsError, ApiKey, KEY_SUBJECT, KeyDigest, KeyFilter, KeyPage, NewApiKey};
use crate::database::{Database, Row, is_corrupt, sql, text, time};

/// All API keys of one installation. Clones share the database.
#[derive(Debug, Clone)]
pub struct Accounts {
    database: Database,
}

impl Accounts {
    /// The accounts store in `database`.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
        }
    }

    /// Stores a key. A repeated call with the same id changes nothing and returns the stored key. A
    /// key that is created by a revoked key is revoked from the beginning.
    pub async fn create_key(
        &self,
        new: &NewApiKey,
        now: UnixMillis,
    ) -> Result<ApiKey, AccountsError> {
        let mut tx = self.database.write().await?;
        // The creator's row is locked, so a key that is created while its creator is revoked is
        // seen by one of the two transactions.
        let maker: Option<(Option<i64>,)> = sqlx::query_as(
            "UPDATE api_keys SET used_ms = used_ms WHERE id = $1 RETURNING revoked_ms",
        )
        .bind(new.created_by.strip_prefix(KEY_SUBJECT).unwrap_or_default())
        .fetch_optional(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO api_keys (id, digest, name, owner, scopes, created_by, created_ms, expires_ms, revoked_ms)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
        )
        .bind(new.id.to_string())
        .bind(new.digest.to_hex())
        .bind(text(&new.name))
        .bind(new.owner.as_deref().map(text))
        .bind(new.scopes.to_string())
        .bind(text(&new.created_by))
        .bind(sql(now))
        .bind(new.expires_ms.map(sql))
        .bind(maker.and_then(|it| it.0))
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query(READ_BY_ID)
            .bind(new.id.to_string())
            .fetch_one(&mut *tx)
            .await?;
        let key = read(&row)?;
        tx.commit().await?;
        Ok(key)
    }

    /// Finds a key by the digest of its secret, including expired and revoked keys: check
    /// [`ApiKey::is_live`].
    pub async fn find_key(&self, digest: &KeyDigest) -> Result<Option<ApiKey>, AccountsError> {
        let row = sqlx::query(READ_BY_DIGEST)
            .bind(digest.to_hex())
            .fetch_optional(self.database.read())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Reads a key by its id, including expired and revoked keys.
    pub async fn get_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, AccountsError> {
        let row = sqlx::query(READ_BY_ID)
            .bind(id.to_string())
            .fetch_optional(self.database.read())
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Lists keys, newest first, without revoked ones.
    pub async fn list_keys(&self, filter: &KeyFilter) -> Result<KeyPage, AccountsError> {
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit.min(1_000)
        };
        let rows = sqlx::query(READ_PAGE)
            .bind(&filter.owner)
            .bind(filter.after.map(|it| it.to_string()))
            // One row more than requested shows whether there is another page.
            .bind(i64::from(limit) + 1)
            .fetch_all(self.database.read())
            .await?;
        let mut keys = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let more = keys.len() > limit as usize;
        keys.truncate(limit as usize);
        let next = if more {
            keys.last().map(|it| it.id)
        } else {
            None
        };
        Ok(KeyPage { keys, next })
    }

    /// Revokes a key permanently, together with all keys that it created, directly or indirectly.
    /// Revoking an unknown or revoked key changes nothing.
    pub async fn revoke_key(&self, id: ApiKeyId, now: UnixMillis) -> Result<(), AccountsError> {
        let mut tx = self.database.write().await?;
        sqlx::query("UPDATE api_keys SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL")
            .bind(sql(now))
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        // Repeated until no row changes: another descendant may have been created while this waited
        // for a row lock.
        while sqlx::query(REVOKE_DESCENDANTS)
            .bind(sql(now))
            .bind(id.to_string())
            .bind(KEY_SUBJECT)
            .execute(&mut *tx)
            .await?
            .rows_affected()
            > 0
        {}
        Ok(tx.commit().await?)
    }

    /// Records a use of a key; only the latest use is kept.
    pub async fn note_use(&self, id: ApiKeyId, now: UnixMillis) -> Result<(), AccountsError> {
        let mut tx = self.database.write().await?;
        sqlx::query(
            "UPDATE api_keys SET used_ms = $1 WHERE id = $2 AND (used_ms IS NULL OR used_ms < $1)",
        )
        .bind(sql(now))
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

/// Revokes all descendants of a key: the keys that it created, the keys that those created, and so on.
const REVOKE_DESCENDANTS: &str = "
    WITH RECURSIVE family (id) AS (
        SELECT id FROM api_keys WHERE created_by = CAST($3 AS TEXT) || CAST($2 AS TEXT)
        UNION
        SELECT child.id FROM api_keys child JOIN family ON child.created_by = CAST($3 AS TEXT) || family.id
    )
    UPDATE api_keys SET revoked_ms = $1 WHERE revoked_ms IS NULL AND id IN (SELECT id FROM family)";

const READ_BY_ID: &str = "
    SELECT id, name, owner, scopes, created_by, created_ms, expires_ms, used_ms, revoked_ms
    FROM api_keys WHERE id = $1";

const READ_BY_DIGEST: &str = "
    SELECT id, name, owner, scopes, created_by, created_ms, expires_ms, used_ms, revoked_ms
    FROM api_keys WHERE digest = $1";

const READ_PAGE: &str = "
    SELECT id, name, owner, scopes, created_by, created_ms, expires_ms, used_ms, revoked_ms
    FROM api_keys
    WHERE revoked_ms IS NULL
      AND (CAST($1 AS TEXT) IS NULL OR owner = $1)
      AND (CAST($2 AS TEXT) IS NULL OR id < $2)
    ORDER BY id DESC LIMIT $3";

fn read(row: &Row) -> Result<ApiKey, AccountsError> {
    let id: String = row.try_get("id")?;
    let scopes: String = row.try_get("scopes")?;
    let corrupt = |what: &str| AccountsError::Corrupt {
        detail: format!("API key `{id}`: {what}"),
    };
    Ok(ApiKey {
        id: id.parse().map_err(|_| corrupt("its id"))?,
        name: row.try_get("name")?,
        owner: row.try_get("owner")?,
        // Unknown scopes are an error: a key written by a newer version grants nothing here.
        scopes: scopes.parse().map_err(|_| corrupt("its scopes"))?,
        created_by: row.try_get("created_by")?,
        created_ms: time(row.try_get("created_ms")?),
        expires_ms: row.try_get::<Option<i64>, _>("expires_ms")?.map(time),
        used_ms: row.try_get::<Option<i64>, _>("used_ms")?.map(time),
        revoked_ms: row.try_get::<Option<i64>, _>("revoked_ms")?.map(time),
    })
}

impl From<sqlx::Error> for AccountsError {
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
