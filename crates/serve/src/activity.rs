//! The activity of a connection, shared by its transport, its requests and the list of connections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures::task::AtomicWaker;
use tokio::time::Instant;

use super::ServeLimits;

/// The activity of one connection.
pub(super) struct Activity {
    state: Mutex<State>,
    /// Wakes the task of the connection.
    waker: AtomicWaker,
}

struct State {
    /// Requests whose responses are not complete.
    in_flight: usize,
    /// Start of the idle time.
    idle_since: Instant,
    /// When the first byte of the next head arrived.
    head_since: Option<Instant>,
    /// Whether the connection has had a request.
    used: bool,
    /// HTTP/2: bytes between requests need not belong to a head.
    multiplexed: bool,
    evicted: bool,
}

/// The connection preface of HTTP/2 (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI ";

impl Activity {
    pub(super) fn new() -> Self {
        let state = State {
            in_flight: 0,
            idle_since: Instant::now(),
            head_since: None,
            used: false,
            multiplexed: false,
            evicted: false,
        };
        Self {
            state: Mutex::new(state),
            waker: AtomicWaker::new(),
        }
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        let mut state = self.state();
        state.in_flight += 1;
        state.used = true;
        state.head_since = None;
        drop(state);
        InFlight(Arc::clone(self))
    }

    /// Records received bytes.
    pub(super) fn received(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.in_flight == 0 && state.head_since.is_none() {
            state.multiplexed |= !state.used && bytes.starts_with(PREFACE);
            state.head_since = Some(Instant::now());
        }
    }

    /// The deadline for the next bytes; `None` while a response is pending.
    pub(super) fn deadline(&self, limits: &ServeLimits) -> Option<Instant> {
        let state = self.state();
        if state.in_flight > 0 {
            return None;
        }
        Some(match state.head_since {
            Some(begun) if !state.multiplexed => begun + limits.head,
            _ if state.used => state.idle_since + limits.idle,
            _ => state.idle_since + limits.head,
        })
    }

    /// Since when the connection has been idle; `None` while a response is pending, and after it
    /// was evicted.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.in_flight == 0 && !state.evicted).then_some(state.idle_since)
    }

    /// Ends the connection: wakes its task, which then closes it.
    pub(super) fn evict(&self) {
        self.state().evicted = true;
        self.waker.wake();
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.state().evicted
    }

    /// Registers the task that waits for the next bytes.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose response is pending.
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        state.idle_since = Instant::now();
        drop(state);
        // The connection's task computes its deadline when it next waits for bytes.
        self.0.waker.wake();
    }
}
