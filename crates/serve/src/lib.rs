//! Serving HTTP, the same way everywhere, and to clients that are slow or many.
//!
//! A connection costs a descriptor and some memory for as long as it is open, so each has to be worth it: a head, a body
//! and an idle connection have their time, and connections have a number. A connection that is in the way of a new one
//! and does nothing is closed first.

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

/// What clients may take: connections and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeLimits {
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one address; `None`: no limit, for servers behind a proxy. Addresses of the loopback interface
    /// have none: proxies on the same host come from there.
    pub per_address: Option<usize>,
    /// For the head of a request, from its first byte; for the first byte, from the connection.
    pub head: Duration,
    /// For the next request on a connection that had one. Longer than proxies keep a connection (60 s), so that they are
    /// the ones that close it.
    pub idle: Duration,
    /// How long a body may bring nothing.
    pub stall: Duration,
    /// Bytes that a body brings at least in every `rate_window` of waiting for it.
    pub least_bytes: u64,
    /// How often the rate of a body is looked at.
    pub rate_window: Duration,
    /// How long a client may take nothing of its answer.
    pub taking: Duration,
}

/// Most connections of a server for which nobody asked another number.
const MOST_CONNECTIONS: usize = 4096;
/// Fewest, however few descriptors there are.
const FEWEST_CONNECTIONS: usize = 8;

impl Default for ServeLimits {
    /// For a server that has half of the process's descriptors for its connections.
    fn default() -> Self {
        Self::with_share(2)
    }
}

impl ServeLimits {
    /// For a server whose connections may have one of `share` parts of the process's descriptors.
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

    /// Serves until `shutdown` ends, then finishes the requests that have begun. Handlers find the client's address as
    /// `ConnectInfo<SocketAddr>`.
    ///
    /// # Errors
    /// None in practice: a connection that cannot be accepted is logged, and accepting goes on.
    pub async fn serve(
        self,
        listener: TcpListener,
        router: Router,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let gate = Gate::new(listener, self.clone());
        let router = router.layer(from_fn(move |request, next: Next| exchange::exchange(self.clone(), request, next)));
        let service = router.into_make_service_with_connect_info::<Peer>();
        axum::serve(gate, service).with_graceful_shutdown(shutdown).await
    }
}

/// Serves within the default limits: see [`ServeLimits::serve`].
///
/// # Errors
/// As there.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    ServeLimits::default().serve(listener, router, shutdown).await
}
