//! Captions: uploads, errors, and the search.

use std::time::Duration;

use api::services::sweeper::SweepSummary;
use axum::body::Body;
use catalog::CaptionRecord;
use domain::ids::VideoId;
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::receipt::Receipt;
use http::{Request, StatusCode};
use platform::clock;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::json;

use crate::sweeping::{DAY, sweeper};
use crate::world::{Answer, World};

const SRT: &str = "1\n00:00:01,000 --> 00:00:02,000\nWelcome to the lesson\n\n2\n00:00:03,000 --> 00:00:02,000\nx\n";

async fn put(world: &World, video: VideoId, rest: &str, body: &str) -> Answer {
    let request = Request::put(format!("/v1/videos/{video}/captions/{rest}"))
        .header("authorization", format!("Bearer {}", crate::world::TOKEN));
    world
        .send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

async fn objects(world: &World, video: VideoId) -> usize {
    let prefix = ObjectPrefix::Captions(video);
    world.store.list(&prefix, None).await.unwrap().entries.len()
}

#[tokio::test]
async fn captions_are_stored_replaced_and_deleted() {
    let world = World::new().await;
    let video = world.upload_small().await;
    world.playlist_jobs().await;
    let stored = put(&world, video, "pt-br?sdh=true", SRT).await;
    assert_eq!(stored.status, StatusCode::CREATED, "{}", stored.body);
    let captions = &stored.body["captions"];
    assert_eq!(
        (
            &captions["language"],
            &captions["name"],
            &captions["sdh"],
            &captions["status"]
        ),
        (
            &json!("pt-BR"),
            &json!("Português (BR) (SDH)"),
            &json!(true),
            &json!("pending")
        )
    );
    assert_eq!(
        stored.body["warnings"],
        json!(["line 6: a cue that ends before it begins was left out"])
    );
    assert_eq!(
        (world.playlist_jobs().await, objects(&world, video).await),
        (1, 1)
    );
    // The same again sends the job again, because nothing is published yet.
    let again = put(&world, video, "pt-BR?sdh=true", SRT).await;
    assert_eq!(
        (again.status, &again.body["captions"]),
        (StatusCode::OK, captions)
    );
    assert_eq!(
        (world.playlist_jobs().await, objects(&world, video).await),
        (1, 1)
    );
    let read = world
        .get(&format!("/v1/videos/{video}/captions/PT-BR"))
        .await;
    assert_eq!(
        read.body,
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nWelcome to the lesson\n"
    );
    let replaced = put(
        &world,
        video,
        "pt-BR?name=Outra&sdh=true",
        "WEBVTT\n\n00:01.000 --> 00:02.000\nOutra lição\n",
    )
    .await;
    assert_eq!(replaced.status, StatusCode::OK, "{}", replaced.body);
    let list = world
        .get(&format!("/v1/videos/{video}/captions?text=LICAO"))
        .await;
    assert_eq!(list.body["captions"].as_array().unwrap().len(), 1);
    assert_eq!(
        list.body["matches"],
        json!([{ "language": "pt-BR", "name": "Outra", "start": 1.0, "end": 2.0, "text": "Outra lição" }])
    );
    let found = async |text: &str| {
        let list = world.get(&format!("/v1/videos?text={text}")).await;
        list.body["total"].as_u64().unwrap()
    };
    assert_eq!(
        [found("outra%20licao").await, found("welcome").await],
        [1, 0]
    );
    let path = format!("/v1/videos/{video}/captions/pt-BR");
    let complete = put(&world, video, "pt-BR", SRT).await;
    assert_eq!(complete.status, StatusCode::CREATED, "{}", complete.body);
    let sdh = world.get(&format!("{path}?sdh=true")).await;
    assert!(sdh.body.as_str().unwrap().contains("lição"), "{}", sdh.body);
    for removed in ["?sdh=true&forced=false", "?sdh=true"] {
        let answer = world.delete(&format!("{path}{removed}")).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    let left = world.get(&path).await;
    assert!(
        left.body.as_str().unwrap().contains("Welcome"),
        "{}",
        left.body
    );
    let none = world.get(&format!("{path}?sdh=true")).await;
    assert_eq!(none.problem(), (404, "no-such-captions"));
    for _ in 0..2 {
        assert_eq!(world.delete(&path).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(world.get(&path).await.problem(), (404, "no-such-captions"));
    assert_eq!(found("outra").await, 0);
}

#[tokio::test]
async fn files_and_settings_are_checked() {
    let world = World::new().await;
    let video = world.upload_small().await;
    let large = " ".repeat((4 << 20) + 1);
    for (rest, body, problem, detail) in [
        (
            "en",
            "hello",
            "captions-not-accepted",
            "the file is not SRT, WebVTT or TTML",
        ),
        (
            "en",
            "",
            "captions-not-accepted",
            "the file has no cue with a text",
        ),
        (
            "en",
            "# VobSub index file, v7",
            "captions-not-accepted",
            "VobSub (DVD) subtitles are images, which cannot be converted to text",
        ),
        (
            "en",
            "1\n00:00:01,000 --> x\ny",
            "captions-not-accepted",
            "line 2: `00:00:01,000 --> x` is not a time",
        ),
        (
            "en_GB",
            SRT,
            "invalid-field",
            "`language`: `en_GB` is not a language tag",
        ),
        ("en?default=maybe", SRT, "malformed-request", "the query"),
        ("en?colour=red", SRT, "malformed-request", "the query"),
        (
            "en?name=a%0Ab",
            SRT,
            "invalid-field",
            "`name` must not have control characters",
        ),
        (
            &format!("en?name={}", "n".repeat(101)),
            SRT,
            "field-too-long",
            "`name`",
        ),
        ("en", &large, "body-too-large", "the body"),
    ] {
        let refused = put(&world, video, rest, body).await;
        assert_eq!(refused.problem().1, problem, "{rest}: {}", refused.body);
        let found = refused.body["detail"].as_str().unwrap();
        assert!(found.starts_with(detail), "{rest}: {found}");
    }
    assert_eq!(objects(&world, video).await, 0);
    for index in 0..50 {
        assert_eq!(
            put(&world, video, &format!("de-x-{index}"), SRT)
                .await
                .status,
            StatusCode::CREATED
        );
    }
    assert_eq!(
        put(&world, video, "en", SRT).await.problem(),
        (409, "conflict")
    );
    assert_eq!(
        put(&world, video, "de-x-7?default=true", SRT).await.status,
        StatusCode::OK
    );
}

/// The sweeper sends lost messages again, and removes the objects of replaced captions when no
/// viewer can have a playlist that names them.
#[tokio::test]
async fn captions_are_swept() {
    let world = World::new().await;
    let sweeper = sweeper(&world);
    let video = world.upload_small().await;
    let claim = world.claim(video).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    put(&world, video, "en", SRT).await;
    world.playlist_jobs().await;
    let minutes = |count: u64| clock::now() + Duration::from_secs(count * 60);
    assert_eq!(sweeper.sweep(minutes(1)).await, SweepSummary::default());
    assert_eq!(
        sweeper.sweep(minutes(20)).await.jobs,
        1,
        "the message was lost"
    );
    assert_eq!(world.playlist_jobs().await, 1);
    let publish = async || {
        let records: Vec<CaptionRecord> = world.catalog.captions(video).await.unwrap();
        assert!(
            world
                .catalog
                .captions_published(video, &records, clock::now())
                .await
                .unwrap()
        );
        records
    };
    let old = publish().await.remove(0);
    put(
        &world,
        video,
        "en",
        "WEBVTT\n\n00:01.000 --> 00:02.000\nAnother\n",
    )
    .await;
    publish().await;
    let rendition = domain::caption::rendition(&old.id);
    let segments = ObjectPrefix::Rendition(video, claim.generation.clone(), rendition.clone());
    let playlist = ObjectKey::MediaPlaylist {
        video,
        generation: claim.generation.clone(),
        rendition,
    };
    world
        .store
        .put(&playlist, "x".into(), PutCondition::Always)
        .await
        .unwrap();
    let left = async || {
        let segments = world.store.list(&segments, None).await.unwrap();
        (segments.entries.len(), objects(&world, video).await)
    };
    assert_eq!(sweeper.sweep(clock::now() + 7 * DAY).await.captions, 0);
    assert_eq!(left().await, (1, 2));
    let swept = sweeper.sweep(clock::now() + 9 * DAY).await;
    assert_eq!((swept.captions, swept.failures), (1, 0));
    assert_eq!(left().await, (0, 1));
    assert_eq!(sweeper.sweep(clock::now() + 20 * DAY).await.captions, 0);
    assert_eq!(
        world
            .get(&format!("/v1/videos/{video}/captions/en"))
            .await
            .status,
        StatusCode::OK
    );
}
