//! How many connections are open, and which one makes place for the next.

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

/// Accepts connections while there is place.
pub(super) struct Gate {
    listener: TcpListener,
    limits: Arc<ServeLimits>,
    connections: Arc<Connections>,
    /// When the last warning was written: a flood of connections must not be one of lines.
    warned: Option<Instant>,
}

/// All that are open.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<Open>,
    /// One has closed.
    closed: Notify,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, (IpAddr, Arc<Activity>)>,
    by_address: HashMap<IpAddr, usize>,
}

/// The place of one connection; free when dropped.
pub(super) struct Place {
    number: u64,
    activity: Arc<Activity>,
    connections: Arc<Connections>,
}

/// Until the process may have a descriptor again.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(60);

impl Gate {
    pub(super) fn new(listener: TcpListener, limits: ServeLimits) -> Self {
        Self { listener, limits: Arc::new(limits), connections: Arc::default(), warned: None }
    }

    fn warn(&mut self, what: &str) {
        if self.warned.is_none_or(|it| it.elapsed() >= WARN_EVERY) {
            self.warned = Some(Instant::now());
            tracing::warn!(connections = self.connections.open().by_number.len(), "{what}");
        }
    }

    /// Waits for a place; `None` if this address has all that are its own.
    async fn admit(&mut self, address: IpAddr) -> Option<Place> {
        if let Some(most) = self.limits.per_address
            && !address.is_loopback()
            && self.connections.of(address) >= most
        {
            self.warn("an address has as many connections as it may");
            if !self.connections.evict(Some(address)) {
                return None;
            }
        }
        loop {
            let full = self.connections.open().by_number.len() >= self.limits.connections;
            if !full {
                return Some(self.connections.enter(address));
            }
            self.warn("all connections are in use: idle ones are closed, and others wait");
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
                    let Some(place) = self.admit(counted(address.ip())).await else { continue };
                    without_delay(&stream);
                    return (Io::new(stream, Arc::clone(&self.limits), place), address);
                }
                // Of that one connection.
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    self.warn(&format!("no connection can be accepted: {error}"));
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
        open.by_number.insert(number, (address, Arc::clone(&activity)));
        *open.by_address.entry(address).or_default() += 1;
        drop(open);
        Place { number, activity, connections: Arc::clone(self) }
    }

    fn of(&self, address: IpAddr) -> usize {
        self.open().by_address.get(&address).copied().unwrap_or_default()
    }

    /// Closes the connection that has been idle for the longest time, of one address or of all. `false`: none is idle.
    fn evict(&self, address: Option<IpAddr>) -> bool {
        let open = self.open();
        let candidates = open.by_number.values().filter(|it| address.is_none_or(|address| address == it.0));
        let idle = candidates.filter_map(|(_, activity)| Some((activity.idle_since()?, activity)));
        let Some((_, longest)) = idle.min_by_key(|it| it.0) else { return false };
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
    // Without it, small answers wait for 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}
