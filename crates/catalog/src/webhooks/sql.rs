//! Webhooks in a database. The SQL is the common subset of SQLite and PostgreSQL.
//!
//! A transaction that changes an endpoint and its deliveries locks the endpoint first, so that two
//! of them acquire locks in the same order.

mod dispatch;
mod endpoints;
mod log;
mod order;
mod outbox;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::WebhookError;
use crate::database::{Database, Tx, is_corrupt};

/// Name of the notifier on which dispatchers wait for events: see [`Database::waker`].
pub(crate) const WAKER: &str = "webhook events";

/// The webhook endpoints of one installation, and their deliveries. Clones share the database.
#[derive(Debug, Clone)]
pub struct Webhooks {
    database: Database,
    wake: Arc<Notify>,
}

impl Webhooks {
    /// The webhook store in `database`.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            wake: database.waker(WAKER),
        }
    }

    /// Waits for new work that this process causes, at most `at_most`: work from other processes
    /// has to be polled for.
    pub async fn wait(&self, at_most: Duration) {
        // Events written before this call are not missed: `notify_one` stores a permit for the next
        // waiter.
        let _ = tokio::time::timeout(at_most, self.wake.notified()).await;
    }

    /// The metrics of this process.
    pub fn metrics(&self) -> &metrics::Registry {
        self.database.metrics()
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
            return Self::Corrupt {
                detail: source.to_string(),
            };
        }
        Self::Unavailable {
            source: source.into(),
        }
    }
}
