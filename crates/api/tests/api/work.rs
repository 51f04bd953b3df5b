//! Work on videos that are there: start on first view, retry, re-encode, cancel, convert and update.

use api::services::ingest::Ingested;
use catalog::CatalogError;
use domain::failure::{Failure, FailureCode};
use domain::ids::VideoId;
use domain::job::{JobReason, Mode, Priority};
use domain::object_key::{ExternalPath, ObjectKey};
use domain::receipt::Receipt;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use platform::clock;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{TOKEN, World};

async fn store_for_later(world: &World) -> VideoId {
    let body = json!({ "filename": "a.mp4", "size": 3, "mode": "copy", "generate": "on_first_view" });
    let created = world.post("/v1/uploads", body).await;
    assert!(world.put(&created.body["upload"]["request"], b"abc".to_vec()).await.status().is_success());
    world.pump().await;
    created.video()
}

#[tokio::test]
async fn the_first_view_starts_the_work_once() {
    let world = World::new().await;
    let id = store_for_later(&world).await;
    assert_eq!(world.state(id).await, "stored");
    assert_eq!(world.jobs().await, []);
    let read = world.get(&format!("/v1/videos/{id}")).await.body;
    assert_eq!((&read["generate"], &read["queued_at"]), (&json!("on_first_view"), &Value::Null));

    let stream = format!("/v1/videos/{id}/stream");
    let asking = (0..20).map(|_| world.get(&stream));
    for answer in futures::future::join_all(asking).await {
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (StatusCode::ACCEPTED, &json!("queued")),
            "{}",
            answer.body
        );
        assert_eq!(answer.headers["retry-after"], "1");
    }
    let jobs = world.jobs().await;
    assert!(!jobs.is_empty() && jobs.iter().all(|it| it.id == jobs[0].id), "one job: {jobs:?}");
    assert_eq!((jobs[0].reason, jobs[0].mode), (JobReason::OnDemand, Mode::Copy));
    let claim = world.claim(id).await;
    world.catalog.mark_ready(&claim, &Receipt::default(), clock::now()).await.unwrap();
    assert_eq!(world.get(&stream).await.status, StatusCode::OK);
    assert_eq!(world.jobs().await, []);
}

#[tokio::test]
async fn failed_and_cancelled_videos_can_be_retried() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let path = format!("/v1/videos/{id}");
    let retry = format!("{path}/retry");
    world.jobs().await;
    let claim = world.claim(id).await;
    assert_eq!(world.post(&retry, json!({})).await.problem(), (409, "conflict"), "a worker is processing it");
    let failure = Failure::of(FailureCode::NotAVideo);
    world.catalog.fail(&claim, &failure, false, "", clock::now()).await.unwrap();

    let again = world.call(Method::POST, &retry, None).await;
    assert_eq!((again.status, &again.body["state"]), (StatusCode::ACCEPTED, &json!("queued")));
    let attempt = &again.body["attempts"][0];
    assert_eq!((&attempt["outcome"], &attempt["failure"]["code"]), (&json!("failed"), &json!("not-a-video")));
    assert_eq!(world.jobs().await[0].reason, JobReason::Retry);

    let claim = world.claim(id).await;
    for _ in 0..2 {
        let cancelled = world.post(&format!("{path}/cancel"), json!({})).await;
        assert_eq!((cancelled.status, &cancelled.body["state"]), (StatusCode::OK, &json!("cancelled")));
    }
    let message = world.catalog.renew(&claim, std::time::Duration::from_secs(9), clock::now()).await;
    assert!(matches!(message, Err(CatalogError::Gone { .. } | CatalogError::LeaseLost { .. })), "{message:?}");
    assert_eq!(world.get(&format!("{path}/stream")).await.problem(), (409, "video-cancelled"));
    assert_eq!(world.post(&retry, json!({})).await.status, StatusCode::ACCEPTED);
    let claim = world.claim(id).await;
    world.catalog.mark_ready(&claim, &Receipt::default(), clock::now()).await.unwrap();
    assert_eq!(world.post(&retry, json!({})).await.problem(), (409, "conflict"), "there is nothing to retry");
}

#[tokio::test]
async fn a_reencode_keeps_the_current_version() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let path = format!("/v1/videos/{id}");
    let claim = world.claim(id).await;
    world.catalog.mark_ready(&claim, &Receipt::default(), clock::now()).await.unwrap();
    world.jobs().await;

    let refused = world.post(&format!("{path}/reencode"), json!({ "profile": "none" })).await;
    assert_eq!(refused.problem(), (422, "no-such-profile"));
    let asked = world.post(&format!("{path}/reencode"), json!({ "profile": "small", "mode": "copy" })).await;
    assert_eq!((asked.status, &asked.body["state"]), (StatusCode::ACCEPTED, &json!("ready")));
    assert_eq!(world.get(&format!("{path}/stream")).await.status, StatusCode::OK);
    let jobs = world.jobs().await;
    assert_eq!((jobs[0].profile.as_str(), jobs[0].mode), ("small", Mode::Copy));
    let claim = world.claim(id).await;
    world.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(world.state(id).await, "ready", "only the re-encode is stopped");
    assert!(world.catalog.mark_ready(&claim, &Receipt::default(), clock::now()).await.is_err());
}

#[tokio::test]
async fn without_a_source_there_is_no_job() {
    let world = World::new().await;
    let waiting = world.post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 })).await.video();
    assert_eq!(world.post(&format!("/v1/videos/{waiting}/retry"), json!({})).await.problem(), (409, "conflict"));
    assert_eq!(world.post(&format!("/v1/videos/{waiting}/reencode"), json!({})).await.problem(), (409, "source-gone"));

    let id = world.upload_small().await;
    let key = world.catalog.get_video(id).await.unwrap().to_job(JobReason::Upload).unwrap().source_key().unwrap();
    world.store.delete(&key).await.unwrap();
    assert_eq!(world.post(&format!("/v1/videos/{id}/reencode"), json!({})).await.problem(), (409, "source-gone"));
}

#[tokio::test]
async fn objects_in_the_bucket_are_converted_in_place() {
    let world = World::new().await;
    let path = ExternalPath::try_from("lessons/2024/Über uns.mp4".to_owned()).unwrap();
    let key = ObjectKey::External { video: VideoId::new(1, [1; 10]), path: path.clone() };
    world.store.put(&key, "bytes".into(), PutCondition::Always).await.unwrap();

    let body = json!({ "key": path.as_str(), "content_type": "lesson", "content_id": "17", "title": "Lesson" });
    let created = world.post("/v1/videos", body.clone()).await;
    assert_eq!((created.status, &created.body["state"]), (StatusCode::CREATED, &json!("queued")), "{}", created.body);
    let id = created.body["id"].as_str().unwrap();
    assert_eq!(created.headers["location"], format!("/v1/videos/{id}"));
    assert_eq!((&created.body["external_id"], &created.body["source"]["size"]), (&json!("lesson:17"), &json!(5)));
    let jobs = world.jobs().await;
    assert_eq!((jobs.len(), jobs[0].reason, jobs[0].source.key.as_str()), (1, JobReason::Convert, path.as_str()));

    let again = world.post("/v1/videos", body).await;
    assert_eq!(
        (again.status, &again.body["id"]),
        (StatusCode::OK, &json!(id)),
        "the same request returns the same video"
    );
    let later = world.post("/v1/videos", json!({ "key": path.as_str(), "generate": "on_first_view" })).await;
    assert_eq!((later.status, &later.body["state"]), (StatusCode::CREATED, &json!("stored")));

    let repeated = world.post("/v1/videos", json!({ "key": path.as_str() })).await;
    assert_eq!((repeated.status, &repeated.body["id"]), (StatusCode::OK, &later.body["id"]), "none has an external id");

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
        assert_eq!(world.post("/v1/videos", odd).await.problem(), (422, "invalid-field"));
    }
}

#[tokio::test]
async fn objects_that_are_no_sources_are_listed() {
    let world = World::new().await;
    world.upload_small().await;
    let put = async |path: &str| {
        let path = ExternalPath::try_from(path.to_owned()).unwrap();
        let key = ObjectKey::External { video: VideoId::new(1, [1; 10]), path };
        world.store.put(&key, "bytes".into(), PutCondition::Always).await.unwrap();
    };
    for path in ["a.mp4", "films/b.mp4", "films/é.mov", "keys.mp4", "uploads/c.mp4", "z.mp4"] {
        put(path).await;
    }
    let mut bulk = json!({ "key": "films/b.mp4", "priority": "bulk" });
    let listed = async |query: &str| {
        let page = world.get(&format!("/v1/objects?{query}")).await.body;
        let keys = page["objects"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap().to_owned());
        (keys.collect::<Vec<_>>(), page["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(listed("").await.0, ["a.mp4", "films/b.mp4", "films/é.mov", "keys.mp4", "uploads/c.mp4", "z.mp4"]);
    assert_eq!(world.post("/v1/videos", bulk.clone()).await.status, StatusCode::CREATED);
    assert_eq!(listed("prefix=films/").await, (vec!["films/é.mov".to_owned()], None));
    assert_eq!(listed("prefix=keys/").await, (vec![], None));
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let (keys, next) = listed(&format!("limit=2{cursor}")).await;
        seen.extend(keys);
        let Some(next) = next else { break };
        cursor =
            format!("&cursor={}", percent_encoding::utf8_percent_encode(&next, percent_encoding::NON_ALPHANUMERIC));
    }
    assert_eq!(seen, ["a.mp4", "films/é.mov", "keys.mp4", "uploads/c.mp4", "z.mp4"]);

    let jobs = world.jobs().await;
    let bulk_jobs: Vec<_> = jobs.iter().filter(|it| it.priority == Priority::Bulk).map(|it| &it.source.key).collect();
    assert_eq!(bulk_jobs, ["films/b.mp4"]);
    bulk["priority"] = json!("urgent");
    assert_eq!(world.post("/v1/videos", bulk).await.problem(), (400, "malformed-request"));
    let import = json!({ "url": "https://files.example/a.mp4", "priority": "bulk" });
    assert_eq!(world.post("/v1/videos", import).await.problem(), (422, "invalid-field"));
}

/// Copy tools may put files into the upload directory: `rclone copy film.mp4 r2:private/uploads/`.
#[tokio::test]
async fn a_file_beside_the_uploads_is_counted_and_can_be_converted() {
    let world = World::new().await;
    let path = ExternalPath::try_from("uploads/Über uns.mp4".to_owned()).unwrap();
    let key = ObjectKey::External { video: VideoId::new(1, [1; 10]), path: path.clone() };
    world.store.put(&key, "bytes".into(), PutCondition::Always).await.unwrap();
    assert!(matches!(world.pump().await.as_slice(), [Ingested::Ignored(_)]));
    let request = http::Request::get("/metrics").header("authorization", format!("Bearer {TOKEN}"));
    let figures = world.router.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    let figures = figures.into_body().collect().await.unwrap().to_bytes();
    let line = r#"edgereel_bucket_events_total{outcome="not-an-upload"} 1"#;
    assert!(String::from_utf8_lossy(&figures).contains(line));

    let created = world.post("/v1/videos", json!({ "key": path.as_str() })).await;
    assert_eq!((created.status, &created.body["state"]), (StatusCode::CREATED, &json!("queued")), "{}", created.body);
    assert_eq!(created.body["title"], "Über uns.mp4", "the name of the file, as for an upload");
    let jobs = world.jobs().await;
    assert_eq!((jobs.len(), jobs[0].source.key.as_str()), (1, path.as_str()));
    // The object existed before and belongs to the customer.
    world.delete(&format!("/v1/videos/{}", created.body["id"].as_str().unwrap())).await;
    assert!(world.store.head(&key).await.is_ok());
}

#[tokio::test]
async fn owners_update_their_videos() {
    let world = World::new().await;
    let path = format!("/v1/videos/{}", world.upload_small().await);
    let patch = async |body: Value| world.call(Method::PATCH, &path, Some(body)).await;
    let changed = patch(json!({ "title": "New", "external_id": "x1", "metadata": { "a": 1 } })).await.body;
    assert_eq!((&changed["title"], &changed["external_id"]), (&json!("New"), &json!("x1")));
    assert_eq!(changed["metadata"], json!({ "a": 1 }));
    let removed = patch(json!({ "title": null })).await.body;
    assert_eq!((&removed["title"], &removed["external_id"]), (&Value::Null, &json!("x1")));
    assert_eq!(patch(json!({})).await.body["metadata"], json!({ "a": 1 }));
    assert_eq!(patch(json!({ "title": "x".repeat(1001) })).await.problem(), (422, "field-too-long"));
    assert_eq!(patch(json!({ "state": "ready" })).await.problem(), (400, "malformed-request"));
}
