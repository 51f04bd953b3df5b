//! A fake of Lambda's Runtime API: next event, response, error.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

/// The result of an event: response or error.
pub(crate) type Outcome = Result<Value, Value>;

struct Shared {
    events: AsyncMutex<mpsc::UnboundedReceiver<(String, Value)>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
    /// When the function requested its first event.
    ready: OnceLock<Instant>,
}

/// A running function. Killed when dropped.
pub(crate) struct Function {
    events: mpsc::UnboundedSender<(String, Value)>,
    shared: Arc<Shared>,
    _child: Child,
    output: NamedTempFile,
    count: u32,
    started: Instant,
}

impl Function {
    /// Starts a program like Lambda, with only these variables.
    pub(crate) async fn start(program: &str, variables: &[(&str, String)]) -> Self {
        let (events, receiver) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            events: AsyncMutex::new(receiver),
            waiting: Mutex::default(),
            ready: OnceLock::new(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve::serve(listener, router, std::future::pending()));
        let output = NamedTempFile::new().unwrap();
        let mut command = Command::new(program);
        command
            .env_clear()
            .stdin(Stdio::null())
            .stdout(output.reopen().unwrap())
            .kill_on_drop(true);
        command.env("AWS_LAMBDA_RUNTIME_API", address.to_string());
        for (name, value) in [("NAME", "test"), ("VERSION", "1"), ("MEMORY_SIZE", "256")] {
            command.env(format!("AWS_LAMBDA_FUNCTION_{name}"), value);
        }
        command
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream");
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        let started = Instant::now();
        let child = command.spawn().unwrap();
        Self {
            events,
            shared,
            _child: child,
            output,
            count: 0,
            started,
        }
    }

    /// Time since the start.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time from the start until the first event was requested.
    pub(crate) fn ready_after(&self) -> Option<Duration> {
        self.shared
            .ready
            .get()
            .map(|it| it.duration_since(self.started))
    }

    /// The lines in the embedded metric format that it wrote until now.
    pub(crate) fn metrics(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.output.path()).unwrap();
        let lines = text.lines().filter(|it| it.contains("\"_aws\""));
        let parsed = lines.map(|it| serde_json::from_str(it).unwrap());
        parsed.collect()
    }

    /// Sends one event and waits for its result.
    pub(crate) async fn invoke(&mut self, event: Value) -> Outcome {
        self.count += 1;
        let id = format!("request-{}", self.count);
        let (sender, receiver) = oneshot::channel();
        self.shared
            .waiting
            .lock()
            .unwrap()
            .insert(id.clone(), sender);
        self.events.send((id, event)).unwrap();
        tokio::time::timeout(Duration::from_secs(30), receiver)
            .await
            .expect("the function answers")
            .unwrap()
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.ready.get_or_init(Instant::now);
    let Some((id, event)) = shared.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", id),
        (
            "Lambda-Runtime-Deadline-Ms",
            (platform::clock::now() + Duration::from_secs(15))
                .get()
                .to_string(),
        ),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:test".to_owned(),
        ),
        ("Lambda-Runtime-Trace-Id", "Root=1-0-0".to_owned()),
        ("Content-Type", "application/json".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.tell(
        &id,
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null)),
    )
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.tell(
        &id,
        Err(serde_json::from_slice(&body).unwrap_or(Value::Null)),
    )
}

impl Shared {
    fn tell(&self, id: &str, outcome: Outcome) -> StatusCode {
        if let Some(sender) = self.waiting.lock().unwrap().remove(id) {
            // The receiver is gone after a timeout.
            drop(sender.send(outcome));
        }
        StatusCode::ACCEPTED
    }
}
