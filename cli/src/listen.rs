//! Listening sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::Result;
use crate::output::CommandError;

/// Number of ports to try.
const NEXT_PORTS: u16 = 100;

/// Binds a listener.
///
/// # Errors
/// `port-in-use`, with advice.
pub(crate) async fn bind(wanted: SocketAddr) -> Result<TcpListener> {
    bind_socket(wanted).map_err(|error| {
        let what = anyhow::Error::from(error).context(format!(
            "cannot bind to `{wanted}`: choose another address with --listen (port 0 chooses a free port)"
        ));
        CommandError::failed("port-in-use", what)
    })
}

/// Binds the listener of API and edge, and that of the store on the next free port.
///
/// # Errors
/// `port-in-use`, with advice.
pub(crate) async fn bind_both(wanted: SocketAddr) -> Result<(TcpListener, TcpListener)> {
    let listener = bind(wanted).await?;
    let taken = listener.local_addr()?;
    for step in 1..=NEXT_PORTS {
        let Some(port) = taken.port().checked_add(step) else {
            break;
        };
        if let Ok(store) = bind_socket(SocketAddr::new(taken.ip(), port)) {
            return Ok((listener, store));
        }
    }
    Ok((listener, bind_socket(SocketAddr::new(taken.ip(), 0))?))
}

/// Listen backlog. The usual 128 overflow when many players connect at once.
const BACKLOG: u32 = 1024;

fn bind_socket(wanted: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if wanted.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    // Allows binding while old connections are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(wanted)?;
    socket.listen(BACKLOG)
}

/// The URL of a listener on this machine; an unspecified address becomes loopback.
pub(crate) fn url(listener: &TcpListener) -> std::io::Result<String> {
    let address = listener.local_addr()?;
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Ok(format!("http://{}", SocketAddr::new(ip, address.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_store_takes_the_next_free_port() {
        let (api, store) = bind_both("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (api, store) = (api.local_addr().unwrap(), store.local_addr().unwrap());
        assert_ne!(api.port(), store.port());
        let Err(CommandError::Failed { code, error }) = bind_both(api).await else {
            panic!("the port was taken twice")
        };
        assert_eq!(code, "port-in-use");
        assert!(error.to_string().contains("--listen"), "{error}");
    }

    #[tokio::test]
    async fn an_unspecified_address_is_reached_by_loopback() {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(url(&listener).unwrap(), format!("http://127.0.0.1:{port}"));
    }
}
