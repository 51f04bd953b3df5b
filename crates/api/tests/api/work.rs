//! Work on videos that are there: start on first view, retry, re-encode, cancel, convert and update.

use catalog::CatalogError;
use domain::failure::{Failure, FailureCode};
use domain::ids::VideoId;
use domain::job::{JobReason, Mode};
use domain::receipt::Receipt;
use http::{Method, StatusCode};
use platform::clock;
use platform::object_store::ObjectStore as _;
use serde_json::{Value, json};

use crate::world::World;

async fn store_for_later(world: &World) -> VideoId {
    let body =
        json!({ "filename": "a.mp4", "size": 3, "mode": "copy", "generate": "on_first_view" });
    let created = world.post("/v1/uploads", body).await;
    assert!(
        world
            .put(&created.body["upload"]["request"], b"abc".to_vec())
            .await
            .status()
            .is_success()
    );
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
    assert_eq!(
        (&read["generate"], &read["queued_at"]),
        (&json!("on_first_view"), &Value::Null)
    );

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
    assert!(
        !jobs.is_empty() && jobs.iter().all(|it| it.id == jobs[0].id),
        "one job: {jobs:?}"
    );
    assert_eq!(
        (jobs[0].reason, jobs[0].mode),
        (JobReason::OnDemand, Mode::Copy)
    );
    let claim = world.claim(id).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
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
    assert_eq!(
        world.post(&retry, json!({})).await.problem(),
        (409, "conflict"),
        "a worker is processing it"
    );
    let failure = Failure::of(FailureCode::NotAVideo);
    world
        .catalog
        .fail(&claim, &failure, false, "", clock::now())
        .await
        .unwrap();

    let again = world.call(Method::POST, &retry, None).await;
    assert_eq!(
        (again.status, &again.body["state"]),
        (StatusCode::ACCEPTED, &json!("queued"))
    );
    let attempt = &again.body["attempts"][0];
    assert_eq!(
        (&attempt["outcome"], &attempt["failure"]["code"]),
        (&json!("failed"), &json!("not-a-video"))
    );
    assert_eq!(world.jobs().await[0].reason, JobReason::Retry);

    let claim = world.claim(id).await;
    for _ in 0..2 {
        let cancelled = world.post(&format!("{path}/cancel"), json!({})).await;
        assert_eq!(
            (cancelled.status, &cancelled.body["state"]),
            (StatusCode::OK, &json!("cancelled"))
        );
    }
    let message = world
        .catalog
        .renew(&claim, std::time::Duration::from_secs(9), clock::now())
        .await;
    assert!(
        matches!(
            message,
            Err(CatalogError::Gone { .. } | CatalogError::LeaseLost { .. })
        ),
        "{message:?}"
    );
    assert_eq!(
        world.get(&format!("{path}/stream")).await.problem(),
        (409, "video-cancelled")
    );
    assert_eq!(
        world.post(&retry, json!({})).await.status,
        StatusCode::ACCEPTED
    );
    let claim = world.claim(id).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    assert_eq!(
        world.post(&retry, json!({})).await.problem(),
        (409, "conflict"),
        "there is nothing to retry"
    );
}

#[tokio::test]
async fn a_reencode_keeps_the_current_version() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let path = format!("/v1/videos/{id}");
    let claim = world.claim(id).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    world.jobs().await;

    let refused = world
        .post(&format!("{path}/reencode"), json!({ "profile": "none" }))
        .await;
    assert_eq!(refused.problem(), (422, "no-such-profile"));
    let asked = world
        .post(
            &format!("{path}/reencode"),
            json!({ "profile": "small", "mode": "copy" }),
        )
        .await;
    assert_eq!(
        (asked.status, &asked.body["state"]),
        (StatusCode::ACCEPTED, &json!("ready"))
    );
    assert_eq!(
        world.get(&format!("{path}/stream")).await.status,
        StatusCode::OK
    );
    let jobs = world.jobs().await;
    assert_eq!(
        (jobs[0].profile.as_str(), jobs[0].mode),
        ("small", Mode::Copy)
    );
    let claim = world.claim(id).await;
    world.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(
        world.state(id).await,
        "ready",
        "only the re-encode is stopped"
    );
    assert!(
        world
            .catalog
            .mark_ready(&claim, &Receipt::default(), clock::now())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn without_a_source_there_is_no_job() {
    let world = World::new().await;
    let waiting = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
        .await
        .video();
    assert_eq!(
        world
            .post(&format!("/v1/videos/{waiting}/retry"), json!({}))
            .await
            .problem(),
        (409, "conflict")
    );
    assert_eq!(
        world
            .post(&format!("/v1/videos/{waiting}/reencode"), json!({}))
            .await
            .problem(),
        (409, "source-gone")
    );

    let id = world.upload_small().await;
    let key = world
        .catalog
        .get_video(id)
        .await
        .unwrap()
        .to_job(JobReason::Upload)
        .unwrap()
        .source_key()
        .unwrap();
    world.store.delete(&key).await.unwrap();
    assert_eq!(
        world
            .post(&format!("/v1/videos/{id}/reencode"), json!({}))
            .await
            .problem(),
        (409, "source-gone")
    );
}

#[tokio::test]
async fn owners_update_their_videos() {
    let world = World::new().await;
    let path = format!("/v1/videos/{}", world.upload_small().await);
    let patch = async |body: Value| world.call(Method::PATCH, &path, Some(body)).await;
    let changed = patch(json!({ "title": "New", "external_id": "x1", "metadata": { "a": 1 } }))
        .await
        .body;
    assert_eq!(
        (&changed["title"], &changed["external_id"]),
        (&json!("New"), &json!("x1"))
    );
    assert_eq!(changed["metadata"], json!({ "a": 1 }));
    let removed = patch(json!({ "title": null })).await.body;
    assert_eq!(
        (&removed["title"], &removed["external_id"]),
        (&Value::Null, &json!("x1"))
    );
    assert_eq!(patch(json!({})).await.body["metadata"], json!({ "a": 1 }));
    assert_eq!(
        patch(json!({ "title": "x".repeat(1001) })).await.problem(),
        (422, "field-too-long")
    );
    assert_eq!(
        patch(json!({ "state": "ready" })).await.problem(),
        (400, "malformed-request")
    );
}
