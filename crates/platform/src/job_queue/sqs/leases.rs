//! Leases of messages that were received and are not settled yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::time::UnixMillis;
use tokio::time::Instant;

use crate::job_queue::QueueError;

/// A leased message.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    /// Id that SQS gave the message: the same at each delivery.
    pub(super) message_id: Option<String>,
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
        // A message that is delivered again has been visible meanwhile: its earlier lease has ended. By this clock it may
        // still hold, because a lease is counted from the arrival of the answer and SQS counts from the delivery.
        let again = |it: &Lease| it.message_id.is_some() && it.message_id == lease.message_id;
        // The others are leases of dropped tasks, or of tasks that never settled their message.
        leases.retain(|_, it| it.until > now && !again(it));
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
            message_id: None,
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
    fn a_later_delivery_of_the_message_ends_its_lease() {
        let (leases, now) = (Leases::default(), Instant::now());
        let of = |message_id: &str| Lease {
            message_id: Some(message_id.to_owned()),
            ..lease(now + 10 * SECOND)
        };
        leases.note("first", of("message"), now);
        leases.note("other", of("other"), now);
        leases.note("second", of("message"), now);
        assert!(leases.held("first", now).is_none());
        assert!(leases.held("second", now).is_some());
        assert!(leases.held("other", now).is_some());
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
