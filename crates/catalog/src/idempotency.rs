//! Requests with an idempotency key, which are executed once.
//!
//! Implemented by `SqlIdempotency`; every implementation must pass `idempotency::conformance`. It
//! does not depend on HTTP: requests are hashes, and a stored response is text that only its writer
//! interprets.
//!
//! All times are Unix milliseconds, and `now_ms` is the caller's clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod sql;

pub use sql::SqlIdempotency;

/// A request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Hash of the caller and the key.
    pub id: String,
    /// Hash of all properties that define the request.
    pub fingerprint: String,
    /// An execution that takes longer than this is assumed to have crashed.
    pub patience: Duration,
    /// How long the response is kept.
    pub life: Duration,
}

/// The right to execute a request and to store its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Id of the request.
    pub id: String,
    /// Token of this execution.
    pub token: String,
}

/// The decision about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The request is new: execute it, then finish the ticket.
    First(Ticket),
    /// Another execution is running.
    Running {
        /// After this time, the next caller takes over the execution.
        until_ms: u64,
    },
    /// The request was executed; this is the stored response.
    Answered(String),
    /// The key was used for a different request.
    Another,
}

/// The database is unreachable or busy, or it rejected the statement. A retry may succeed.
#[derive(Debug, thiserror::Error)]
#[error("could not access the idempotency store")]
pub struct IdempotencyError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The requests of one installation that came with an idempotency key.
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Decides about a request. Exactly one of several concurrent callers is the first.
    async fn begin(&self, request: &KeyedRequest, now_ms: u64) -> Result<Begun, IdempotencyError>;

    /// Stores the response, and returns whether the ticket was still valid: a ticket that was taken
    /// over changes nothing.
    async fn finish(&self, ticket: &Ticket, answer: &str) -> Result<bool, IdempotencyError>;

    /// Ends an execution without a response worth storing: the next caller is the first. A ticket
    /// that was taken over, or finished, changes nothing.
    async fn give_back(&self, ticket: &Ticket) -> Result<(), IdempotencyError>;
}

/// An idempotency store that several parts of a program share.
pub type SharedIdempotency = Arc<dyn Idempotency>;
