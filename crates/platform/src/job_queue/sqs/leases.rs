//! Leases of messages that were received and are not settled yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::time::UnixMillis;
use tokio::time::Instant;

use crate::job_queue::QueueError;

/// A leased message.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) body: String,
    pub(super) receive_count: u32,
    pub(super) sent_ms: UnixMillis,
    pub(super) until: Instant,
}

/// All leased messages, by receipt.
#[derive(Debug, Default)]
pub(super) struct Leases(Mutex<HashMap<String, Lease>>);

impl Leases {
    pub(super) fn note(&self, handle: &str, lease: Lease, now: Instant) {
        let mut leases = self.all();
        // Leases of dropped tasks, or of tasks that never settled their message.
        leases.retain(|_, it| it.until > now);
        leases.insert(handle.to_owned(), lease);
    }

    /// The lease, unless it has expired.
    pub(super) fn held(&self, handle: &str, now: Instant) -> Option<Lease> {
        self.all().get(handle).filter(|it| it.until > now).cloned()
    }

    pub(super) fn prolong(&self, handle: &str, until: Instant) {
        if let Some(lease) = self.all().get_mut(handle) {
            // Never shortens the lease: of two concurrent requests, the later expiry counts.
            lease.until = lease.until.max(until);
        }
    }

    pub(super) fn end(&self, handle: &str) {
        self.all().remove(handle);
    }

    pub(super) fn end_if_lost(&self, handle: &str, error: &QueueError) {
        if matches!(error, QueueError::LeaseLost) {
            self.end(handle);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn lease(until: Instant) -> Lease {
        Lease {
            body: "body".to_owned(),
            receive_count: 1,
            sent_ms: UnixMillis::default(),
            until,
        }
    }

    #[test]
    fn a_lease_ends_by_the_clock_and_is_forgotten() {
        let (leases, now) = (Leases::default(), Instant::now());
        leases.note("a", lease(now + 10 * SECOND), now);
        assert!(leases.held("a", now + 9 * SECOND).is_some());
        assert!(leases.held("a", now + 10 * SECOND).is_none());
        leases.note("b", lease(now + 20 * SECOND), now + 10 * SECOND);
        assert_eq!(leases.all().len(), 1, "`a` takes no room");
    }

    #[test]
    fn a_lease_can_be_prolonged_but_not_shortened() {
        let (leases, now) = (Leases::default(), Instant::now());
        leases.note("a", lease(now + 10 * SECOND), now);
        leases.prolong("a", now + 30 * SECOND);
        leases.prolong("a", now + 20 * SECOND);
        assert!(leases.held("a", now + 25 * SECOND).is_some());
        leases.end_if_lost("a", &QueueError::LeaseLost);
        assert!(leases.held("a", now).is_none());
    }
}
