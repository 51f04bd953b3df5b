//! Counts of views.

use domain::ids::VideoId;
use domain::viewing::{Hour, Totals, VideoHour};
use sqlx::Row as _;

use super::Catalog;
use crate::database::{retried, sql, unsigned};
use crate::videos::CatalogError;

/// Videos and hours of one transaction, so that other writers do not wait long.
const AT_ONCE: usize = 50;

/// The casts give the parameters their types: in PostgreSQL, those of a SELECT have none by themselves. A sum does not
/// grow any more long after every real value, because an overflow would fail.
const ADD: &str = "INSERT INTO view_counts (video, hour, counter, amount)
    SELECT id, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT)
    FROM videos WHERE id = $1 AND state <> 'deleted'
    ON CONFLICT (video, hour, counter) DO UPDATE SET amount = CASE
        WHEN view_counts.amount < 4611686018427387904 THEN view_counts.amount + excluded.amount
        ELSE view_counts.amount END";

/// The largest amount that is added at once, so that the sum fits into SQL's type.
const MOST_AT_ONCE: u64 = 1 << 60;

const READ: &str = "SELECT hour, counter, amount FROM view_counts
    WHERE video = $1 AND hour >= $2 AND hour < $3 ORDER BY hour, counter";

/// Rows removed in one transaction.
const PRUNE_BATCH: i64 = 500;

const PRUNE: &str = "DELETE FROM view_counts WHERE (video, hour, counter) IN (
    SELECT video, hour, counter FROM view_counts WHERE hour < $1 ORDER BY hour LIMIT $2)";

impl Catalog {
    /// Adds to the counts of views, in transactions of 50 videos and hours. Counts of videos that do not exist, or were
    /// deleted, are left out. Returns how many elements were added: if the database fails, the others can be added later.
    /// Pass them in the order of videos, so that two edges do not wait for each other.
    pub async fn add_views(
        &self,
        all: &[(VideoHour, Totals)],
    ) -> (usize, Result<(), CatalogError>) {
        let mut added = 0;
        for some in all.chunks(AT_ONCE) {
            if let Err(error) = retried(|| self.add_some_views(some)).await {
                return (added, Err(error));
            }
            added += some.len();
        }
        (added, Ok(()))
    }

    async fn add_some_views(&self, some: &[(VideoHour, Totals)]) -> Result<(), CatalogError> {
        let mut tx = self.database.write().await?;
        for ((video, hour), totals) in some {
            for (counter, amount) in totals.counters() {
                sqlx::query(ADD)
                    .bind(video.to_string())
                    .bind(sql(hour.0))
                    .bind(counter)
                    .bind(sql(amount.min(MOST_AT_ONCE)))
                    .execute(&mut *tx)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// The counts of a video, hour by hour from `from` to before `until`. Hours without one are left out.
    pub async fn views(
        &self,
        video: VideoId,
        from: Hour,
        until: Hour,
    ) -> Result<Vec<(Hour, Totals)>, CatalogError> {
        let rows = sqlx::query(READ)
            .bind(video.to_string())
            .bind(sql(from.0))
            .bind(sql(until.0))
            .fetch_all(self.database.read())
            .await?;
        let mut all: Vec<(Hour, Totals)> = vec![];
        for row in rows {
            let hour = Hour(unsigned(row.try_get("hour")?));
            if all.last().is_none_or(|it| it.0 != hour) {
                all.push((hour, Totals::default()));
            }
            let counter: String = row.try_get("counter")?;
            if let Some((_, totals)) = all.last_mut() {
                totals.add(&counter, unsigned(row.try_get("amount")?));
            }
        }
        Ok(all)
    }

    /// Removes the counts of hours before `before`, and returns the number of rows.
    pub async fn prune_views(&self, before: Hour) -> Result<u64, CatalogError> {
        let mut removed = 0;
        loop {
            let mut tx = self.database.write().await?;
            let pruned = sqlx::query(PRUNE)
                .bind(sql(before.0))
                .bind(PRUNE_BATCH)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            tx.commit().await?;
            removed += pruned;
            if pruned < PRUNE_BATCH.unsigned_abs() {
                return Ok(removed);
            }
        }
    }
}
