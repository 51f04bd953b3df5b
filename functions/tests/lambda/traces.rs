//! Spans reach the collector before the response: afterwards, the function is frozen.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::json;
use tokio::net::TcpListener;

use crate::cases::{Cloud, request};
use crate::runtime::Function;

type Bodies = Arc<Mutex<Vec<Bytes>>>;

const PATIENCE: Duration = Duration::from_secs(10);

async fn take(State(bodies): State<Bodies>, body: Bytes) {
    bodies.lock().unwrap().push(body);
}

#[tokio::test]
async fn the_api_sends_its_spans_before_it_responds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    let bodies = Bodies::default();
    let router = Router::new().fallback(take).with_state(bodies.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut cloud = Cloud::new().await;
    cloud.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector);
    // Only a flush sends within this time.
    cloud.set("OTEL_BSP_SCHEDULE_DELAY", "600000");
    let mut api = Function::start(env!("CARGO_BIN_EXE_api"), &cloud.variables).await;
    let domain = "x.execute-api.eu-central-1.amazonaws.com";
    for number in 1..=3 {
        let upload = json!({ "filename": "a.mp4", "size": 3 });
        let event = request("POST", "/v1/uploads", Some(upload), domain);
        let created = api.invoke(event).await.unwrap();
        assert_eq!(created["statusCode"], 201, "{created}");
        // On a busy machine, the flush takes longer than the response waits for it.
        let began = Instant::now();
        while bodies.lock().unwrap().len() < number && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let bodies = bodies.lock().unwrap().clone();
        assert_eq!(bodies.len(), number, "one export per invocation");
        let body = String::from_utf8_lossy(&bodies[number - 1]).into_owned();
        assert!(body.contains("POST /v1/uploads"), "{body}");
        assert!(body.contains("edgereel-api"), "{body}");
        assert!(!body.contains("er_test"), "{body}");
    }
}
