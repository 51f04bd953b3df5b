//! The log of an endpoint, and deliveries that its owner sends manually.

use domain::ids::VideoId;
use domain::time::UnixMillis;
use domain::webhook::{DeliveryId, EndpointId, EventId, EventType};

use super::endpoints::lock;
use super::rows;
use super::{Webhooks, random};
use crate::database::{Kind, Row, Tx, sql};
use crate::webhooks::{
    Delivery, DeliveryFilter, DeliveryPage, DeliveryStatus, Endpoint, WebhookError, payload,
};

/// The columns that [`rows::delivery`] reads.
macro_rules! read_deliveries {
    ($which:literal) => {
        concat!(
            "SELECT d.id, d.endpoint, d.event, d.status, d.attempts, d.created_ms, d.next_ms, d.settled_ms,
                d.last_attempt_ms, d.last_status, d.last_error, d.last_duration_ms,
                e.type AS event_type, e.video AS event_video, e.at_ms AS event_ms
             FROM webhook_deliveries d JOIN events e ON e.id = d.event ",
            $which
        )
    };
}

const READ_ONE: &str = read_deliveries!("WHERE d.id = $1 AND d.endpoint = $2");

const READ_PAGE: &str =
    read_deliveries!("WHERE d.endpoint = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3");

/// A statement of its own, which uses another index.
const READ_PAGE_OF_STATUS: &str = read_deliveries!(
    "WHERE d.endpoint = $1 AND d.id < $2 AND d.status = $4 ORDER BY d.id DESC LIMIT $3"
);

const READ_OF_VIDEO: &str = read_deliveries!(
    "JOIN webhook_endpoints w ON w.id = d.endpoint
     WHERE e.video = $1 AND (CAST($2 AS TEXT) IS NULL OR w.owner = $2) ORDER BY d.id DESC LIMIT $3"
);

impl Webhooks {
    /// Deliveries of the events of a video, newest first. `owner`: only to endpoints of this owner.
    pub async fn deliveries_of_video(
        &self,
        video: VideoId,
        owner: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Delivery>, WebhookError> {
        let found = sqlx::query(READ_OF_VIDEO)
            .bind(video.to_string())
            .bind(owner)
            .bind(i64::from(limit))
            .fetch_all(self.database.read())
            .await?;
        found.iter().map(rows::delivery).collect()
    }

    /// Lists deliveries, newest first.
    pub async fn deliveries(&self, filter: &DeliveryFilter) -> Result<DeliveryPage, WebhookError> {
        let status = filter.status.map(|it| match it {
            DeliveryStatus::Pending => "pending",
            DeliveryStatus::Delivered => "delivered",
            DeliveryStatus::Failed => "failed",
        });
        let after = filter
            .after
            .unwrap_or(DeliveryId::new(u64::MAX, [u8::MAX; 10]));
        let mut query = sqlx::query(match status {
            Some(_) => READ_PAGE_OF_STATUS,
            None => READ_PAGE,
        })
        .bind(filter.endpoint.to_string())
        .bind(after.to_string())
        .bind(i64::from(filter.limit) + 1);
        if let Some(status) = status {
            query = query.bind(status);
        }
        let found = query.fetch_all(self.database.read()).await?;
        let mut deliveries = found
            .iter()
            .map(rows::delivery)
            .collect::<Result<Vec<_>, _>>()?;
        let more = deliveries.len() > filter.limit as usize;
        deliveries.truncate(filter.limit as usize);
        let next = if more {
            deliveries.last().map(|it| it.id)
        } else {
            None
        };
        Ok(DeliveryPage { deliveries, next })
    }

    /// Queues a `test` event for one endpoint.
    pub async fn send_test(
        &self,
        endpoint: EndpointId,
        now: UnixMillis,
    ) -> Result<Delivery, WebhookError> {
        let mut tx = self.write().await?;
        lock_active(&mut tx, self.database.kind(), endpoint).await?;
        let event = EventId::new(now.get(), random()?);
        sqlx::query(
            "INSERT INTO events (id, sequence, type, at_ms, payload, shared_ms) VALUES ($1, 0, $2, $3, $4, $3)",
        )
        .bind(event.to_string())
        .bind(EventType::Test.as_str())
        .bind(sql(now))
        .bind(payload::of_test(endpoint, now))
        .execute(&mut *tx)
        .await?;
        let delivery = insert(&mut tx, endpoint, &event.to_string(), None, now).await?;
        self.finish(tx, endpoint, delivery).await
    }

    /// Sends an event again, as a new delivery that is not ordered after others. A pending delivery
    /// is retried at once instead.
    pub async fn replay(
        &self,
        endpoint: EndpointId,
        delivery: DeliveryId,
        now: UnixMillis,
    ) -> Result<Delivery, WebhookError> {
        let mut tx = self.write().await?;
        lock_active(&mut tx, self.database.kind(), endpoint).await?;
        let old = rows::delivery(&read(&mut tx, endpoint, delivery).await?)?;
        if old.status == DeliveryStatus::Pending {
            sqlx::query(
                "UPDATE webhook_deliveries SET next_ms = $1 WHERE id = $2 AND next_ms > $1",
            )
            .bind(sql(now))
            .bind(delivery.to_string())
            .execute(&mut *tx)
            .await?;
            return self.finish(tx, endpoint, delivery).await;
        }
        let new = insert(&mut tx, endpoint, &old.event.to_string(), None, now).await?;
        self.finish(tx, endpoint, new).await
    }

    /// Commits the change of a delivery, and wakes the dispatcher of this process.
    async fn finish(
        &self,
        mut tx: Tx,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Result<Delivery, WebhookError> {
        let delivery = rows::delivery(&read(&mut tx, endpoint, delivery).await?)?;
        tx.commit().await?;
        self.wake.notify_one();
        Ok(delivery)
    }
}

/// Locks an active endpoint.
async fn lock_active(
    tx: &mut Tx,
    kind: Kind,
    endpoint: EndpointId,
) -> Result<Endpoint, WebhookError> {
    let found = rows::endpoint(&lock(tx, kind, endpoint).await?)?;
    if found.disabled.is_some() {
        Err(WebhookError::Disabled(endpoint))
    } else {
        Ok(found)
    }
}

async fn read(
    tx: &mut Tx,
    endpoint: EndpointId,
    delivery: DeliveryId,
) -> Result<Row, WebhookError> {
    let row = sqlx::query(READ_ONE)
        .bind(delivery.to_string())
        .bind(endpoint.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    row.ok_or(WebhookError::NoSuchDelivery(delivery))
}

/// Inserts a delivery that is due. `order`: the video, and the position in its order; without it,
/// the delivery is not ordered with others.
pub(super) async fn insert(
    tx: &mut Tx,
    endpoint: EndpointId,
    event: &str,
    order: Option<(&str, i64)>,
    now: UnixMillis,
) -> Result<DeliveryId, WebhookError> {
    let id = DeliveryId::new(now.get(), random()?);
    sqlx::query(
        "INSERT INTO webhook_deliveries (id, endpoint, event, video, sequence, status, attempts, created_ms, next_ms,
            lease_until_ms)
         VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, $6, 0)",
    )
    .bind(id.to_string())
    .bind(endpoint.to_string())
    .bind(event)
    .bind(order.map(|it| it.0))
    .bind(order.map_or(0, |it| it.1))
    .bind(sql(now))
    .execute(&mut **tx)
    .await?;
    Ok(id)
}
