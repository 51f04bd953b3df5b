//! Claims due deliveries, and records their results.

use std::collections::HashMap;
use std::time::Duration;

use domain::time::UnixMillis;
use domain::webhook::{EndpointId, EventId, EventType, retry};
use sqlx::Row as _;

use super::endpoints::{READ, disable, lock};
use super::order::{self, Due};
use super::rows::{self, count, parse};
use super::{Webhooks, random};
use crate::database::{Row, Tx, retried, sql, text, time};
use crate::videos::TracedWork;
use crate::videos::sql::traces::stored;
use crate::webhooks::{
    AttemptOutcome, DeliveryAttempt, DeliveryOutcome, DisabledReason, Dispatch, Endpoint,
    WebhookError,
};

/// Whether any delivery may be due: most polls find none, and need not wait for writers. Without the order, PostgreSQL
/// would read the table if it expects many.
const ANY_DUE: &str = "
    SELECT 1 FROM webhook_deliveries WHERE status = 'pending' AND next_ms <= $1 AND lease_until_ms <= $1
    ORDER BY next_ms LIMIT 1";

/// Repeats the conditions: another process may have claimed deliveries since the due ones were read.
const LEASE: &str = "
    UPDATE webhook_deliveries SET lease = $1, lease_until_ms = $2, attempts = attempts + 1,
        first_attempt_ms = coalesce(first_attempt_ms, $3)
    WHERE id = $4 AND status = 'pending' AND next_ms <= $3 AND lease_until_ms <= $3
    RETURNING endpoint, event, attempts, first_attempt_ms";

impl Webhooks {
    /// Leases due deliveries: at most `limit`, and at most `per_endpoint` per endpoint, counting
    /// those of other dispatchers. Of the pending deliveries of a video to an endpoint, only the
    /// earliest can be claimed.
    pub async fn claim(
        &self,
        limit: u32,
        per_endpoint: u32,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<Vec<Dispatch>, WebhookError> {
        let any = sqlx::query(ANY_DUE)
            .bind(sql(now))
            .fetch_optional(self.database.read())
            .await?;
        if limit == 0 || any.is_none() {
            return Ok(vec![]);
        }
        loop {
            let (due, dispatches) =
                retried(|| self.try_claim(limit, per_endpoint, lease, now)).await?;
            let mut postponed = 0;
            for endpoint in due.crowded {
                postponed += self.postpone(endpoint, now).await?;
            }
            // Other dispatchers claimed all deliveries that this one saw, or those were postponed:
            // later ones may be due too.
            if (due.deliveries.is_empty() && postponed == 0) || !dispatches.is_empty() {
                return Ok(dispatches);
            }
        }
    }

    /// Claims deliveries that others do not claim at the same time, and returns those that it saw.
    async fn try_claim(
        &self,
        limit: u32,
        per_endpoint: u32,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<(Due, Vec<Dispatch>), WebhookError> {
        let mut tx = self.write().await?;
        let due = order::due(&mut tx, self.database.kind(), limit, per_endpoint, now).await?;
        let mut endpoints = HashMap::new();
        let mut dispatches = Vec::with_capacity(due.deliveries.len());
        for id in &due.deliveries {
            let token = domain::ids::hex(&random()?);
            let leased = sqlx::query(LEASE)
                .bind(&token)
                .bind(sql(now + lease))
                .bind(sql(now))
                .bind(id)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(row) = leased else { continue };
            let endpoint = endpoint_of(&mut tx, &row, &mut endpoints).await?;
            dispatches.push(dispatch(&mut tx, id, &row, endpoint, token).await?);
        }
        tx.commit().await?;
        Ok((due, dispatches))
    }

    /// Records the result of a dispatch, and returns the consequence. An endpoint that answers 410,
    /// or that has failed for three days, is disabled.
    pub async fn record_attempt(
        &self,
        dispatch: &Dispatch,
        attempted: &DeliveryAttempt,
        now: UnixMillis,
    ) -> Result<DeliveryOutcome, WebhookError> {
        retried(|| self.try_settle(dispatch, attempted, now)).await
    }

    async fn try_settle(
        &self,
        dispatch: &Dispatch,
        attempted: &DeliveryAttempt,
        now: UnixMillis,
    ) -> Result<DeliveryOutcome, WebhookError> {
        let mut tx = self.write().await?;
        let endpoint = match lock(&mut tx, self.database.kind(), dispatch.endpoint.id).await {
            Ok(row) => rows::endpoint(&row)?,
            // The endpoint was deleted in the meantime, and its log with it.
            Err(WebhookError::NoSuchEndpoint(_)) => {
                return Err(WebhookError::LeaseLost(dispatch.delivery));
            }
            Err(other) => return Err(other),
        };
        let settled = match attempted.outcome {
            AttemptOutcome::Delivered => DeliveryOutcome::Delivered,
            AttemptOutcome::Failed {
                retry_ms: Some(_), ..
            } => DeliveryOutcome::Pending,
            AttemptOutcome::Failed { retry_ms: None, .. } | AttemptOutcome::Gone => {
                DeliveryOutcome::Failed
            }
        };
        note(&mut tx, dispatch, attempted, settled, now).await?;
        if settled != DeliveryOutcome::Pending {
            order::resume_next(&mut tx, dispatch.delivery, now).await?;
        }
        let disabled =
            note_at_endpoint(&mut tx, &endpoint, dispatch, attempted.outcome, now).await?;
        tx.commit().await?;
        Ok(disabled.map_or(settled, DeliveryOutcome::Disabled))
    }
}

async fn endpoint_of(
    tx: &mut Tx,
    delivery: &Row,
    known: &mut HashMap<String, Endpoint>,
) -> Result<Endpoint, WebhookError> {
    let id: String = delivery.try_get("endpoint")?;
    if let Some(endpoint) = known.get(&id) {
        return Ok(endpoint.clone());
    }
    let row = sqlx::query(READ).bind(&id).fetch_one(&mut **tx).await?;
    let endpoint = rows::endpoint(&row)?;
    known.insert(id, endpoint.clone());
    Ok(endpoint)
}

async fn dispatch(
    tx: &mut Tx,
    delivery: &str,
    row: &Row,
    endpoint: Endpoint,
    lease: String,
) -> Result<Dispatch, WebhookError> {
    let event_id: String = row.try_get("event")?;
    let event = sqlx::query(
        "SELECT e.type, e.payload, e.at_ms, t.parent, t.at_ms AS traced_ms FROM events e
         LEFT JOIN video_traces t ON t.video = e.video AND t.work = $2 WHERE e.id = $1",
    )
    .bind(&event_id)
    .bind(TracedWork::VIDEO.as_str())
    .fetch_one(&mut **tx)
    .await?;
    let parent: Option<String> = event.try_get("parent")?;
    let traced_ms: Option<i64> = event.try_get("traced_ms")?;
    Ok(Dispatch {
        delivery: parse("delivery id", delivery)?,
        endpoint,
        event: parse::<EventId>("event id", &event_id)?,
        kind: parse::<EventType>("event type", &event.try_get::<String, _>("type")?)?,
        event_ms: time(event.try_get("at_ms")?),
        payload: event.try_get("payload")?,
        attempt: count(row.try_get("attempts")?),
        first_ms: time(row.try_get("first_attempt_ms")?),
        trace: parent
            .zip(traced_ms)
            .and_then(|(parent, at)| stored(&parent, at)),
        lease,
    })
}

/// Records the result of an attempt. A delivery that failed permanently in the meantime, because
/// its endpoint was disabled, stays failed unless it did arrive.
async fn note(
    tx: &mut Tx,
    dispatch: &Dispatch,
    attempted: &DeliveryAttempt,
    settled: DeliveryOutcome,
    now: UnixMillis,
) -> Result<(), WebhookError> {
    let retry_ms = match attempted.outcome {
        AttemptOutcome::Failed { retry_ms, .. } => retry_ms,
        AttemptOutcome::Delivered | AttemptOutcome::Gone => None,
    };
    let status = match settled {
        DeliveryOutcome::Delivered => "delivered",
        DeliveryOutcome::Pending => "pending",
        DeliveryOutcome::Failed | DeliveryOutcome::Disabled(_) => "failed",
    };
    let changed = sqlx::query(
        "UPDATE webhook_deliveries SET
            status = CASE WHEN status = 'pending' OR $1 = 'delivered' THEN $1 ELSE status END,
            settled_ms = CASE WHEN status = 'pending' AND $1 = 'pending' THEN NULL ELSE coalesce(settled_ms, $2) END,
            next_ms = coalesce($3, next_ms), lease = NULL, lease_until_ms = 0,
            last_attempt_ms = $4, last_status = $5, last_error = $6, last_duration_ms = $7
         WHERE id = $8 AND lease = $9",
    )
    .bind(status)
    .bind(sql(now))
    .bind(retry_ms.map(sql))
    .bind(sql(now - Duration::from_millis(attempted.duration_ms)))
    .bind(attempted.status.map(i64::from))
    .bind(attempted.error.as_deref().map(text))
    .bind(sql(attempted.duration_ms))
    .bind(dispatch.delivery.to_string())
    .bind(&dispatch.lease)
    .execute(&mut **tx)
    .await?
    .rows_affected();
    if changed == 0 {
        Err(WebhookError::LeaseLost(dispatch.delivery))
    } else {
        Ok(())
    }
}

/// Records the result at the endpoint, and disables it if necessary.
async fn note_at_endpoint(
    tx: &mut Tx,
    endpoint: &Endpoint,
    dispatch: &Dispatch,
    outcome: AttemptOutcome,
    now: UnixMillis,
) -> Result<Option<DisabledReason>, WebhookError> {
    // Counted from the first attempt: the last attempt at the same delivery is made three days
    // after that.
    let failed_ms = if dispatch.attempt == 1 {
        dispatch.first_ms
    } else {
        now
    };
    let (failing_since_ms, paused_until_ms) = match outcome {
        AttemptOutcome::Delivered => (None, endpoint.paused_until_ms),
        AttemptOutcome::Failed { pause_until_ms, .. } => (
            Some(endpoint.failing_since_ms.unwrap_or(failed_ms)),
            endpoint
                .paused_until_ms
                .max(pause_until_ms.unwrap_or_default()),
        ),
        AttemptOutcome::Gone => (endpoint.failing_since_ms, endpoint.paused_until_ms),
    };
    if failing_since_ms != endpoint.failing_since_ms || paused_until_ms != endpoint.paused_until_ms
    {
        set_health(tx, endpoint.id, failing_since_ms, paused_until_ms).await?;
    }
    let (reason, message) = match outcome {
        AttemptOutcome::Gone => (
            DisabledReason::Gone,
            "the endpoint responded with 410: it was disabled",
        ),
        AttemptOutcome::Failed { .. }
            if failing_since_ms.is_some_and(|it| retry::is_hopeless(it, now)) =>
        {
            (
                DisabledReason::Failing,
                "the endpoint had failed for three days",
            )
        }
        AttemptOutcome::Failed { .. } | AttemptOutcome::Delivered => return Ok(None),
    };
    if endpoint.disabled.is_some() {
        return Ok(None);
    }
    disable(tx, endpoint.id, reason, message, now).await?;
    Ok(Some(reason))
}

async fn set_health(
    tx: &mut Tx,
    endpoint: EndpointId,
    failing_since_ms: Option<UnixMillis>,
    paused_until_ms: UnixMillis,
) -> Result<(), WebhookError> {
    sqlx::query(
        "UPDATE webhook_endpoints SET failing_since_ms = $1, paused_until_ms = $2 WHERE id = $3",
    )
    .bind(failing_since_ms.map(sql))
    .bind(sql(paused_until_ms))
    .bind(endpoint.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
