//! Checks the owner of a connection: other users of the machine can read the server's address in
//! FFmpeg's command line.

use std::net::{SocketAddr, SocketAddrV4};

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

/// Accepts connections of the user that this process runs as, and closes all others.
pub(super) struct OwnConnections {
    listener: TcpListener,
    address: SocketAddrV4,
    user: u32,
}

/// The system's information about the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Id of the user that opened it.
    User(u32),
    /// It is closed, or never existed.
    Closed,
    /// The system does not report it.
    Unknown,
}

impl OwnConnections {
    pub(super) fn new(listener: TcpListener) -> std::io::Result<Self> {
        let SocketAddr::V4(address) = listener.local_addr()? else {
            return Err(std::io::Error::other(
                "the loopback server listens at an address of version 6",
            ));
        };
        Ok(Self {
            listener,
            address,
            user: rustix::process::geteuid().as_raw(),
        })
    }

    fn accepts(&self, peer: SocketAddr) -> bool {
        let SocketAddr::V4(peer) = peer else {
            return false;
        };
        match owner(peer, self.address) {
            // Without the list of connections, the secret in the path is the only protection.
            Owner::Unknown => true,
            Owner::User(user) => user == self.user,
            // FFmpeg waits until its request was checked (see `Delivery`), so its connection is
            // open.
            Owner::Closed => false,
        }
    }
}

impl Listener for OwnConnections {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            if self.accepts(peer) {
                return (stream, peer);
            }
            tracing::warn!("closed a connection of another user to the loopback server");
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(SocketAddr::V4(self.address))
    }
}

/// The owner of the connection from `peer` to `server`.
fn owner(peer: SocketAddrV4, server: SocketAddrV4) -> Owner {
    match std::fs::read_to_string("/proc/net/tcp") {
        Ok(list) => owner_in(&list, peer, server),
        Err(_) => Owner::Unknown,
    }
}

/// The state of a connection that is open at both ends.
const ESTABLISHED: &str = "01";

/// Finds a connection in the list of the kernel (proc(5)), as its other end sees it.
fn owner_in(list: &str, peer: SocketAddrV4, server: SocketAddrV4) -> Owner {
    // The address is a number in the byte order of this machine, the port is not.
    let written = |it: SocketAddrV4| {
        format!(
            "{:08X}:{:04X}",
            u32::from_ne_bytes(it.ip().octets()),
            it.port()
        )
    };
    let (local, remote) = (written(peer), written(server));
    for line in list.lines().skip(1) {
        // sl, local address, remote address, state, queues, timer, retransmissions, user
        let mut fields = line.split_ascii_whitespace().skip(1);
        if fields.next() != Some(&local) || fields.next() != Some(&remote) {
            continue;
        }
        // The kernel forgets the owner of a closed connection.
        let open = fields.next() == Some(ESTABLISHED);
        let user = fields.nth(3).and_then(|it| it.parse().ok());
        return user.filter(|_| open).map_or(Owner::Closed, Owner::User);
    }
    Owner::Closed
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;
    use std::sync::Arc;

    use super::*;
    use crate::loopback::Loopback;
    use crate::source::Blocks;
    use crate::stills::InMemory;

    #[test]
    fn the_list_of_the_kernel_is_read() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2311 1\n\
            \x20  1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 2312 1\n\
            \x20  2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     7        0 2313 1\n\
            \x20  3: 0100007F:C351 0100007F:1F90 06 00000000:00000000 03:00001770 00000000     0        0 0 3\n";
        let server = "127.0.0.1:8080".parse().unwrap();
        let of = |peer: &str| owner_in(list, peer.parse().unwrap(), server);
        assert_eq!(of("127.0.0.1:50000"), Owner::User(1000));
        assert_eq!(of("127.0.0.1:50001"), Owner::Closed);
        assert_eq!(of("127.0.0.1:50002"), Owner::Closed);
        assert_eq!(of("127.0.0.2:50000"), Owner::Closed);
    }

    #[tokio::test]
    async fn another_user_reads_nothing() {
        let source = Blocks::new(Arc::new(InMemory(bytes::Bytes::from_static(b"the source"))));
        let loopback = Loopback::start(source).await.unwrap();
        let url = loopback.source_url();
        let own = reqwest::get(&url).await.unwrap().text().await.unwrap();
        assert_eq!(own, "the source");
        if !rustix::process::geteuid().is_root() {
            // Only root can become another user.
            return;
        }
        let path = url
            .split_once("//")
            .unwrap()
            .1
            .split_once('/')
            .unwrap()
            .1
            .to_owned();
        let port = loopback.port();
        let script = format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET /{path} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
        );
        let read_as = |user: u32| {
            let script = script.clone();
            tokio::task::spawn_blocking(move || {
                Command::new("bash")
                    .args(["-c", &script])
                    .uid(user)
                    .output()
                    .unwrap()
                    .stdout
            })
        };
        assert!(read_as(0).await.unwrap().ends_with(b"the source"));
        assert_eq!(String::from_utf8_lossy(&read_as(65_534).await.unwrap()), "");
    }
}
