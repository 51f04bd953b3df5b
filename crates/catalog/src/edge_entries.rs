//! The edge's list in a database, for edges that run over it.

use async_trait::async_trait;
use domain::playback::Entry;
use domain::time::UnixMillis;
use platform::edge_list::{EdgeList, EdgeListError};
use sqlx::Row as _;

use crate::database::{Database, sql};

/// The list of one installation. Clones share the database.
#[derive(Debug, Clone)]
pub struct EdgeEntries {
    database: Database,
}

/// Number of names in one statement; a decision looks up three or four.
const AT_ONCE: usize = 4;

const FIND: &str = "SELECT name, value FROM edge_entries \
     WHERE name IN ($1, $2, $3, $4) AND expires_ms > $5";

const STORE: &str = "INSERT INTO edge_entries (name, value, expires_ms) VALUES ($1, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms";

const SWEEP: &str = "DELETE FROM edge_entries WHERE name IN (SELECT name FROM edge_entries \
     WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT 100)";

impl EdgeEntries {
    /// The list in `database`.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
        }
    }

    async fn read(
        &self,
        names: &[String],
        now: UnixMillis,
    ) -> Result<Vec<(String, String)>, sqlx::Error> {
        let mut found = vec![];
        for names in names.chunks(AT_ONCE) {
            // Repeated names fill the statement, so that it is the same for any number of them.
            let mut query = sqlx::query(FIND);
            for name in names.iter().cycle().take(AT_ONCE) {
                query = query.bind(name.as_str());
            }
            let rows = query.bind(sql(now)).fetch_all(self.database.read()).await?;
            for row in rows {
                found.push((row.try_get("name")?, row.try_get("value")?));
            }
        }
        Ok(found)
    }

    async fn write(&self, entry: &Entry, now: UnixMillis) -> Result<(), sqlx::Error> {
        let expires = UnixMillis::new(
            now.get()
                .saturating_add(entry.seconds.saturating_mul(1_000)),
        );
        let mut tx = self.database.write().await?;
        sqlx::query(STORE)
            .bind(&entry.name)
            .bind(&entry.value)
            .bind(sql(expires))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        // The entry is stored. Where another edge sweeps at the same time, this sweep may fail; a later one removes the
        // rest.
        let _ = self.sweep(now).await;
        Ok(())
    }

    async fn sweep(&self, now: UnixMillis) -> Result<(), sqlx::Error> {
        let mut tx = self.database.write().await?;
        sqlx::query(SWEEP).bind(sql(now)).execute(&mut *tx).await?;
        tx.commit().await
    }
}

#[async_trait]
impl EdgeList for EdgeEntries {
    async fn find(
        &self,
        names: &[String],
        now: u64,
    ) -> Result<Vec<(String, String)>, EdgeListError> {
        let found = self.read(names, millis(now)).await;
        found.map_err(|it| EdgeListError(it.into()))
    }

    /// Also removes entries that have expired.
    async fn store(&self, entry: &Entry, now: u64) -> Result<(), EdgeListError> {
        let stored = self.write(entry, millis(now)).await;
        stored.map_err(|it| EdgeListError(it.into()))
    }
}

fn millis(seconds: u64) -> UnixMillis {
    UnixMillis::new(seconds.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::open_sqlite;

    #[tokio::test]
    async fn expired_entries_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let database = open_sqlite(&folder.path().join("it.db")).await.unwrap();
        let list = EdgeEntries::new(&database);
        for number in 0..3 {
            let entry = Entry {
                name: format!("video/{number}"),
                value: "1".to_owned(),
                seconds: 60,
            };
            list.store(&entry, 100 + number * 50).await.unwrap();
        }
        let left: Vec<(String,)> = sqlx::query_as("SELECT name FROM edge_entries ORDER BY name")
            .fetch_all(database.read())
            .await
            .unwrap();
        assert_eq!(left, [("video/1".to_owned(),), ("video/2".to_owned(),)]);
    }
}
