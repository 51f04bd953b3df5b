//! Chapters: stored, read and deleted, and published by a job.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World};

async fn put(world: &World, path: &str, chapters: Value) -> Answer {
    let body = Some(json!({ "chapters": chapters }));
    world.call(Method::PUT, path, body).await
}

#[tokio::test]
async fn chapters_are_stored_replaced_and_deleted() {
    let world = World::new().await;
    let video = world.upload_small().await;
    let path = format!("/v1/videos/{video}/chapters");
    world.playlist_jobs().await;
    let none = world.get(&path).await;
    assert_eq!(none.body, json!({ "chapters": [], "status": "published" }));

    let chapters =
        json!([{ "start": 0.0, "title": "Beginning" }, { "start": 61.5, "title": "End" }]);
    let expected = json!({ "chapters": chapters, "origin": "uploaded", "status": "pending" });
    for _ in 0..2 {
        let stored = put(&world, &path, chapters.clone()).await;
        assert_eq!((stored.status, &stored.body), (StatusCode::OK, &expected));
    }
    assert_eq!(
        world.playlist_jobs().await,
        1,
        "the queue knows the second one"
    );
    assert_eq!(world.get(&path).await.body, expected);

    for _ in 0..2 {
        assert_eq!(world.delete(&path).await.status, StatusCode::NO_CONTENT);
    }
    let deleted = world.get(&path).await;
    assert_eq!(deleted.body, json!({ "chapters": [], "status": "pending" }));
}

#[tokio::test]
async fn lists_are_checked() {
    let world = World::new().await;
    let video = world.upload_small().await;
    let path = format!("/v1/videos/{video}/chapters");
    for (chapters, code, detail) in [
        (
            json!([{ "start": -1, "title": "x" }]),
            "invalid-field",
            "the start of chapter 1",
        ),
        (
            json!([{ "start": 1e9, "title": "x" }]),
            "invalid-field",
            "the start of chapter 1",
        ),
        (
            json!([{ "start": 0, "title": " " }]),
            "invalid-field",
            "chapter 1 has no title",
        ),
        (
            json!([{ "start": 5, "title": "x" }, { "start": 5.0001, "title": "y" }]),
            "invalid-field",
            "chapter 2 does not begin after",
        ),
        (
            json!([{ "start": 0, "title": "x".repeat(201) }]),
            "invalid-field",
            "more than 200 characters",
        ),
    ] {
        let refused = put(&world, &path, chapters.clone()).await;
        assert_eq!(refused.problem(), (422, code), "{chapters}");
        let text = refused.body["detail"].as_str().unwrap();
        assert!(text.contains(detail), "{text}");
    }
    let faulty = put(&world, &path, json!([{ "start": "0", "title": "x" }])).await;
    assert_eq!(faulty.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.get(&path).await.body["chapters"], json!([]));
}
