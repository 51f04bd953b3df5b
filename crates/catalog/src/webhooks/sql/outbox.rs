//! Fans events out of the outbox to endpoints, and removes old ones.

use domain::time::UnixMillis;
use domain::webhook::EventType;
use sqlx::Row as _;

use super::rows::{parse, wanted};
use super::{Webhooks, log};
use crate::database::{Row, Tx, retried, sql};
use crate::webhooks::{Pruned, WebhookError};

/// Number of rows removed in one transaction, so that other writers do not wait long.
const PRUNE_BATCH: i64 = 400;

impl Webhooks {
    /// Creates the deliveries of at most `limit` new events, and returns the number of events.
    /// Disabled endpoints get none.
    pub async fn fan_out(&self, limit: u32, now: UnixMillis) -> Result<u64, WebhookError> {
        retried(|| self.try_fan_out(limit, now)).await
    }

    async fn try_fan_out(&self, limit: u32, now: UnixMillis) -> Result<u64, WebhookError> {
        // Most polls find none, and need not wait for writers.
        let new = sqlx::query("SELECT 1 FROM events WHERE shared_ms IS NULL LIMIT 1");
        if new.fetch_optional(self.database.read()).await?.is_none() {
            return Ok(0);
        }
        let mut tx = self.write().await?;
        // One dispatcher at a time: a later delivery of a video must not become visible before an
        // earlier one.
        sqlx::query("UPDATE webhook_sharing SET turns = turns + 1 WHERE one = 1")
            .execute(&mut *tx)
            .await?;
        // Ordered by video and not by time: clocks differ, the order within a video does not.
        let events = sqlx::query(
            "SELECT e.id, e.video, e.sequence, e.type, coalesce(e.owner, v.owner) AS owner
             FROM events e JOIN videos v ON v.id = e.video
             WHERE e.shared_ms IS NULL ORDER BY e.video, e.sequence LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await?;
        for event in &events {
            share_one(&mut tx, event, now).await?;
        }
        tx.commit().await?;
        Ok(events.len() as u64)
    }

    /// Removes deliveries that were settled before `before_ms`, and events without deliveries.
    pub async fn prune(&self, before_ms: UnixMillis) -> Result<Pruned, WebhookError> {
        retried(|| self.try_prune(before_ms)).await
    }

    async fn try_prune(&self, before_ms: UnixMillis) -> Result<Pruned, WebhookError> {
        let deliveries = self
            .prune_by(
                "DELETE FROM webhook_deliveries WHERE id IN (
                    SELECT id FROM webhook_deliveries WHERE settled_ms < $1 ORDER BY settled_ms LIMIT $2
                 )",
                before_ms,
            )
            .await?;
        let events = self
            .prune_by(
                "DELETE FROM events WHERE id IN (
                    SELECT e.id FROM events e WHERE e.at_ms < $1 AND e.shared_ms IS NOT NULL
                        AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event = e.id)
                    ORDER BY e.at_ms LIMIT $2
                 )",
                before_ms,
            )
            .await?;
        Ok(Pruned { deliveries, events })
    }

    async fn prune_by(
        &self,
        statement: &'static str,
        before_ms: UnixMillis,
    ) -> Result<u64, WebhookError> {
        let mut removed = 0;
        loop {
            let mut tx = self.write().await?;
            let result = sqlx::query(statement)
                .bind(sql(before_ms))
                .bind(PRUNE_BATCH)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            removed += result.rows_affected();
            if result.rows_affected() < PRUNE_BATCH.unsigned_abs() {
                return Ok(removed);
            }
        }
    }
}

/// Creates the deliveries of one event, and marks the event as fanned out.
async fn share_one(tx: &mut Tx, event: &Row, now: UnixMillis) -> Result<(), WebhookError> {
    let (id, video): (String, String) = (event.try_get("id")?, event.try_get("video")?);
    let sequence: i64 = event.try_get("sequence")?;
    let kind: EventType = parse("event type", &event.try_get::<String, _>("type")?)?;
    let endpoints = sqlx::query(
        "SELECT id, types FROM webhook_endpoints
         WHERE disabled_ms IS NULL AND (owner IS NULL OR owner = CAST($1 AS TEXT)) ORDER BY id",
    )
    .bind(event.try_get::<Option<String>, _>("owner")?)
    .fetch_all(&mut **tx)
    .await?;
    for endpoint in &endpoints {
        if wanted(
            endpoint.try_get::<Option<String>, _>("types")?.as_deref(),
            kind,
        )? {
            let endpoint = parse("webhook id", &endpoint.try_get::<String, _>("id")?)?;
            log::insert(tx, endpoint, &id, Some((&video, sequence)), now).await?;
        }
    }
    sqlx::query("UPDATE events SET shared_ms = $1 WHERE id = $2")
        .bind(sql(now))
        .bind(&id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
