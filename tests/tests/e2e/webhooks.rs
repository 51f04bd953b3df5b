//! A running installation sends all events to a receiver, also after it was killed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use e2e::dev::Home;
use e2e::media::make_film;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

type Messages = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

async fn take(State(messages): State<Messages>, headers: HeaderMap, body: Bytes) {
    messages.lock().unwrap().push((headers, body));
}

fn serve(listener: TcpListener) -> Messages {
    let messages = Messages::default();
    let router = Router::new().fallback(take).with_state(messages.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    messages
}

/// The messages, each verified by the standard's own library, once a message of this type has
/// arrived.
async fn until(messages: &Messages, kind: &str, secret: &str) -> Vec<Value> {
    let (began, webhook) = (Instant::now(), Webhook::new(secret).unwrap());
    loop {
        let read = |(headers, body): &(HeaderMap, Bytes)| {
            webhook.verify(body, headers).expect("a good signature");
            serde_json::from_slice::<Value>(body).unwrap()
        };
        let events: Vec<Value> = messages.lock().unwrap().iter().map(read).collect();
        if events.iter().any(|it| it["type"] == kind) {
            return events;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "no {kind} among {events:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|it| it["type"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_lifecycle_emits_events() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "24",
        16.0,
        &[],
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let messages = serve(listener);
    let dev = home.start().await;
    let (status, webhook) = dev
        .call("POST", "/v1/webhooks", Some(&json!({ "url": url })))
        .await;
    assert_eq!(status, 201, "{webhook}");
    let secret = webhook["secret"].as_str().unwrap();

    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    let began = Instant::now();
    until(&messages, "video.ready", secret).await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "sent at once, not at the next poll"
    );
    dev.call("DELETE", &format!("/v1/videos/{video}"), None)
        .await;
    let events = until(&messages, "video.deleted", secret).await;
    let mut kinds = kinds(&events);
    kinds.retain(|it| *it != "video.playable"); // A short one may be ready at once.
    assert_eq!(
        kinds,
        [
            "upload.completed",
            "video.processing",
            "video.ready",
            "video.deleted"
        ]
    );
    assert!(
        events
            .iter()
            .all(|it| it["data"]["video"] == video.to_string())
    );
    assert!(dev.terminate().await.success());
    assert!(!home.log().contains(secret), "no secret in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unsent_events_survive_a_kill() {
    let mut home = Home::new();
    // A port that was free a moment ago: no receiver listens yet.
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let dev = home.start().await;
    let fields = json!({ "url": format!("http://{address}/"), "events": ["video.failed", "upload.completed"] });
    let (_, webhook) = dev.call("POST", "/v1/webhooks", Some(&fields)).await;
    let invalid = home.folder.path().join("invalid.mp4");
    std::fs::write(&invalid, b"this is not a video").unwrap();
    let video = dev.upload(&invalid, "invalid.mp4").await;
    dev.until_failed(video).await;
    dev.kill().await;

    let messages = serve(TcpListener::bind(address).await.unwrap());
    let dev = home.start().await;
    let events = until(
        &messages,
        "video.failed",
        webhook["secret"].as_str().unwrap(),
    )
    .await;
    assert_eq!(kinds(&events), ["upload.completed", "video.failed"]);
    assert_eq!(events[1]["data"]["failure"]["code"], "not-a-video");
    assert!(dev.terminate().await.success());
}
