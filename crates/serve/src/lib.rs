//! The HTTP server that all programs share, with limits for slow clients and many connections.
//!
//! An open connection costs a descriptor and some memory. Request heads, bodies and idle
//! connections therefore have time limits, and the number of connections is limited. When a new
//! connection needs a slot, the server closes an idle one first.

mod activity;
mod connections;
mod descriptors;
mod exchange;
mod io;
mod pace;

use std::time::Duration;

use axum::Router;
use axum::middleware::{Next, from_fn};
use tokio::net::TcpListener;

pub use descriptors::{descriptors, is_exhaustion, raise_descriptor_limit};
pub use pace::TooSlow;

use connections::Gate;
use exchange::Peer;

/// Limits for clients: connections and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeLimits {
    /// Maximum number of open connections.
    pub connections: usize,
    /// Maximum number of open connections per client address; `None`: no limit, for servers behind
    /// a proxy. Loopback addresses are exempt, because proxies on the same host use them.
    pub per_address: Option<usize>,
    /// Time for the head of a request, from its first byte; for the first byte, from the
    /// connection.
    pub head: Duration,
    /// Time until the next request on a connection that had one. Longer than proxies keep a
    /// connection (60 s), so that they close it first.
    pub idle: Duration,
    /// Maximum time without any byte of a request body.
    pub stall: Duration,
    /// Minimum number of bytes that a body must bring in every `rate_window` of waiting for it.
    pub least_bytes: u64,
    /// Interval at which the rate of a body is checked.
    pub rate_window: Duration,
    /// Maximum time in which a client reads nothing of its response.
    pub taking: Duration,
}

/// Default maximum of connections of a server.
const MOST_CONNECTIONS: usize = 4096;
/// Minimum of connections, however few descriptors there are.
const FEWEST_CONNECTIONS: usize = 8;

impl Default for ServeLimits {
    /// Limits for a server that uses half of the process's descriptors for its connections.
    fn default() -> Self {
        Self::with_share(2)
    }
}

impl ServeLimits {
    /// Limits for a server whose connections may use one of `share` parts of the process's
    /// descriptors.
    pub fn with_share(share: usize) -> Self {
        Self {
            connections: (descriptors() / share.max(1)).clamp(FEWEST_CONNECTIONS, MOST_CONNECTIONS),
            per_address: None,
            head: Duration::from_secs(15),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
            least_bytes: 60 * 1024,
            rate_window: Duration::from_secs(60),
            taking: Duration::from_secs(120),
        }
    }

    /// Serves until `shutdown` completes, then finishes the requests in progress. Handlers find the
    /// client's address as `ConnectInfo<SocketAddr>`.
    ///
    /// # Errors
    /// None in practice: a connection that cannot be accepted is logged, and the server continues.
    pub async fn serve(
        self,
        listener: TcpListener,
        router: Router,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let gate = Gate::new(listener, self.clone());
        let router = router.layer(from_fn(move |request, next: Next| {
            exchange::exchange(self.clone(), request, next)
        }));
        let service = router.into_make_service_with_connect_info::<Peer>();
        axum::serve(gate, service)
            .with_graceful_shutdown(shutdown)
            .await
    }
}

/// Serves with the default limits: see [`ServeLimits::serve`].
///
/// # Errors
/// As [`ServeLimits::serve`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    ServeLimits::default()
        .serve(listener, router, shutdown)
        .await
}
