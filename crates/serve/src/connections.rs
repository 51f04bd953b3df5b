//! The list of open connections, and the eviction of idle ones.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ServeLimits;
use super::activity::Activity;
use super::io::{Io, counted};

/// Accepts connections while there are free slots.
pub(super) struct Gate {
    listener: TcpListener,
    limits: Arc<ServeLimits>,
    connections: Arc<Connections>,
    /// Time of the last warning: a flood of connections must not flood the log.
    warned: Option<Instant>,
}

/// All open connections.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<Open>,
    /// Notified when a connection has closed.
    closed: Notify,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, (IpAddr, Arc<Activity>)>,
    by_address: HashMap<IpAddr, usize>,
}

/// The slot of one connection; freed when dropped.
pub(super) struct Place {
    number: u64,
    activity: Arc<Activity>,
    connections: Arc<Connections>,
}

/// Pause until the process may have a free descriptor again.
const PAUSE: Duration = Duration::from_millis(100);
/// Minimum interval between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(60);

impl Gate {
    pub(super) fn new(listener: TcpListener, limits: ServeLimits) -> Self {
        Self {
            listener,
            limits: Arc::new(limits),
            connections: Arc::default(),
            warned: None,
        }
    }

    fn warn(&mut self, what: &str) {
        if self.warned.is_none_or(|it| it.elapsed() >= WARN_EVERY) {
            self.warned = Some(Instant::now());
            tracing::warn!(
                connections = self.connections.open().by_number.len(),
                "{what}"
            );
        }
    }

    /// Waits for a slot; `None` if this address has reached its limit.
    async fn admit(&mut self, address: IpAddr) -> Option<Place> {
        if let Some(most) = self.limits.per_address
            && !address.is_loopback()
            && self.connections.of(address) >= most
        {
            self.warn("a client address has reached its limit of connections");
            if !self.connections.evict(Some(address)) {
                return None;
            }
        }
        loop {
            let full = self.connections.open().by_number.len() >= self.limits.connections;
            if !full {
                return Some(self.connections.enter(address));
            }
            self.warn("the limit of connections is reached: idle ones are closed, new ones wait");
            self.connections.evict(None);
            self.connections.closed.notified().await;
        }
    }
}

impl Listener for Gate {
    type Io = Io;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Io, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let Some(place) = self.admit(counted(address.ip())).await else {
                        continue;
                    };
                    without_delay(&stream);
                    return (Io::new(stream, Arc::clone(&self.limits), place), address);
                }
                // An error of that one connection.
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    self.warn(&format!("cannot accept connections: {error}"));
                    self.connections.evict(None);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connections {
    fn enter(self: &Arc<Self>, address: IpAddr) -> Place {
        let activity = Arc::new(Activity::new());
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        open.by_number
            .insert(number, (address, Arc::clone(&activity)));
        *open.by_address.entry(address).or_default() += 1;
        drop(open);
        Place {
            number,
            activity,
            connections: Arc::clone(self),
        }
    }

    fn of(&self, address: IpAddr) -> usize {
        self.open()
            .by_address
            .get(&address)
            .copied()
            .unwrap_or_default()
    }

    /// Closes the connection that has been idle longest, of one address or of all. `false`: none is
    /// idle.
    fn evict(&self, address: Option<IpAddr>) -> bool {
        let open = self.open();
        let candidates = open
            .by_number
            .values()
            .filter(|it| address.is_none_or(|address| address == it.0));
        let idle = candidates.filter_map(|(_, activity)| Some((activity.idle_since()?, activity)));
        let Some((_, longest)) = idle.min_by_key(|it| it.0) else {
            return false;
        };
        longest.evict();
        true
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        if let Some((address, _)) = open.by_number.remove(&self.number)
            && let Some(count) = open.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
        drop(open);
        self.connections.closed.notify_one();
    }
}

fn without_delay(stream: &TcpStream) {
    // Without it, small responses are delayed by 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionAborted | ConnectionReset
    )
}
