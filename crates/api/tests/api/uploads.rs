//! Uploads straight to the store.

use http::{Method, StatusCode};
use platform::object_store::ObjectStore as _;
use serde_json::{Value, json};

use crate::world::World;

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn a_small_file_is_one_request() {
    let world = World::new().await;
    let body = json!({ "filename": "../../My Film.mp4", "size": 5, "content_type": "Video/MP4", "title": "Film" });
    let created = world.post("/v1/uploads", body).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let (id, request) = (created.video(), &created.body["upload"]["request"]);
    assert_eq!(created.headers["location"], format!("/v1/uploads/{id}"));
    assert_eq!(created.headers["cache-control"], "no-store");
    assert_eq!(
        (&created.body["filename"], &created.body["state"]),
        (&json!("My Film.mp4"), &json!("uploading"))
    );

    let upload = format!("/v1/uploads/{id}");
    let complete = format!("{upload}/complete");
    assert_eq!(
        world.post(&complete, json!({})).await.problem(),
        (409, "upload-incomplete")
    );
    // The signature covers the announced size.
    assert_eq!(world.put(request, b"longer".to_vec()).await.status(), 403);
    assert_eq!(world.put(request, b"bytes".to_vec()).await.status(), 200);
    // The request can write only once.
    assert_eq!(world.put(request, b"other".to_vec()).await.status(), 412);

    let read = world.get(&upload).await.body;
    assert_eq!(
        (&read["complete"], &read["state"]),
        (&json!(true), &json!("uploading")),
        "the event has not come yet"
    );
    assert_eq!(read.get("request"), None);
    for _ in 0..2 {
        assert_eq!(
            world.call(Method::POST, &complete, None).await.status,
            StatusCode::OK
        );
    }
    world.pump().await;
    let completed = world.post(&complete, json!({})).await;
    assert_eq!(
        (completed.status.as_u16(), &completed.body["state"]),
        (200, &json!("queued"))
    );

    let video = world.get(&format!("/v1/videos/{id}")).await.body;
    assert_eq!(
        video["source"],
        json!({ "size": 5, "content_type": "video/mp4", "filename": "My Film.mp4" })
    );
    assert_eq!(
        (&video["title"], &video["state"]),
        (&json!("Film"), &json!("queued"))
    );
}

#[tokio::test]
async fn a_lost_request_can_be_had_again() {
    let world = World::new().await;
    let created = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
        .await;
    let read = world
        .get(&format!("/v1/uploads/{}", created.video()))
        .await
        .body;
    assert_eq!(
        (&read["kind"], &read["complete"]),
        (&json!("single"), &json!(false))
    );
    assert_eq!(
        world.put(&read["request"], b"abc".to_vec()).await.status(),
        200
    );
}

#[tokio::test]
async fn a_large_file_is_many_parts_and_resumes() {
    let world = World::new().await;
    let size = 64 * MIB + 7;
    let created = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": size }))
        .await;
    let upload = format!("/v1/uploads/{}", created.video());
    let (parts, complete) = (format!("{upload}/parts"), format!("{upload}/complete"));
    assert_eq!(
        created.body["upload"],
        json!({ "kind": "multipart", "part_size": 16 * MIB, "parts": 5 })
    );

    let signed = world
        .post(&parts, json!({ "numbers": [1, 2, 3, 4, 5] }))
        .await
        .body;
    let part = |number: usize| &signed["parts"][number - 1];
    assert_eq!(
        (&part(4)["size"], &part(5)["size"]),
        (&json!(16 * MIB), &json!(7))
    );
    let mut tags = Vec::new();
    let mut send = async |number: usize| {
        let answer = world
            .put(
                &part(number)["request"],
                vec![number as u8; part(number)["size"].as_u64().unwrap() as usize],
            )
            .await;
        assert_eq!(answer.status(), 200);
        let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
        tags.push(json!({ "number": number, "etag": etag }));
    };
    send(5).await;
    send(1).await;
    // Parts in the store need not be sent again.
    let read = world.get(&upload).await.body;
    let stored: Vec<(u64, u64)> = read["stored"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["number"].as_u64().unwrap(), it["size"].as_u64().unwrap()))
        .collect();
    assert_eq!(stored, [(1, 16 * MIB), (5, 7)]);
    let incomplete = world.post(&complete, json!({})).await;
    assert_eq!(incomplete.problem(), (409, "upload-incomplete"));
    assert_eq!(incomplete.body["detail"], "part 2 of 5 has not arrived");

    for number in [4, 2, 3] {
        send(number).await;
    }
    let all: Value = json!({ "parts": tags });
    let mut wrong = all.clone();
    wrong["parts"][2]["etag"] = json!("00000000000000000000000000000000");
    let refused = world.post(&complete, wrong).await;
    assert_eq!(refused.problem(), (409, "upload-incomplete"));
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .starts_with("part 4 has a different ETag")
    );

    assert_eq!(
        world.post(&complete, all.clone()).await.status,
        StatusCode::OK
    );
    // The response was lost, and the event has not arrived: repeat with and without parts.
    assert_eq!(
        world.post(&complete, all.clone()).await.status,
        StatusCode::OK
    );
    assert_eq!(
        world.call(Method::POST, &complete, None).await.status,
        StatusCode::OK
    );
    assert_eq!(world.pump().await.len(), 1);
    assert_eq!(world.state(created.video()).await, "queued");
    assert_eq!(world.post(&complete, all).await.status, StatusCode::OK);
    assert_eq!(
        world
            .post(&parts, json!({ "numbers": [1] }))
            .await
            .problem(),
        (409, "upload-complete")
    );
    assert_eq!(world.get(&upload).await.body["complete"], true);
}

#[tokio::test]
async fn invalid_part_numbers_are_rejected() {
    let world = World::new().await;
    let large = world
        .post(
            "/v1/uploads",
            json!({ "filename": "a.mp4", "size": 100 * MIB }),
        )
        .await;
    let parts = format!("/v1/uploads/{}/parts", large.video());
    for numbers in [
        json!([]),
        json!([0]),
        json!([8]),
        json!((1..=101).collect::<Vec<u32>>()),
    ] {
        let answer = world.post(&parts, json!({ "numbers": numbers })).await;
        assert_eq!(answer.problem(), (422, "invalid-field"), "{numbers}");
    }
    assert_eq!(
        world
            .post(&parts, json!({ "numbers": [-1] }))
            .await
            .problem(),
        (400, "malformed-request")
    );
    let complete = format!("/v1/uploads/{}/complete", large.video());
    let twice = json!({ "parts": [{ "number": 1, "etag": "x" }, { "number": 1, "etag": "x" }] });
    assert_eq!(
        world.post(&complete, twice).await.problem(),
        (422, "invalid-field")
    );

    let small = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
        .await;
    let parts = format!("/v1/uploads/{}/parts", small.video());
    assert_eq!(
        world
            .post(&parts, json!({ "numbers": [1] }))
            .await
            .problem(),
        (409, "not-a-multipart-upload")
    );
}

#[tokio::test]
async fn invalid_uploads_are_rejected_immediately() {
    let world = World::new().await;
    for (body, status, code) in [
        (json!({ "filename": "a", "size": 0 }), 422, "empty-file"),
        (
            json!({ "filename": "a", "size": (1_u64 << 40) + 1 }),
            413,
            "too-large",
        ),
        (
            json!({ "filename": "a", "size": 1, "content_type": "text/html" }),
            415,
            "unsupported-type",
        ),
        (
            json!({ "filename": "a", "size": 1, "profile": "huge" }),
            422,
            "no-such-profile",
        ),
        (
            json!({ "filename": "a", "size": 1, "title": "x".repeat(1001) }),
            422,
            "field-too-long",
        ),
        (
            json!({ "filename": "a", "size": 1, "metadata": { "x": "x".repeat(20_000) } }),
            422,
            "field-too-long",
        ),
        (
            json!({ "filename": "a", "size": -1 }),
            400,
            "malformed-request",
        ),
        (
            json!({ "filename": "a", "size": 1, "mode": "fast" }),
            400,
            "malformed-request",
        ),
        (json!({ "size": 1 }), 400, "malformed-request"),
    ] {
        assert_eq!(
            world.post("/v1/uploads", body.clone()).await.problem(),
            (status, code),
            "{body}"
        );
    }
    assert_eq!(
        world.get("/v1/videos").await.body["videos"],
        json!([]),
        "nothing was begun"
    );
}

#[tokio::test]
async fn aborting_leaves_nothing() {
    let world = World::new().await;
    let large = world
        .post(
            "/v1/uploads",
            json!({ "filename": "a.mp4", "size": 100 * MIB }),
        )
        .await;
    let upload = format!("/v1/uploads/{}", large.video());
    let signed = world
        .post(&format!("{upload}/parts"), json!({ "numbers": [1] }))
        .await
        .body;
    let request = &signed["parts"][0]["request"];
    assert_eq!(world.put(request, vec![0; 16 << 20]).await.status(), 200);
    for _ in 0..2 {
        assert_eq!(world.delete(&upload).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(world.get(&upload).await.problem(), (404, "no-such-video"));
    assert_eq!(
        world.put(request, vec![0; 16 << 20]).await.status(),
        404,
        "the upload is gone from the store too"
    );
    assert_eq!(
        world
            .post(&format!("{upload}/complete"), json!({}))
            .await
            .problem(),
        (404, "no-such-video")
    );
}

#[tokio::test]
async fn a_source_of_a_deleted_video_is_removed() {
    let world = World::new().await;
    let created = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
        .await;
    let id = created.video();
    assert_eq!(
        world.delete(&format!("/v1/uploads/{id}")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        world
            .put(&created.body["upload"]["request"], b"abc".to_vec())
            .await
            .status(),
        200,
        "still signed"
    );
    assert_eq!(
        world.pump().await,
        [api::services::ingest::Ingested::VideoGone(id)]
    );
    let left = world
        .store
        .list(&domain::object_key::ObjectPrefix::Sources(id), None)
        .await
        .unwrap();
    assert_eq!(left.entries, []);
}

#[tokio::test]
async fn a_complete_upload_is_deleted_as_a_video() {
    let world = World::new().await;
    let id = world.upload_small().await;
    assert_eq!(
        world.delete(&format!("/v1/uploads/{id}")).await.problem(),
        (409, "upload-complete")
    );
    assert_eq!(world.state(id).await, "queued");
}
