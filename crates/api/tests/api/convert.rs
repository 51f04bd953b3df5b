//! Videos from objects of the bucket.

use api::services::ingest::Ingested;
use catalog::NewVideo;
use domain::ids::VideoId;
use domain::job::{Generate, JobReason, Mode, Priority};
use domain::object_key::{ExternalPath, ObjectKey};
use domain::prices::Prices;
use domain::receipt::Receipt;
use http::StatusCode;
use http_body_util::BodyExt as _;
use platform::clock;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::json;
use tower::ServiceExt as _;

use crate::world::{Answer, TOKEN, World};

/// Puts an object into the private bucket, as the operator does, and returns its ETag.
async fn put(world: &World, path: &str, bytes: &'static str) -> String {
    let key = ObjectKey::External {
        video: VideoId::new(1, [1; 10]),
        path: ExternalPath::try_from(path.to_owned()).unwrap(),
    };
    let put = world.store.put(&key, bytes.into(), PutCondition::Always);
    put.await.unwrap().0
}

/// The id of a video in a response.
fn id_of(answer: &Answer) -> VideoId {
    answer.body["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn objects_in_the_bucket_are_converted_in_place() {
    let world = World::new().await;
    let path = ExternalPath::try_from("lessons/2024/Über uns.mp4".to_owned()).unwrap();
    let key = ObjectKey::External {
        video: VideoId::new(1, [1; 10]),
        path: path.clone(),
    };
    world
        .store
        .put(&key, "bytes".into(), PutCondition::Always)
        .await
        .unwrap();

    let body = json!({ "key": path.as_str(), "content_type": "lesson", "content_id": "17", "title": "Lesson" });
    let created = world.post("/v1/videos", body.clone()).await;
    assert_eq!(
        (created.status, &created.body["state"]),
        (StatusCode::CREATED, &json!("queued")),
        "{}",
        created.body
    );
    let id = created.body["id"].as_str().unwrap();
    assert_eq!(created.headers["location"], format!("/v1/videos/{id}"));
    assert_eq!(
        (
            &created.body["external_id"],
            &created.body["source"]["size"]
        ),
        (&json!("lesson:17"), &json!(5))
    );
    let jobs = world.jobs().await;
    assert_eq!(
        (jobs.len(), jobs[0].reason, jobs[0].source.key.as_str()),
        (1, JobReason::Convert, path.as_str())
    );

    let again = world.post("/v1/videos", body).await;
    assert_eq!(
        (again.status, &again.body["id"]),
        (StatusCode::OK, &json!(id)),
        "the same request returns the same video"
    );
    let later = world
        .post(
            "/v1/videos",
            json!({ "key": path.as_str(), "generate": "on_first_view" }),
        )
        .await;
    assert_eq!(
        (later.status, &later.body["state"]),
        (StatusCode::CREATED, &json!("stored"))
    );

    let repeated = world
        .post("/v1/videos", json!({ "key": path.as_str() }))
        .await;
    assert_eq!(
        (repeated.status, &repeated.body["id"]),
        (StatusCode::OK, &later.body["id"]),
        "none has an external id"
    );

    // The object belongs to the customer: deleting the video keeps it.
    world.delete(&format!("/v1/videos/{id}")).await;
    assert!(world.store.head(&key).await.is_ok());

    let foreign = format!("uploads/{}/a.mp4", later.body["id"].as_str().unwrap());
    for missing in ["lessons/none.mp4", "", "../a.mp4", "keys/x", &foreign] {
        let answer = world.post("/v1/videos", json!({ "key": missing })).await;
        assert_eq!(answer.problem(), (422, "no-such-object"), "{missing}");
    }
    for odd in [
        json!({ "key": path.as_str(), "content_type": "lesson" }),
        json!({ "key": path.as_str(), "content_type": "lesson", "content_id": "1", "external_id": "x" }),
    ] {
        assert_eq!(
            world.post("/v1/videos", odd).await.problem(),
            (422, "invalid-field")
        );
    }
}

#[tokio::test]
async fn objects_that_are_no_sources_are_listed() {
    let world = World::new().await;
    world.upload_small().await;
    for path in [
        "a.mp4",
        "films/b.mp4",
        "films/é.mov",
        "keys.mp4",
        "uploads/c.mp4",
        "z.mp4",
    ] {
        put(&world, path, "bytes").await;
    }
    let mut bulk = json!({ "key": "films/b.mp4", "priority": "bulk" });
    let listed = async |query: &str| {
        let page = world.get(&format!("/v1/objects?{query}")).await.body;
        let keys = page["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["key"].as_str().unwrap().to_owned());
        (
            keys.collect::<Vec<_>>(),
            page["next_cursor"].as_str().map(str::to_owned),
        )
    };
    assert_eq!(
        listed("").await.0,
        [
            "a.mp4",
            "films/b.mp4",
            "films/é.mov",
            "keys.mp4",
            "uploads/c.mp4",
            "z.mp4"
        ]
    );
    assert_eq!(
        world.post("/v1/videos", bulk.clone()).await.status,
        StatusCode::CREATED
    );
    assert_eq!(
        listed("prefix=films/").await,
        (vec!["films/é.mov".to_owned()], None)
    );
    assert_eq!(listed("prefix=keys/").await, (vec![], None));
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let (keys, next) = listed(&format!("limit=2{cursor}")).await;
        seen.extend(keys);
        let Some(next) = next else { break };
        cursor = format!(
            "&cursor={}",
            percent_encoding::utf8_percent_encode(&next, percent_encoding::NON_ALPHANUMERIC)
        );
    }
    assert_eq!(
        seen,
        ["a.mp4", "films/é.mov", "keys.mp4", "uploads/c.mp4", "z.mp4"]
    );

    let long = format!("cursor={}", "a".repeat(1_025));
    assert_eq!(
        world.get(&format!("/v1/objects?{long}")).await.problem(),
        (400, "malformed-request")
    );
    for impossible in [
        "prefix=%00",
        "cursor=a%00b",
        "prefix=a%0B",
        "cursor=%1F",
        "prefix=%EF%BF%BE",
    ] {
        let none = world.get(&format!("/v1/objects?{impossible}")).await;
        assert_eq!(
            (none.status, &none.body["objects"]),
            (StatusCode::OK, &json!([])),
            "{impossible}"
        );
    }

    let jobs = world.jobs().await;
    let bulk_jobs: Vec<_> = jobs
        .iter()
        .filter(|it| it.priority == Priority::Bulk)
        .map(|it| &it.source.key)
        .collect();
    assert_eq!(bulk_jobs, ["films/b.mp4"]);
    bulk["priority"] = json!("urgent");
    assert_eq!(
        world.post("/v1/videos", bulk).await.problem(),
        (400, "malformed-request")
    );
    let import = json!({ "url": "https://files.example/a.mp4", "priority": "bulk" });
    assert_eq!(
        world.post("/v1/videos", import).await.problem(),
        (422, "invalid-field")
    );
}

/// A catalogue that is converted in several runs: the list shows what became of each object.
#[tokio::test]
async fn objects_are_listed_with_their_videos() {
    let world = World::new().await;
    let mut etags = vec![];
    for (path, bytes) in [
        ("films/a.mp4", "one"),
        ("films/b.mp4", "one"),
        ("films/c.mp4", "two"),
    ] {
        etags.push(put(&world, path, bytes).await);
    }
    assert!(etags[0] == etags[1] && etags[0] != etags[2], "{etags:?}");
    let request = json!({ "key": "films/a.mp4", "external_id": "a" });
    let created = world.post("/v1/videos", request).await;
    let claim = world.claim(id_of(&created)).await;
    let receipt = Receipt {
        cpu_ms: 3_600_000,
        source_ms: 1_500,
        ..Receipt::default()
    };
    let ready = world.catalog.mark_ready(&claim, &receipt, clock::now());
    ready.await.unwrap();

    let listed = world.get("/v1/objects?prefix=films/&converted=true").await;
    let objects = listed.body["objects"].as_array().unwrap();
    let shown: Vec<_> = objects
        .iter()
        .map(|it| (&it["key"], &it["etag"], &it["video"]["state"]))
        .collect();
    let expected = [
        (&json!("films/a.mp4"), &json!(etags[0]), &json!("ready")),
        (&json!("films/b.mp4"), &json!(etags[0]), &json!(null)),
        (&json!("films/c.mp4"), &json!(etags[2]), &json!(null)),
    ];
    assert_eq!(shown, expected);
    let video = &objects[0]["video"];
    assert_eq!(video["id"], created.body["id"]);
    assert_eq!(
        (
            &video["external_id"],
            &video["etag"],
            &video["duration_seconds"]
        ),
        (&json!("a"), &json!(etags[0]), &json!(1.5))
    );
    let usd = video["cost"]["compute_usd"].as_f64().unwrap();
    assert!((usd - Prices::default().cpu_hour_usd).abs() < 1e-9, "{usd}");
    assert!(!objects[1].as_object().unwrap().contains_key("video"));

    // The newest video counts; a deleted one does not.
    let again = world
        .post("/v1/videos", json!({ "key": "films/a.mp4" }))
        .await;
    let newest = async || {
        let listed = world.get("/v1/objects?prefix=films/a&converted=true").await;
        listed.body["objects"][0]["video"]["id"].clone()
    };
    assert_eq!(newest().await, again.body["id"]);
    world.delete(&format!("/v1/videos/{}", id_of(&again))).await;
    assert_eq!(newest().await, created.body["id"]);
    let others = world.get("/v1/objects?prefix=films/&converted=false").await;
    assert_eq!(others.body["objects"].as_array().unwrap().len(), 2);
}

/// The API may stop between the row of the video and its job.
#[tokio::test]
async fn a_conversion_that_was_cut_off_is_finished_by_the_next_request() {
    let world = World::new().await;
    put(&world, "films/a.mp4", "bytes").await;
    let id = VideoId::new(clock::now().get(), [7; 10]);
    let new = NewVideo {
        id,
        owner: None,
        title: Some("a.mp4".to_owned()),
        external_id: Some("a".to_owned()),
        metadata: serde_json::Map::new(),
        profile: "small".to_owned(),
        mode: Mode::Copy,
        generate: Generate::OnUpload,
        file_name: Some("a.mp4".to_owned()),
        source_key: Some("films/a.mp4".to_owned()),
        source_size: Some(5),
        content_type: None,
    };
    world
        .catalog
        .create_video(&new, clock::now())
        .await
        .unwrap();
    let request = json!({ "key": "films/a.mp4", "external_id": "a", "priority": "bulk" });
    for _ in 0..2 {
        let answer = world.post("/v1/videos", request.clone()).await;
        assert_eq!(
            (answer.status, id_of(&answer), &answer.body["state"]),
            (StatusCode::OK, id, &json!("queued"))
        );
    }
    let jobs = world.jobs().await;
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        (
            jobs[0].video,
            jobs[0].profile.as_str(),
            jobs[0].mode,
            jobs[0].priority
        ),
        (id, "small", Mode::Copy, Priority::Bulk)
    );
}

/// Copy tools may put files into the upload directory: `rclone copy film.mp4 r2:private/uploads/`.
#[tokio::test]
async fn a_file_beside_the_uploads_is_counted_and_can_be_converted() {
    let world = World::new().await;
    let path = ExternalPath::try_from("uploads/Über uns.mp4".to_owned()).unwrap();
    let key = ObjectKey::External {
        video: VideoId::new(1, [1; 10]),
        path: path.clone(),
    };
    world
        .store
        .put(&key, "bytes".into(), PutCondition::Always)
        .await
        .unwrap();
    assert!(matches!(
        world.pump().await.as_slice(),
        [Ingested::Ignored(_)]
    ));
    let request = http::Request::get("/metrics").header("authorization", format!("Bearer {TOKEN}"));
    let figures = world
        .router
        .clone()
        .oneshot(request.body(axum::body::Body::empty()).unwrap())
        .await
        .unwrap();
    let figures = figures.into_body().collect().await.unwrap().to_bytes();
    let line = r#"edgereel_bucket_events_total{outcome="not-an-upload"} 1"#;
    assert!(String::from_utf8_lossy(&figures).contains(line));

    let created = world
        .post("/v1/videos", json!({ "key": path.as_str() }))
        .await;
    assert_eq!(
        (created.status, &created.body["state"]),
        (StatusCode::CREATED, &json!("queued")),
        "{}",
        created.body
    );
    assert_eq!(
        created.body["title"], "Über uns.mp4",
        "the name of the file, as for an upload"
    );
    let jobs = world.jobs().await;
    assert_eq!(
        (jobs.len(), jobs[0].source.key.as_str()),
        (1, path.as_str())
    );
    // The object existed before and belongs to the customer.
    world
        .delete(&format!(
            "/v1/videos/{}",
            created.body["id"].as_str().unwrap()
        ))
        .await;
    assert!(world.store.head(&key).await.is_ok());
}
