//! Webhooks as the rest of the system sees them: endpoints, and deliveries to them.
//!
//! The catalog writes events, in the transaction of the change that they report. They are then
//! fanned out: every subscribed endpoint gets its own delivery, which a dispatcher claims, sends
//! and settles. A claim is a lease: no other dispatcher sends that delivery meanwhile. A dispatcher
//! that dies may have sent it, so it is sent again. An endpoint gets one event of a video at a
//! time, in order.
//!
//! [`Webhooks`] passes `webhooks::conformance` in SQLite and in PostgreSQL. `now` is the
//! caller's clock.

use domain::webhook::{DeliveryId, EndpointId};

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod model;
pub(crate) mod payload;
pub(crate) mod sql;

pub use model::{
    AttemptOutcome, Delivery, DeliveryAttempt, DeliveryFilter, DeliveryOutcome, DeliveryPage,
    DeliveryStatus, DisabledReason, Dispatch, Endpoint, EndpointFilter, EndpointPage,
    EndpointPatch, EndpointSecret, LastAttempt, NewEndpoint, Pruned,
};
pub use sql::Webhooks;

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
