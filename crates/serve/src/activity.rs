//! What a connection is doing, as its transport, its requests and the list of connections see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures::task::AtomicWaker;
use tokio::time::Instant;

use super::ServeLimits;

/// Shared by everything that handles one connection.
pub(super) struct Activity {
    state: Mutex<State>,
    /// Wakes the task of the connection.
    waker: AtomicWaker,
}

struct State {
    /// Requests that are not answered in whole.
    in_flight: usize,
    /// Since when there are none.
    idle_since: Instant,
    /// When the first byte of the next head came.
    head_since: Option<Instant>,
    /// Whether a request has come at all.
    used: bool,
    /// HTTP/2: bytes that come between requests need not be a head.
    multiplexed: bool,
    evicted: bool,
}

/// What HTTP/2 begins with (RFC 9113, 3.4).
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
        Self { state: Mutex::new(state), waker: AtomicWaker::new() }
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

    /// Bytes have come.
    pub(super) fn received(&self, bytes: &[u8]) {
        let mut state = self.state();
        if state.in_flight == 0 && state.head_since.is_none() {
            state.multiplexed |= !state.used && bytes.starts_with(PREFACE);
            state.head_since = Some(Instant::now());
        }
    }

    /// Until when the next bytes have to come; `None` while a request is being answered.
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

    /// Since when the connection has had no request; `None` while one is being answered, and once it is evicted.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.in_flight == 0 && !state.evicted).then_some(state.idle_since)
    }

    /// Ends the connection at its next sign of life, which is now.
    pub(super) fn evict(&self) {
        self.state().evicted = true;
        self.waker.wake();
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.state().evicted
    }

    /// Whose task waits for the next bytes.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub(super) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        state.idle_since = Instant::now();
        drop(state);
        // The connection's task sets its deadline when it next waits for bytes.
        self.0.waker.wake();
    }
}
