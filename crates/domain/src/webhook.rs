//! Webhooks: what is told, how it is signed, and when it is told again.
//!
//! Messages follow Standard Webhooks 1.0. Nothing here sends: a clock and randomness are arguments,
//! so three days of attempts are a test of a millisecond.

mod event;
mod ids;
pub mod retry;
mod signature;

pub use event::{EventType, UnknownEventType};
pub use ids::{DeliveryId, EndpointId, EventId};
pub use signature::{InvalidSecret, SigningSecret};
