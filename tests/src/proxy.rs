//! A network that fails on demand: a TCP proxy in front of a database, a store or a queue.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A fault. A change affects existing connections too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault: bytes pass.
    None,
    /// Every connection is reset, new ones as soon as they are accepted.
    Reset,
    /// No listener: every connection is reset, and new ones are refused.
    Refused,
    /// No byte passes, and no connection ends.
    Silence,
    /// Every HTTP request is answered with this status, and its connection closed.
    Status(u16),
    /// Data arrives with this delay.
    Delay(Duration),
    /// Data that contains these bytes arrives, but the response is lost: the connection is reset
    /// instead.
    LostAnswer(&'static str),
}

/// A proxy in front of one address. Ends when dropped.
pub struct Proxy {
    /// The address on which it listens.
    pub address: SocketAddr,
    fault: watch::Sender<Fault>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// A proxy without fault in front of `target`, a host with a port.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (fault, watched) = watch::channel(Fault::None);
        let target = target.to_owned();
        let task = tokio::spawn(listen(listener, target, watched));
        Self {
            address,
            fault,
            task,
        }
    }

    /// Fails in this way from now on.
    pub fn fail(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// Fails for a while, then passes everything again.
    pub async fn fail_for(&self, fault: Fault, time: Duration) {
        self.fail(fault);
        tokio::time::sleep(time).await;
        self.fail(Fault::None);
    }

    /// The same URL through the proxy.
    ///
    /// # Panics
    /// If it is not a URL.
    pub fn url(&self, url: &str) -> String {
        let mut url: url::Url = url.parse().expect("a URL");
        url.set_host(Some("127.0.0.1")).expect("a host can be set");
        url.set_port(Some(self.address.port()))
            .expect("a port can be set");
        url.as_str().trim_end_matches('/').to_owned()
    }
}

async fn listen(listener: TcpListener, target: String, mut fault: watch::Receiver<Fault>) {
    let address = listener.local_addr().expect("it is bound");
    let mut open = Some(listener);
    loop {
        let is_refused = *fault.borrow_and_update() == Fault::Refused;
        if is_refused {
            open = None;
            if fault.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listener = match open.take() {
            Some(listener) => listener,
            None => TcpListener::bind(address)
                .await
                .expect("the port is still free"),
        };
        tokio::select! {
            changed = fault.changed() => if changed.is_err() { return },
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                tokio::spawn(serve(client, target.clone(), fault.clone()));
            },
        }
        open = Some(listener);
    }
}

async fn serve(client: TcpStream, target: String, mut fault: watch::Receiver<Fault>) {
    let Some((mut client, _)) = until_bytes_pass(client, &mut fault).await else {
        return;
    };
    let Ok(mut server) = TcpStream::connect(&target).await else {
        return reset(client);
    };
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let Some((open, now)) = until_bytes_pass(client, &mut fault).await else {
            return;
        };
        client = open;
        let passed = tokio::select! {
            changed = fault.changed() => if changed.is_ok() { continue } else { return },
            read = client.read(&mut up) => {
                let is_lost = matches!((now, &read), (Fault::LostAnswer(text), Ok(count)) if holds(&up[..*count], text));
                let passed = pass(read, &up, &mut server, now).await;
                if is_lost {
                    let _ = server.read(&mut down).await;
                    return reset(client);
                }
                passed
            }
            read = server.read(&mut down) => pass(read, &down, &mut client, now).await,
        };
        if passed.is_none() {
            return;
        }
    }
}

/// Waits during silence; `None`: the fault ended the connection.
async fn until_bytes_pass(
    client: TcpStream,
    fault: &mut watch::Receiver<Fault>,
) -> Option<(TcpStream, Fault)> {
    loop {
        let now = *fault.borrow_and_update();
        match now {
            Fault::Reset | Fault::Refused => {
                reset(client);
                return None;
            }
            Fault::Status(status) => {
                answer(client, status).await;
                return None;
            }
            Fault::Silence => fault.changed().await.ok()?,
            Fault::None | Fault::Delay(_) | Fault::LostAnswer(_) => return Some((client, now)),
        }
    }
}

async fn pass(
    read: std::io::Result<usize>,
    bytes: &[u8],
    to: &mut TcpStream,
    fault: Fault,
) -> Option<()> {
    let bytes = &bytes[..read.ok().filter(|it| *it > 0)?];
    if let Fault::Delay(time) = fault {
        tokio::time::sleep(time).await;
    }
    to.write_all(bytes).await.ok()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|it| it == text.as_bytes())
}

fn reset(stream: TcpStream) {
    // With or without pending data, the other side gets RST.
    let _ = stream.set_zero_linger();
}

async fn answer(mut client: TcpStream, status: u16) {
    let mut request = vec![0; 16 * 1024];
    let _ = tokio::time::timeout(Duration::from_secs(5), client.read(&mut request)).await;
    let head = format!("HTTP/1.1 {status} Fault\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = client.write_all(head.as_bytes()).await;
}
