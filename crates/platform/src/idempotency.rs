//! Requests that are executed once, however often they come.
//!
//! Implemented by `SqlIdempotency`; every implementation must pass `idempotency::conformance`. It
//! knows nothing of HTTP: requests are hashes, and an answer is text that only its writer reads.
//!
//! All times are Unix milliseconds, and `now_ms` is the caller's clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod sql;

pub use sql::SqlIdempotency;

/// A request that came with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// A hash of its caller and the key.
    pub id: String,
    /// A hash of all that makes it the same request.
    pub fingerprint: String,
    /// Whoever executes it and says nothing for so long is taken for dead.
    pub patience: Duration,
    /// How long its answer is kept.
    pub life: Duration,
}

/// The right to execute a request, and to answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Of the request.
    pub id: String,
    /// Of this execution.
    pub token: String,
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nobody has executed it: do, and say how it went.
    First(Ticket),
    /// Somebody does.
    Running {
        /// From then on, whoever asks takes over.
        until_ms: u64,
    },
    /// It was executed, and this is the answer.
    Answered(String),
    /// Its key belongs to another request.
    Another,
}

/// The database could not be reached, is busy, or refused: another attempt may succeed.
#[derive(Debug, thiserror::Error)]
#[error("the requests that came before could not be looked through")]
pub struct IdempotencyError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The requests of one installation that came with a key.
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Says what to do with a request. Of several who ask at once, one is the first.
    async fn begin(&self, request: &KeyedRequest, now_ms: u64) -> Result<Begun, IdempotencyError>;

    /// Keeps the answer, and says whether the ticket still held: one that was taken over changes nothing.
    async fn finish(&self, ticket: &Ticket, answer: &str) -> Result<bool, IdempotencyError>;

    /// It came to no answer worth keeping: the next who asks is the first. A ticket that was taken
    /// over, or finished, changes nothing.
    async fn give_back(&self, ticket: &Ticket) -> Result<(), IdempotencyError>;
}

/// What many parts of a program share.
pub type SharedIdempotency = Arc<dyn Idempotency>;
