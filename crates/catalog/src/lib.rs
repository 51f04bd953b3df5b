//! Everything that is kept in the database: videos and their attempts, callers, webhooks, idempotency keys, and the job
//! queue for installations without SQS.
//!
//! One set of tables and statements serves SQLite and PostgreSQL. Each part has a conformance suite, which runs against
//! both.

pub mod accounts;
pub mod connect;
pub mod database;
mod edge_entries;
pub mod idempotency;
mod queue;
pub mod shares;
pub mod videos;
pub mod webhooks;

pub use edge_entries::EdgeEntries;
#[cfg(any(test, feature = "conformance"))]
#[doc(hidden)]
pub use platform::conformance_cases;
pub use queue::{PriorityQueue, SqlQueue, SqsJobQueue};
pub use videos::*;
