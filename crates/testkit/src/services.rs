//! Stand-ins for other video services: Mux and Cloudflare Stream, as their documentation describes them.
//!
//! The assets are in `services/recorded`. Each asset has the same file. Access to the files is enabled as at the
//! services: a request, some looks while the file is prepared, and a URL with a secret that expires.

mod mux;
mod stream;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::http::header::{HeaderMap, RANGE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

pub use mux::MuxStandIn;
pub use stream::StreamStandIn;

/// Looks at a file before it is ready.
const LOOKS: u32 = 2;

/// What is wrong with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceTrouble {
    /// Nothing.
    None,
    /// The next requests get 429, with `Retry-After: 1`.
    TooManyRequests(u32),
    /// The next requests get 503.
    Unavailable(u32),
    /// The URLs of files have expired: requests for them get 403.
    ExpiredUrls,
    /// The responses of the API have another form.
    Garbled,
}

/// What both stand-ins have.
struct Account {
    assets: Vec<Value>,
    file: Vec<u8>,
    trouble: ServiceTrouble,
    /// Methods and paths of the requests that were accepted.
    requests: Vec<String>,
    /// Looks that are left by the id of an asset whose file is prepared.
    prepared: Vec<(String, u32)>,
}

type Shared = Arc<Mutex<Account>>;

/// The secret in the URLs of files.
const URL_SECRET: &str = "hunter2";

impl Account {
    fn new(recorded: &str, file: Vec<u8>) -> Shared {
        let assets = serde_json::from_str(recorded).expect("the recorded assets are JSON");
        Arc::new(Mutex::new(Self {
            assets,
            file,
            trouble: ServiceTrouble::None,
            requests: vec![],
            prepared: vec![],
        }))
    }

    /// The response of a service in trouble. Requests without credentials are refused first.
    fn refusal(&mut self, request: &Request, authorization: &str) -> Option<Response> {
        let found = request.headers().get("authorization");
        if found.is_none_or(|it| it != authorization) {
            return Some(StatusCode::UNAUTHORIZED.into_response());
        }
        let status = match &mut self.trouble {
            ServiceTrouble::TooManyRequests(left) if *left > 0 => {
                *left -= 1;
                StatusCode::TOO_MANY_REQUESTS
            }
            ServiceTrouble::Unavailable(left) if *left > 0 => {
                *left -= 1;
                StatusCode::SERVICE_UNAVAILABLE
            }
            ServiceTrouble::Garbled => return Some("{\"data\": 7, \"result\": 7}".into_response()),
            _ => {
                let line = format!("{} {}", request.method(), request.uri());
                self.requests.push(line);
                return None;
            }
        };
        Some((status, [("retry-after", "1")]).into_response())
    }

    /// Begins to prepare a file, if it is not prepared.
    fn prepare(&mut self, id: &str) {
        if self.looks(id).is_none() {
            self.prepared.push((id.to_owned(), LOOKS));
        }
    }

    /// Looks at a file: `Some(0)`: it is ready; `None`: it is not prepared.
    fn look(&mut self, id: &str) -> Option<u32> {
        let (_, left) = self.prepared.iter_mut().find(|it| it.0 == id)?;
        let now = *left;
        *left = now.saturating_sub(1);
        Some(now)
    }

    fn looks(&self, id: &str) -> Option<u32> {
        let found = self.prepared.iter().find(|it| it.0 == id);
        found.map(|it| it.1)
    }

    /// The file, or the part that the request names (RFC 9110, section 14).
    fn serve_file(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        let is_permitted = uri.to_string().contains(URL_SECRET);
        if !is_permitted || self.trouble == ServiceTrouble::ExpiredUrls {
            return StatusCode::FORBIDDEN.into_response();
        }
        let start = headers
            .get(RANGE)
            .and_then(|it| it.to_str().ok()?.strip_prefix("bytes=")?.split('-').next())
            .and_then(|it| it.parse::<usize>().ok());
        let size = self.file.len();
        match start {
            Some(start) if start < size => {
                let range = format!("bytes {start}-{}/{size}", size - 1);
                let headers = [("content-range", range.as_str()), ("etag", "\"v1\"")];
                let part = self.file[start..].to_vec();
                (StatusCode::PARTIAL_CONTENT, headers, part).into_response()
            }
            _ => ([("etag", "\"v1\"")], self.file.clone()).into_response(),
        }
    }
}

fn locked(account: &Shared) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves on a free port until the process ends. Returns the base URL.
async fn serve(listener: TcpListener, router: Router) {
    listener
        .set_nonblocking(true)
        .expect("a listener can be switched");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener is a socket");
    tokio::spawn(async move { axum::serve(listener, router).await });
}

/// A listener on a free port, and its URL.
fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, format!("http://127.0.0.1:{port}"))
}
