use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::estimate::Measured;
use domain::ids::VideoId;
use http::{HeaderMap, StatusCode};
use platform::secret::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::catalogue::cases::object;
use crate::catalogue::{Budget, Catalogue, Ended, Engine, Notice};

/// The idempotency keys of the requests that the API received.
type Keys = Arc<Mutex<Vec<String>>>;

/// `a.mp4` has a video, and `b.mp4` has none.
async fn list(Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let key = query["prefix"].as_str();
    let video = json!({
        "id": VideoId::new(1, [1; 10]), "owner": null, "external_id": null, "state": "ready", "failure": null,
        "etag": "2", "duration_seconds": 1.5, "cost": null,
    });
    let object = json!({
        "key": key, "size": 7, "etag": "2", "modified_at": "2026-11-21T18:27:05.123Z", "content_type": null,
        "video": (key == "a.mp4").then_some(video),
    });
    Json(json!({ "objects": [object], "next_cursor": null }))
}

async fn reject(State(keys): State<Keys>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    keys.lock().unwrap().push(key);
    let problem = json!({
        "type": "urn:edgereel:problem:empty-file", "code": "empty-file", "title": "Empty file", "status": 422,
        "detail": "the object is empty",
    });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(problem))
}

fn waiting(key: &str) -> Item {
    Item {
        etag: "1".to_owned(),
        ..object(key, ItemState::Waiting(None))
    }
}

/// Another client may convert an object after it was listed, and an object may become empty.
#[tokio::test]
async fn objects_are_looked_at_before_they_are_sent() {
    let keys = Keys::default();
    let router = Router::new()
        .route("/v1/objects", get(list))
        .route("/v1/videos", post(reject))
        .with_state(keys.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let api = Api::new(&base, Secret::new("a token")).unwrap();
    let items = vec![waiting("a.mp4"), waiting("b.mp4")];
    let budget = Budget::new(None, Mode::Abr, Measured::default());
    let source = Objects {
        api: &api,
        options: ConvertOptions::default(),
    };
    let mut engine = Engine::new(&api, source, 1, Catalogue::new(items, budget, None));
    let stop = CancellationToken::new();
    let mut changes = 0;
    let ended = engine
        .run(&stop, &mut |notice: Notice<'_>, _: &Catalogue| {
            changes += u32::from(matches!(notice, Notice::Changed(_)));
        })
        .await;
    assert_eq!(ended.unwrap(), Ended::Done);
    let items = engine.catalogue().items();
    assert_eq!(items[0].state, ItemState::Ready);
    assert_eq!((items[0].size, items[0].seconds), (7, Some(1.5)));
    assert_eq!(items[1].state, ItemState::Failed);
    assert_eq!(items[1].problem.as_deref(), Some("the object is empty"));
    let counts = engine.catalogue().counts();
    assert_eq!((counts.done, counts.failed), (1, 1));
    assert_eq!(changes, 2);
    let keys = keys.lock().unwrap();
    assert_eq!(keys.len(), 2, "only for b.mp4: {keys:?}");
    assert_ne!(keys[0], keys[1]);
}
