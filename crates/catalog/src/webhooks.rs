//! Webhooks as the rest of the system sees them: endpoints, and deliveries to them.
//!
//! The catalog writes events, in the transaction of the change that they report. They are then
//! fanned out: every subscribed endpoint gets its own delivery, which a dispatcher claims, sends
//! and settles. A claim is a lease: no other dispatcher sends that delivery meanwhile. A dispatcher
//! that dies may have sent it, so it is sent again. An endpoint gets one event of a video at a
//! time, in order.
//!
//! Implemented by `SqlWebhooks`; each implementation must pass `webhooks::conformance`. All times
//! are Unix milliseconds, and `now_ms` is the caller's clock.

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

/// Maximum number of endpoints per owner.
pub const MAX_ENDPOINTS: u32 = 50;

/// An error of the webhook store.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The endpoint does not exist (any more).
    #[error("no webhook `{0}`")]
    NoSuchEndpoint(EndpointId),
    /// The endpoint does not have this delivery (any more).
    #[error("no delivery `{0}`")]
    NoSuchDelivery(DeliveryId),
    /// The owner has reached the limit of endpoints.
    #[error("there are {MAX_ENDPOINTS} webhooks already")]
    TooMany,
    /// The endpoint is disabled: it gets no deliveries until it is enabled.
    #[error("webhook `{0}` is disabled")]
    Disabled(EndpointId),
    /// The lease of a dispatch has expired, and another dispatcher claimed or settled the delivery.
    #[error("the lease of delivery `{0}` is lost")]
    LeaseLost(DeliveryId),
    /// The database holds a row that this version cannot read.
    #[error("the webhook store contains an invalid row: {detail}")]
    Corrupt {
        /// The row, and the field that is invalid.
        detail: String,
    },
    /// The database is unreachable or busy. A retry may succeed.
    #[error("could not access the webhook store")]
    Unavailable {
        /// The database error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The webhook endpoints of one installation, and their deliveries.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    // Endpoints.

    /// Creates an endpoint. `TooMany` if its owner has [`MAX_ENDPOINTS`].
    async fn create(&self, new: &NewEndpoint, now_ms: u64) -> Result<Endpoint, WebhookError>;

    /// Reads an endpoint.
    async fn get(&self, endpoint: EndpointId) -> Result<Endpoint, WebhookError>;

    /// Lists endpoints, newest first.
    async fn list(&self, filter: &EndpointFilter) -> Result<EndpointPage, WebhookError>;

    /// Updates an endpoint. Disabling it fails its pending deliveries; enabling it resets its
    /// failures.
    async fn patch(&self, endpoint: EndpointId, patch: &EndpointPatch, now_ms: u64) -> Result<Endpoint, WebhookError>;

    /// Replaces the stored form of a secret, if the endpoint still has it. Returns whether it did.
    async fn replace_secret(&self, endpoint: EndpointId, old: &str, new: &str) -> Result<bool, WebhookError>;

    /// Adds a new secret in first place. The others stay valid until `keep_until_ms` at most.
    async fn rotate_secret(
        &self,
        endpoint: EndpointId,
        sealed: &str,
        keep_until_ms: u64,
        now_ms: u64,
    ) -> Result<Endpoint, WebhookError>;

    /// Removes an endpoint and its log. A delivery that is being sent at this moment still arrives.
    async fn delete(&self, endpoint: EndpointId) -> Result<(), WebhookError>;

    // The log of an endpoint.

    /// Lists deliveries, newest first.
    async fn deliveries(&self, filter: &DeliveryFilter) -> Result<DeliveryPage, WebhookError>;

    /// Queues a `test` event for one endpoint.
    async fn send_test(&self, endpoint: EndpointId, now_ms: u64) -> Result<Delivery, WebhookError>;

    /// Sends an event again, as a new delivery that is not ordered after others. A pending delivery
    /// is retried at once instead.
    async fn replay(&self, endpoint: EndpointId, delivery: DeliveryId, now_ms: u64) -> Result<Delivery, WebhookError>;

    // Dispatching.

    /// Creates the deliveries of at most `limit` new events, and returns the number of events.
    /// Disabled endpoints get none.
    async fn fan_out(&self, limit: u32, now_ms: u64) -> Result<u64, WebhookError>;

    /// Leases due deliveries: at most `limit`, and at most `per_endpoint` per endpoint, counting
    /// those of other dispatchers. Of the pending deliveries of a video to an endpoint, only the
    /// earliest can be claimed.
    async fn claim(
        &self,
        limit: u32,
        per_endpoint: u32,
        lease: Duration,
        now_ms: u64,
    ) -> Result<Vec<Dispatch>, WebhookError>;

    /// Records the result of a dispatch, and returns the consequence. An endpoint that responds with 410,
    /// or that has failed for three days, is disabled.
    async fn settle(&self, dispatch: &Dispatch, attempted: &Attempted, now_ms: u64) -> Result<Settled, WebhookError>;

    /// Waits for new work that this process causes, at most `at_most`: work from other processes
    /// has to be polled for.
    async fn wait(&self, at_most: Duration);

    /// Removes deliveries that were settled before `before_ms`, and events without deliveries.
    async fn prune(&self, before_ms: u64) -> Result<Pruned, WebhookError>;
}

/// A webhook store that several parts of a program share.
pub type SharedWebhooks = Arc<dyn WebhookStore>;
