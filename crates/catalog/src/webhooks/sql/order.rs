//! Which deliveries are due, and those that wait for an earlier one of their video.

use domain::time::UnixMillis;
use domain::webhook::{DeliveryId, EndpointId};

use super::Webhooks;
use super::endpoints::lock;
use super::rows::parse;
use crate::database::{Kind, Tx, retried, sql};
use crate::webhooks::WebhookError;

/// Due deliveries.
pub(super) struct Due {
    pub(super) deliveries: Vec<String>,
    /// Endpoints with so many deliveries that wait for others that not all were seen: see [`Webhooks::postpone`].
    pub(super) crowded: Vec<EndpointId>,
}

/// The oldest first: as many of an endpoint as it has room for, so that a slow endpoint does not
/// delay the others. `due` has `id`, `endpoint`, `next_ms` and the place among those of the endpoint.
macro_rules! within_room {
    () => {
        ", busy AS (
            SELECT endpoint, count(*) AS number FROM webhook_deliveries
            WHERE status = 'pending' AND lease_until_ms > 0 AND lease_until_ms > $1 GROUP BY endpoint
        ), room AS (
            SELECT due.id, due.next_ms FROM due LEFT JOIN busy ON busy.endpoint = due.endpoint
            WHERE due.place + coalesce(busy.number, 0) <= $2
            ORDER BY due.next_ms, due.id LIMIT $3
        )
        SELECT id, next_ms, CAST(0 AS BIGINT) AS is_crowded FROM room"
    };
}

/// Sorts all deliveries that are due.
const DUE_IN_SQLITE: &str = concat!(
    "WITH due AS (
        SELECT d.id, d.endpoint, d.next_ms,
            row_number() OVER (PARTITION BY d.endpoint ORDER BY d.next_ms, d.sequence, d.id) AS place
        FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint
        WHERE d.status = 'pending' AND d.next_ms <= $1 AND d.lease_until_ms <= $1
          AND w.disabled_ms IS NULL AND w.paused_until_ms <= $1
          AND NOT EXISTS (
            SELECT 1 FROM webhook_deliveries b
            WHERE b.endpoint = d.endpoint AND b.video = d.video AND b.status = 'pending' AND b.sequence < d.sequence
          )
    )",
    within_room!(),
    " ORDER BY next_ms, id"
);

/// The first due deliveries of an endpoint, in an index.
macro_rules! first_of {
    ($endpoint:literal) => {
        concat!(
            "SELECT id, endpoint, video, sequence, next_ms FROM webhook_deliveries WHERE endpoint = ",
            $endpoint,
            " AND status = 'pending' AND next_ms <= $1 AND lease_until_ms <= $1
             ORDER BY next_ms, sequence, id LIMIT 40"
        )
    };
}

/// When the delivery for which `d` waits is sent: the earliest one of its video. A join would read all deliveries.
macro_rules! waits_until {
    () => {
        "(SELECT greatest(b.next_ms, b.lease_until_ms) FROM webhook_deliveries b
          WHERE b.endpoint = d.endpoint AND b.video = d.video AND b.status = 'pending' AND b.sequence < d.sequence
          ORDER BY b.sequence LIMIT 1)"
    };
}

/// Goes from endpoint to endpoint in an index, and reads the first due deliveries of each: after an outage, hundreds of
/// thousands are due.
const DUE_IN_POSTGRES: &str = concat!(
    "WITH RECURSIVE waiting AS (
        (SELECT endpoint FROM webhook_deliveries WHERE status = 'pending' ORDER BY endpoint LIMIT 1)
        UNION ALL
        SELECT (SELECT d.endpoint FROM webhook_deliveries d WHERE d.status = 'pending' AND d.endpoint > waiting.endpoint
                ORDER BY d.endpoint LIMIT 1)
        FROM waiting WHERE waiting.endpoint IS NOT NULL
    ), seen AS (
        SELECT d.id, d.endpoint, d.next_ms, d.sequence, ",
    waits_until!(),
    " AS waits_until_ms
        FROM waiting JOIN webhook_endpoints w ON w.id = waiting.endpoint
        CROSS JOIN LATERAL (",
    first_of!("w.id"),
    ") AS d
        WHERE w.disabled_ms IS NULL AND w.paused_until_ms <= $1
    ), due AS (
        SELECT id, endpoint, next_ms, row_number() OVER (PARTITION BY endpoint ORDER BY next_ms, sequence, id) AS place
        FROM seen WHERE waits_until_ms IS NULL
    )",
    within_room!(),
    " UNION ALL (
        SELECT endpoint, 0, 1 FROM seen GROUP BY endpoint
        HAVING count(*) = 40 AND count(CASE WHEN waits_until_ms > next_ms THEN 1 END) > 0
            AND count(CASE WHEN waits_until_ms IS NULL THEN 1 END) < $2
        LIMIT 5
    ) ORDER BY is_crowded, next_ms, id"
);

const POSTPONE: &str = concat!(
    "UPDATE webhook_deliveries SET next_ms = later.until_ms FROM (SELECT d.id, ",
    waits_until!(),
    " AS until_ms FROM (",
    first_of!("$2"),
    ") AS d) AS later
     WHERE webhook_deliveries.id = later.id AND webhook_deliveries.next_ms < later.until_ms
        AND webhook_deliveries.status = 'pending'"
);

const RESUME: &str = "
    UPDATE webhook_deliveries SET next_ms = $1 WHERE next_ms > $1 AND attempts = 0 AND id = (
        SELECT b.id FROM webhook_deliveries d JOIN webhook_deliveries b ON b.endpoint = d.endpoint AND b.video = d.video
        WHERE d.id = $2 AND b.status = 'pending' ORDER BY b.sequence LIMIT 1
    )";

impl Webhooks {
    /// Moves due deliveries of an endpoint that wait for others to the time at which these are sent, and returns their
    /// number. Otherwise, each claim would read them before it finds those that can be sent.
    pub(super) async fn postpone(
        &self,
        endpoint: EndpointId,
        now: UnixMillis,
    ) -> Result<u64, WebhookError> {
        retried(|| async {
            let mut tx = self.write().await?;
            // Otherwise, the delivery for which they wait could be settled meanwhile.
            match lock(&mut tx, self.database.kind(), endpoint).await {
                Ok(_) => {}
                Err(WebhookError::NoSuchEndpoint(_)) => return Ok(0),
                Err(other) => return Err(other),
            }
            let postponed = sqlx::query(POSTPONE)
                .bind(sql(now))
                .bind(endpoint.to_string())
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok(postponed.rows_affected())
        })
        .await
    }
}

/// Finds due deliveries: at most `limit`, and at most `per_endpoint` of an endpoint, with those that are being sent.
pub(super) async fn due(
    tx: &mut Tx,
    kind: Kind,
    limit: u32,
    per_endpoint: u32,
    now: UnixMillis,
) -> Result<Due, WebhookError> {
    let statement = match kind {
        Kind::Sqlite => DUE_IN_SQLITE,
        Kind::Postgres => DUE_IN_POSTGRES,
    };
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(statement)
        .bind(sql(now))
        .bind(i64::from(per_endpoint))
        .bind(i64::from(limit))
        .fetch_all(&mut **tx)
        .await?;
    let (crowded, deliveries): (Vec<_>, Vec<_>) = rows.into_iter().partition(|it| it.2 == 1);
    Ok(Due {
        deliveries: deliveries.into_iter().map(|it| it.0).collect(),
        crowded: crowded
            .iter()
            .map(|it| parse("webhook id", &it.0))
            .collect::<Result<_, _>>()?,
    })
}

/// Sends the delivery that waited for this one, which is settled: see [`Webhooks::postpone`]. The endpoint is locked.
pub(super) async fn resume_next(
    tx: &mut Tx,
    settled: DeliveryId,
    now: UnixMillis,
) -> Result<(), WebhookError> {
    sqlx::query(RESUME)
        .bind(sql(now))
        .bind(settled.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}
