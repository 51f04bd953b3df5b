//! Webhooks in a database. The SQL is the common subset of SQLite and PostgreSQL.
//!
//! A transaction that changes an endpoint and its deliveries locks the endpoint first, so that two
//! of them acquire locks in the same order.

mod dispatch;
mod endpoints;
mod log;
mod outbox;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::webhook::{DeliveryId, EndpointId};
use tokio::sync::Notify;

use super::{
    Attempted, Delivery, DeliveryFilter, DeliveryPage, Dispatch, Endpoint, EndpointFilter, EndpointPage, EndpointPatch,
    NewEndpoint, Pruned, Settled, WebhookError, WebhookStore,
};
use crate::database::{Database, Tx, is_corrupt, retried};

/// Name of the notifier on which dispatchers wait for events: see [`Database::waker`].
pub(crate) const WAKER: &str = "webhook events";

/// The webhook store in a database.
#[derive(Debug, Clone)]
pub struct SqlWebhooks {
    database: Database,
    wake: Arc<Notify>,
}

impl SqlWebhooks {
    /// The webhook store in `database`.
    pub fn new(database: &Database) -> Self {
        Self { database: database.clone(), wake: database.waker(WAKER) }
    }

    async fn write(&self) -> Result<Tx, WebhookError> {
        Ok(self.database.write().await?)
    }
}

/// Random bytes of a new id.
fn random() -> Result<[u8; 10], WebhookError> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).map_err(|it| WebhookError::Unavailable { source: it.into() })?;
    Ok(bytes)
}

impl From<sqlx::Error> for WebhookError {
    fn from(source: sqlx::Error) -> Self {
        if is_corrupt(&source) {
            return Self::Corrupt { detail: source.to_string() };
        }
        Self::Unavailable { source: source.into() }
    }
}

#[async_trait]
impl WebhookStore for SqlWebhooks {
    async fn create(&self, new: &NewEndpoint, now_ms: u64) -> Result<Endpoint, WebhookError> {
        self.create_endpoint(new, now_ms).await
    }

    async fn get(&self, endpoint: EndpointId) -> Result<Endpoint, WebhookError> {
        self.get_endpoint(endpoint).await
    }

    async fn list(&self, filter: &EndpointFilter) -> Result<EndpointPage, WebhookError> {
        self.list_endpoints(filter).await
    }

    async fn patch(&self, endpoint: EndpointId, patch: &EndpointPatch, now_ms: u64) -> Result<Endpoint, WebhookError> {
        retried(|| self.patch_endpoint(endpoint, patch, now_ms)).await
    }

    async fn replace_secret(&self, endpoint: EndpointId, old: &str, new: &str) -> Result<bool, WebhookError> {
        retried(|| self.replace_sealed(endpoint, old, new)).await
    }

    async fn rotate_secret(
        &self,
        endpoint: EndpointId,
        sealed: &str,
        keep_until_ms: u64,
        now_ms: u64,
    ) -> Result<Endpoint, WebhookError> {
        self.add_secret(endpoint, sealed, keep_until_ms, now_ms).await
    }

    async fn delete(&self, endpoint: EndpointId) -> Result<(), WebhookError> {
        retried(|| self.delete_endpoint(endpoint)).await
    }

    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<DeliveryPage, WebhookError> {
        self.list_deliveries(filter).await
    }

    async fn send_test(&self, endpoint: EndpointId, now_ms: u64) -> Result<Delivery, WebhookError> {
        let delivery = self.add_test(endpoint, now_ms).await?;
        self.wake.notify_one();
        Ok(delivery)
    }

    async fn replay(&self, endpoint: EndpointId, delivery: DeliveryId, now_ms: u64) -> Result<Delivery, WebhookError> {
        let delivery = self.add_replay(endpoint, delivery, now_ms).await?;
        self.wake.notify_one();
        Ok(delivery)
    }

    async fn fan_out(&self, limit: u32, now_ms: u64) -> Result<u64, WebhookError> {
        retried(|| self.share(limit, now_ms)).await
    }

    async fn claim(
        &self,
        limit: u32,
        per_endpoint: u32,
        lease: Duration,
        now_ms: u64,
    ) -> Result<Vec<Dispatch>, WebhookError> {
        self.claim_due(limit, per_endpoint, lease, now_ms).await
    }

    async fn settle(&self, dispatch: &Dispatch, attempted: &Attempted, now_ms: u64) -> Result<Settled, WebhookError> {
        retried(|| self.settle_dispatch(dispatch, attempted, now_ms)).await
    }

    async fn wait(&self, at_most: Duration) {
        // Events written before this call are not missed: `notify_one` stores a permit for the next
        // waiter.
        let _ = tokio::time::timeout(at_most, self.wake.notified()).await;
    }

    async fn prune(&self, before_ms: u64) -> Result<Pruned, WebhookError> {
        retried(|| self.prune_settled(before_ms)).await
    }
}
