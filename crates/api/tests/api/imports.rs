//! Imports from URLs: create, repeat, lose and recover.

use std::time::Duration;

use catalog::ClaimOutcome;
use domain::failure::{Failure, FailureCode};
use domain::ids::VideoId;
use domain::job::{Import, JobMessage};
use http::StatusCode;
use platform::clock;
use serde_json::json;

use crate::world::World;

const URL: &str = "https://192.88.98.1/Der%20Film.mp4?signature=secret";

#[tokio::test]
async fn a_url_is_fetched_by_the_transcoder() {
    let world = World::new().await;
    let request = json!({ "url": URL, "external_id": "film-7", "title": "Film" });
    let created = world.post("/v1/videos", request.clone()).await;
    assert_eq!(
        (created.status, &created.body["state"]),
        (StatusCode::CREATED, &json!("uploading")),
        "{}",
        created.body
    );
    assert_eq!(created.body["source"]["filename"], "Der Film.mp4");
    assert!(
        !created.body.to_string().contains("secret"),
        "the URL is a permission"
    );
    let id: VideoId = created.body["id"].as_str().unwrap().parse().unwrap();
    let import = Import::new(id);
    assert_eq!(world.messages().await, [JobMessage::from(import.clone())]);
    let again = world.post("/v1/videos", request).await;
    assert_eq!(
        (again.status, &again.body["id"]),
        (StatusCode::OK, &created.body["id"])
    );

    let lease = Duration::from_secs(60);
    let claimed = world
        .catalog
        .claim_import(&import, "worker", lease, clock::now())
        .await
        .unwrap();
    let ClaimOutcome::Claimed(claim) = claimed else {
        panic!("{claimed:?}")
    };
    let failure = Failure::of(FailureCode::FetchRefused);
    world
        .catalog
        .fail(&claim, &failure, false, "", clock::now())
        .await
        .unwrap();
    let stream = world.get(&format!("/v1/videos/{id}/stream")).await;
    assert_eq!(
        (stream.problem(), &stream.body["failure"]["code"]),
        ((409, "video-failed"), &json!("fetch-refused"))
    );
    let retried = world
        .post(&format!("/v1/videos/{id}/retry"), json!({}))
        .await;
    assert_eq!(
        (retried.status, &retried.body["state"]),
        (StatusCode::ACCEPTED, &json!("uploading"))
    );
    assert_eq!(world.messages().await, [JobMessage::from(import)]);
}

#[tokio::test]
async fn urls_to_private_networks_are_rejected() {
    let world = World::new().await;
    for url in [
        "film.mp4",
        "ftp://a.example/",
        "http://127.0.0.1/",
        "https://me:secret@a.example/",
        "http://[::1]/",
    ] {
        let answer = world.post("/v1/videos", json!({ "url": url })).await;
        assert_eq!(answer.problem(), (422, "url-not-accepted"), "{url}");
    }
    for odd in [json!({}), json!({ "url": URL, "key": "film.mp4" })] {
        assert_eq!(
            world.post("/v1/videos", odd).await.problem(),
            (422, "invalid-field")
        );
    }
}

#[tokio::test]
async fn a_lost_import_is_sent_again() {
    let world = World::new().await;
    let id: VideoId = world.post("/v1/videos", json!({ "url": URL })).await.body["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    world.messages().await;
    let sweeper = crate::sweeping::sweeper(&world);
    assert_eq!(
        sweeper.sweep(clock::now()).await.jobs,
        0,
        "it may still be on its way"
    );
    assert_eq!(
        sweeper
            .sweep(clock::now() + Duration::from_secs(16 * 60))
            .await
            .jobs,
        1
    );
    assert_eq!(world.messages().await, [JobMessage::from(Import::new(id))]);
}
