//! Changes of videos as server-sent events.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use domain::job::Stage;
use futures::StreamExt as _;
use http::{Method, Request, StatusCode};
use platform::clock;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{TOKEN, World};

/// The events that a client gets.
struct Listener {
    stream: BodyDataStream,
    text: String,
}

/// An event with its type, id and data.
#[derive(Debug, Default)]
struct Received {
    kind: String,
    id: String,
    data: Value,
}

impl Listener {
    async fn connect(world: &World, token: &str, last_event_id: Option<&str>) -> Self {
        let mut request =
            Request::get("/v1/events/stream").header("authorization", format!("Bearer {token}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = world
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            stream: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event within 5 s; `None`: there is none, or the stream has ended.
    async fn next(&mut self) -> Option<Received> {
        self.next_within(Duration::from_secs(5)).await
    }

    async fn next_within(&mut self, wait: Duration) -> Option<Received> {
        let read = async {
            loop {
                if let Some((block, rest)) = self.text.split_once("\n\n") {
                    let mut event = Received::default();
                    for line in block.lines() {
                        match line.split_once(": ").or_else(|| line.split_once(':')) {
                            Some(("event", kind)) => event.kind = kind.to_owned(),
                            Some(("id", id)) => event.id = id.to_owned(),
                            Some(("data", data)) => {
                                event.data = serde_json::from_str(data).unwrap()
                            }
                            _ => {}
                        }
                    }
                    self.text = rest.to_owned();
                    return Some(event);
                }
                let bytes = self.stream.next().await?.unwrap();
                self.text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
        };
        tokio::time::timeout(wait, read).await.ok().flatten()
    }

    /// The next event, which must be about a video.
    async fn video(&mut self) -> Received {
        let event = self.next().await.expect("an event");
        assert_eq!(event.kind, "video", "{event:?}");
        event
    }
}

#[tokio::test]
async fn clients_get_the_changes_of_their_videos() {
    let world = World::new().await;
    let (_, ann) = world.key(Some("ann"), &["read", "upload"]).await;
    let (_, bob) = world.key(Some("bob"), &["read"]).await;
    let mut listeners = Vec::new();
    for token in [TOKEN, &ann, &bob] {
        let mut listener = Listener::connect(&world, token, None).await;
        let first = listener.next().await.unwrap();
        assert!(
            first.kind.is_empty() && first.id.parse::<u64>().unwrap() < clock::now().get(),
            "{first:?}"
        );
        listeners.push(listener);
    }
    // After the first reading.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let request = json!({ "filename": "a.mp4", "size": 3, "title": "Film" });
    let id = world
        .call_as(&ann, Method::POST, "/v1/uploads", Some(request))
        .await
        .video();
    let mut last = String::new();
    for listener in &mut listeners[..2] {
        let created = listener.video().await;
        assert_eq!(
            (&created.data["id"], &created.data["state"]),
            (&json!(id.to_string()), &json!("uploading"))
        );
        assert_eq!(
            created.data,
            world.get("/v1/videos").await.body["videos"][0]
        );
        last = created.id;
    }
    // Many changes within a second are one event.
    for title in ["a", "b", "c"] {
        world
            .call(
                Method::PATCH,
                &format!("/v1/videos/{id}"),
                Some(json!({ "title": title })),
            )
            .await;
    }
    assert_eq!(listeners[0].video().await.data["title"], "c");
    world.delete(&format!("/v1/videos/{id}")).await;
    let deleted = listeners[0].video().await;
    assert_eq!(
        (&deleted.data["state"], &deleted.data["title"]),
        (&json!("deleted"), &Value::Null)
    );
    assert!(
        listeners[2]
            .next_within(Duration::from_millis(50))
            .await
            .is_none(),
        "bob has no videos"
    );

    // After an interruption.
    let mut again = Listener::connect(&world, &ann, Some(&last)).await;
    let replayed = again.video().await;
    assert_eq!((&replayed.data, replayed.id.as_str()), (&deleted.data, ""));
    let complete = again.next().await.unwrap();
    assert!(
        complete.kind.is_empty() && !complete.id.is_empty(),
        "the id comes after the replay: {complete:?}"
    );
    let mut again = Listener::connect(&world, &ann, Some("x")).await;
    assert_eq!(again.next().await.unwrap().kind, "missed");
    assert!(again.next().await.unwrap().kind.is_empty());

    world.state.live.end();
    while listeners[0].next().await.is_some() {}
    assert!(
        listeners[0].stream.next().await.is_none(),
        "the stream ends with the program"
    );
}

#[tokio::test]
async fn progress_and_posters_are_changes() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    let mut listener = Listener::connect(&world, TOKEN, None).await;
    listener.next().await.unwrap();
    let before = listener.video().await.data;
    assert_eq!(before["percent"], 0, "changed just before: {before}");
    world
        .catalog
        .set_progress(&claim, Stage::Encode, 42, clock::now())
        .await
        .unwrap();
    let data = listener.video().await.data;
    assert_eq!(
        (&data["stage"], &data["percent"]),
        (&json!("encode"), &json!(42))
    );
    world
        .catalog
        .mark_ready(&claim, &Default::default(), clock::now())
        .await
        .unwrap();
    let ready = listener.video().await.data;
    let poster = domain::ids::PosterId::from_timestamp(5);
    world.catalog.want_poster(id, &poster).await.unwrap();
    world.catalog.show_poster(id, &poster).await.unwrap();
    assert_ne!(
        listener.video().await.data["poster_url"],
        ready["poster_url"]
    );
}

#[tokio::test]
async fn the_stream_can_be_switched_off() {
    let (world, off) = (
        World::new().await,
        World::with(|it| it.streams = false).await,
    );
    let head = async |world: &World| {
        let request =
            Request::head("/v1/events/stream").header("authorization", format!("Bearer {TOKEN}"));
        world
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
            .status()
    };
    assert_eq!(
        (head(&world).await, head(&off).await),
        (StatusCode::OK, StatusCode::NOT_FOUND)
    );
    assert_eq!(
        off.get("/v1/events/stream").await.problem(),
        (404, "no-such-route")
    );
}
