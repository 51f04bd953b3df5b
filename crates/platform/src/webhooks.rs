//! Webhooks as the rest of the system sees them: endpoints, and what is on its way to them.
//!
//! Events are written by the catalog, in the transaction of the change that they tell of. From there
//! they are shared out: every endpoint that wants one gets a delivery of its own, which is claimed,
//! sent, and settled. A claim is a lease: nobody else sends that delivery meanwhile, and who dies with
//! it has perhaps sent it, so it is sent again. Of one video, an endpoint gets one event at a time, in
//! order.
//!
//! Implemented by `SqlWebhooks`; each implementation must pass `webhooks::conformance`. All times are
//! Unix milliseconds, and `now_ms` is the caller's clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::webhook::{DeliveryId, EndpointId};

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod model;
pub(crate) mod payload;
pub mod sql;

pub use model::{
    Attempted, Delivery, DeliveryFilter, DeliveryPage, DeliveryStatus, DisabledWhy, Dispatch, Endpoint, EndpointFilter,
    EndpointPage, EndpointPatch, EndpointSecret, LastAttempt, NewEndpoint, Outcome, Pruned, Settled,
};
pub use sql::SqlWebhooks;

/// Most endpoints of one owner.
pub const MAX_ENDPOINTS: u32 = 50;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// No such endpoint, or no more.
    #[error("no webhook `{0}`")]
    NoSuchEndpoint(EndpointId),
    /// The endpoint has no such delivery, or no more.
    #[error("no delivery `{0}`")]
    NoSuchDelivery(DeliveryId),
    /// The owner has as many as he may have.
    #[error("there are {MAX_ENDPOINTS} webhooks already")]
    TooMany,
    /// It gets nothing until somebody enables it.
    #[error("webhook `{0}` is disabled")]
    Disabled(EndpointId),
    /// The lease of a dispatch ended, and somebody else has the delivery or settled it.
    #[error("the lease of delivery `{0}` is lost")]
    LeaseLost(DeliveryId),
    /// A row that this version cannot read.
    #[error("the database holds a row that cannot be read: {detail}")]
    Corrupt {
        /// Which, and what is wrong.
        detail: String,
    },
    /// The database could not be reached, or is busy: another attempt may succeed.
    #[error("the webhooks could not be reached")]
    Unavailable {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// All endpoints of one installation, and all that is on its way to them.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    // Endpoints.

    /// Creates an endpoint. `TooMany` if its owner has [`MAX_ENDPOINTS`].
    async fn create(&self, new: &NewEndpoint, now_ms: u64) -> Result<Endpoint, WebhookError>;

    /// Reads an endpoint.
    async fn get(&self, endpoint: EndpointId) -> Result<Endpoint, WebhookError>;

    /// Reads a page of endpoints, newest first.
    async fn list(&self, filter: &EndpointFilter) -> Result<EndpointPage, WebhookError>;

    /// Changes an endpoint. Disabling gives up what waits for it; enabling forgets that it failed.
    async fn patch(&self, endpoint: EndpointId, patch: &EndpointPatch, now_ms: u64) -> Result<Endpoint, WebhookError>;

    /// Puts a new secret first. The others stay good until `keep_until_ms` at most.
    async fn rotate_secret(
        &self,
        endpoint: EndpointId,
        sealed: &str,
        keep_until_ms: u64,
        now_ms: u64,
    ) -> Result<Endpoint, WebhookError>;

    /// Removes an endpoint and its log. What is being sent at this moment still arrives.
    async fn delete(&self, endpoint: EndpointId) -> Result<(), WebhookError>;

    // Its log.

    /// Reads a page of deliveries, newest first.
    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<DeliveryPage, WebhookError>;

    /// Puts a `test` event on its way to one endpoint.
    async fn send_test(&self, endpoint: EndpointId, now_ms: u64) -> Result<Delivery, WebhookError>;

    /// Sends an event again: as a new delivery, which waits for nothing. One that still waits is tried
    /// at once instead.
    async fn replay(&self, endpoint: EndpointId, delivery: DeliveryId, now_ms: u64) -> Result<Delivery, WebhookError>;

    // On its way.

    /// Makes the deliveries of at most `limit` new events, and says how many events that were. An
    /// endpoint that is disabled gets none.
    async fn share_out(&self, limit: u32, now_ms: u64) -> Result<u64, WebhookError>;

    /// Leases deliveries that are due: at most `limit`, and of one endpoint at most `per_endpoint` at a
    /// time, whoever has them. Of one video, an endpoint gets the earliest that waits, and only that.
    async fn claim(
        &self,
        limit: u32,
        per_endpoint: u32,
        lease: Duration,
        now_ms: u64,
    ) -> Result<Vec<Dispatch>, WebhookError>;

    /// Says how a dispatch ended, and tells what follows. An endpoint that says it is gone, or that has
    /// failed for three days, is disabled.
    async fn settle(&self, dispatch: &Dispatch, attempted: &Attempted, now_ms: u64) -> Result<Settled, WebhookError>;

    /// Waits until there may be something to do because of this process, at most `at_most`: what others
    /// write has to be looked for.
    async fn wait(&self, at_most: Duration);

    /// Removes what was settled before `before_ms`, and events that no delivery tells of any more.
    async fn prune(&self, before_ms: u64) -> Result<Pruned, WebhookError>;
}

/// Webhooks that many parts of a program share.
pub type SharedWebhooks = Arc<dyn WebhookStore>;
