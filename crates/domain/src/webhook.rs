//! Webhooks: the events, their signatures, and the retry times.
//!
//! Messages follow Standard Webhooks 1.0. Nothing here sends requests: clock and randomness are
//! arguments, so a test of three days of attempts takes a millisecond.

mod event;
mod ids;
pub mod retry;
mod signature;

pub use event::{EventType, UnknownEventType};
pub use ids::{DeliveryId, EndpointId, EventId};
pub use signature::{InvalidSecret, SigningSecret};
