//! A webhook receiver on loopback, which verifies messages with the standard's own library.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Uri};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A received message.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) message: Value,
    /// The status of the response.
    pub(crate) status: u16,
}

impl Received {
    pub(crate) fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }

    pub(crate) fn kind(&self) -> &str {
        self.message["type"].as_str().unwrap()
    }

    pub(crate) fn video(&self) -> &str {
        self.message["data"]["video"].as_str().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Verifies the signature with this secret, ignoring the time.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let timestamp = self.header("webhook-timestamp").parse().unwrap();
        let ours = Webhook::new(secret)
            .unwrap()
            .sign(&self.id(), timestamp, &self.body)
            .unwrap();
        self.header("webhook-signature")
            .split(' ')
            .any(|it| it == ours)
    }
}

/// The response.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Body,
    pub(crate) delay: Duration,
}

pub(crate) fn reply(status: u16) -> Reply {
    Reply {
        status,
        headers: vec![],
        body: Body::empty(),
        delay: Duration::ZERO,
    }
}

type Rule = Box<dyn Fn(&Received) -> Reply + Send>;

pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    received: Mutex<Vec<Received>>,
    rule: Mutex<Rule>,
    arrived: Notify,
}

impl Receiver {
    /// Responds with 200 until the test sets another status.
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            rule: Mutex::new(Box::new(|_| reply(200))),
            arrived: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            shared,
            server,
        }
    }

    pub(crate) fn answer(&self, rule: impl Fn(&Received) -> Reply + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// All received messages, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// All accepted messages, in order.
    pub(crate) fn taken(&self) -> Vec<Received> {
        self.received()
            .into_iter()
            .filter(|it| it.status == 200)
            .collect()
    }

    pub(crate) fn kinds(&self) -> Vec<String> {
        self.taken().iter().map(|it| it.kind().to_owned()).collect()
    }

    /// The accepted types by video, in order.
    pub(crate) fn kinds_by_video(&self) -> HashMap<String, Vec<String>> {
        let mut kinds: HashMap<String, Vec<String>> = HashMap::new();
        for it in self.taken() {
            kinds
                .entry(it.video().to_owned())
                .or_default()
                .push(it.kind().to_owned());
        }
        kinds
    }

    /// Waits for the next message.
    pub(crate) async fn arrived(&self) {
        self.shared.arrived.notified().await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let message = serde_json::from_slice(&body).unwrap();
    let mut received = Received {
        path: uri.path().to_owned(),
        headers,
        body,
        message,
        status: 0,
    };
    let reply = (shared.rule.lock().unwrap())(&received);
    received.status = reply.status;
    shared.received.lock().unwrap().push(received);
    shared.arrived.notify_one();
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(reply.body).unwrap()
}
