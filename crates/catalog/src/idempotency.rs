//! Requests with an idempotency key, which are executed once.
//!
//! [`Idempotency`] passes `idempotency::conformance` in SQLite and in PostgreSQL. It does not depend
//! on HTTP: requests are hashes, and a stored response is text that only its writer interprets.
//!
//! `now` is the caller's clock.

use std::time::Duration;

use domain::time::UnixMillis;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod sql;

pub use sql::Idempotency;

/// A request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Hash of the caller and the key.
    pub id: String,
    /// Hash of all properties that define the request.
    pub fingerprint: String,
    /// An execution that takes longer than this is assumed to have crashed.
    pub lock_timeout: Duration,
    /// How long the response is kept.
    pub lifetime: Duration,
}

/// The right to execute a request and to store its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Id of the request.
    pub id: String,
    /// Token of this execution.
    pub token: String,
}

/// The decision about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginOutcome {
    /// The request is new: execute it, then finish the reservation.
    Reserved(Reservation),
    /// Another execution is running.
    Running {
        /// After this time, the next caller takes over the execution.
        until_ms: UnixMillis,
    },
    /// The request was executed; this is the stored response.
    Stored(String),
    /// The key was used for a different request.
    KeyReused,
}

/// The database is unreachable or busy, or it rejected the statement. A retry may succeed.
#[derive(Debug, thiserror::Error)]
#[error("could not access the idempotency store")]
pub struct IdempotencyError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
