//! The id of a request: in the response, in problem documents, and in the logs.

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use catalog::TracedWork;
use http::Request;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{Answer, TOKEN, World};

/// Collects the log of a test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// The log of all tests of this program: a subscriber of one thread would miss spans that other threads enter
    /// first.
    fn start() -> Self {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone());
        let subscriber = subscriber
            .with_env_filter(EnvFilter::new("off,api=debug"))
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    }

    /// The events of a request.
    fn events_of(&self, request_id: &str) -> Vec<Value> {
        let bytes = self.0.lock().unwrap();
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let events = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap());
        events
            .filter(|event| event["span"]["request_id"] == request_id)
            .collect()
    }

    fn find(&self, request_id: &str, message: &str) -> Value {
        let events = self.events_of(request_id);
        let is_it = |event: &&Value| {
            event["fields"]["message"]
                .as_str()
                .is_some_and(|text| text.contains(message))
        };
        events
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no `{message}` in {events:?}"))
            .clone()
    }
}

fn id_of(answer: &Answer) -> String {
    answer.headers["x-request-id"].to_str().unwrap().to_owned()
}

async fn get(world: &World, path: &str, id: Option<&str>) -> Answer {
    let mut request = Request::get(path).header("authorization", format!("Bearer {TOKEN}"));
    if let Some(id) = id {
        request = request.header("x-request-id", id);
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_response_has_the_id_of_the_client_or_a_new_one() {
    let world = World::new().await;
    assert_eq!(
        id_of(&get(&world, "/v1/videos", Some("client-7")).await),
        "client-7"
    );
    let (one, other) = (
        get(&world, "/v1/videos", None).await,
        get(&world, "/healthz", None).await,
    );
    assert_eq!((id_of(&one).len(), id_of(&other).len()), (32, 32));
    assert_ne!(id_of(&one), id_of(&other));
    let replaced = get(&world, "/v1/videos", Some("two words")).await;
    assert_eq!(id_of(&replaced).len(), 32);
}

#[tokio::test]
async fn a_problem_has_the_id_of_its_own_request() {
    let world = World::new().await;
    let missing = get(
        &world,
        "/v1/videos/vid_018bcfe5680077078707070707070707",
        Some("client-8"),
    )
    .await;
    assert_eq!(missing.problem(), (404, "no-such-video"));
    assert_eq!(missing.body["request_id"], "client-8");
    let nothing = get(&world, "/nothing", None).await;
    assert_eq!(nothing.body["request_id"], id_of(&nothing));

    // A replayed response is stored, but its id is not.
    let post = async |id: &str| {
        let request = Request::post("/v1/uploads")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("idempotency-key", "once")
            .header("x-request-id", id)
            .body(Body::from(
                json!({ "filename": "a.mp4", "size": 0 }).to_string(),
            ));
        world.send(request.unwrap()).await
    };
    let (first, repeated) = (post("first").await, post("repeated").await);
    assert_eq!(
        (first.problem(), repeated.problem()),
        ((422, "empty-file"), (422, "empty-file"))
    );
    assert_eq!(repeated.headers["idempotency-replayed"], "true");
    assert_eq!(
        (&first.body["request_id"], &repeated.body["request_id"]),
        (&json!("first"), &json!("repeated"))
    );
}

#[tokio::test]
async fn every_log_event_is_inside_the_span_of_its_request() {
    let log = Log::start();
    let world = World::new().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-1234567812345678-01");
    let request = Request::post("/v1/uploads?secret=hidden")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("traceparent", &traceparent)
        // The handler runs in a task of its own.
        .header("idempotency-key", "one")
        .header("x-request-id", "client-9")
        .body(Body::from(
            json!({ "filename": "a.mp4", "size": 5 }).to_string(),
        ));
    let created = world.send(request.unwrap()).await;
    assert_eq!(created.status, 201);

    let event = log.find("client-9", "an upload of 5 bytes");
    let span = &event["span"];
    assert_eq!(
        (&span["name"], &span["method"]),
        (&json!("request"), &json!("POST")),
        "{event}"
    );
    assert_eq!(
        (&span["route"], &span["caller"]),
        (&json!("/v1/uploads"), &json!("installation")),
        "{event}"
    );
    assert_eq!(span["trace_id"], trace, "{event}");
    // Nothing is exported, so the span has no id of its own, and the context of the client goes on.
    assert_eq!(span["span_id"], Value::Null, "{event}");
    let video = created.body["video"].as_str().unwrap().parse().unwrap();
    let stored = world.catalog.trace(video, TracedWork::VIDEO).await.unwrap();
    assert_eq!(stored.unwrap().parent.to_string(), traceparent);
    let completed = log.find("client-9", "request completed");
    assert_eq!(completed["span"]["status"], 201, "{completed}");
    assert!(completed["span"]["duration_ms"].is_u64(), "{completed}");

    let id = created.body["video"].as_str().unwrap();
    get(&world, &format!("/v1/videos/{id}"), Some("client-10")).await;
    let completed = log.find("client-10", "request completed");
    assert_eq!(
        completed["span"]["route"], "/v1/videos/{video}",
        "{completed}"
    );
    let missing = get(&world, "/nothing", Some("client-11")).await;
    assert_eq!(missing.status, 404);
    assert_eq!(
        log.find("client-11", "request completed")["span"]["route"],
        "none"
    );
    assert!(
        !log.events_of("client-9")
            .iter()
            .any(|event| event.to_string().contains("hidden")),
        "a query is logged"
    );
}
