//! Dead letters: jobs that failed too often, and redriving them.

use std::time::Duration;

use domain::failure::{Failure, FailureCode};
use domain::ids::{Generation, PlanId};
use domain::job::{ChunkJob, JobMessage};
use domain::receipt::Receipt;
use domain::state::VideoState;
use platform::clock;
use platform::job_queue::{DeadLetterId, Wanted};
use serde_json::json;

use crate::world::World;

/// Receives all messages as often as the queue delivers them, and releases each.
async fn use_up_deliveries(world: &World) {
    while let Some(delivery) = world
        .queue
        .receive(Wanted::ALL, Duration::ZERO, Duration::from_secs(60))
        .await
        .unwrap()
    {
        world
            .queue
            .release(&delivery.receipt, Duration::ZERO, "the catalog is away")
            .await
            .unwrap();
    }
}

async fn settle(world: &World) -> u64 {
    api::services::dead_letter::fail_videos(&*world.queue, &world.catalog, clock::now())
        .await
        .unwrap()
}

/// Deliveries that were used up by an outage or by stopped workers are not failures of the job.
#[tokio::test]
async fn a_job_whose_attempts_are_not_used_up_is_sent_again() {
    let world = World::new().await;
    let (untried, tried) = (world.upload_small().await, world.upload_small().await);
    let claim = world.claim(tried).await;
    world
        .catalog
        .fail(
            &claim,
            &Failure::of(FailureCode::Unavailable),
            true,
            "",
            clock::now(),
        )
        .await
        .unwrap();
    for _ in 0..3 {
        use_up_deliveries(&world).await;
        assert_eq!(world.queue.depth().await.unwrap().dead, 2);
        assert_eq!(settle(&world).await, 0);
    }
    assert_eq!(
        (world.state(untried).await, world.state(tried).await),
        ("queued", "queued")
    );
    let jobs = world.jobs().await;
    assert_eq!(
        jobs.iter().map(|it| it.video).collect::<Vec<_>>(),
        [untried, tried]
    );
    assert_eq!(
        world.get("/v1/dead-letters").await.body,
        json!({ "dead_letters": [], "next_cursor": null })
    );
}

#[tokio::test]
async fn dead_letters_are_listed_and_redriven() {
    let world = World::new().await;
    let (one, other) = (world.upload_small().await, world.upload_small().await);
    world
        .queue
        .send_body("rubbish", Duration::ZERO)
        .await
        .unwrap();
    use_up_deliveries(&world).await;
    settle(&world).await;
    for video in [one, other] {
        world.fail_for_good(video).await;
    }
    assert_eq!(
        (world.state(one).await, world.state(other).await),
        ("failed", "failed")
    );
    let listed = world.get("/v1/dead-letters").await.body["dead_letters"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(listed.len(), 3, "{listed:?}");
    let of = |video| {
        listed
            .iter()
            .find(|it| it["video"] == json!(video))
            .unwrap()
    };
    assert_eq!(
        (&of(Some(one))["attempts"], &of(Some(one))["reason"]),
        (&json!(1), &json!("internal"))
    );
    assert_eq!(of(None)["readable"], false);
    assert_eq!(
        world.get("/v1/dead-letters?limit=1").await.body["dead_letters"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let path = format!(
        "/v1/dead-letters/{}/redrive",
        of(Some(one))["id"].as_str().unwrap()
    );
    let redriven = world.post(&path, json!({})).await;
    assert_eq!(
        (redriven.status.as_u16(), &redriven.body),
        (202, &json!({ "redriven": 1, "dropped": 0 }))
    );
    assert_eq!(
        (world.state(one).await, world.state(other).await),
        ("queued", "failed")
    );
    assert_eq!(
        world.post(&path, json!({})).await.problem(),
        (404, "no-such-dead-letter")
    );
    assert_eq!(world.jobs().await[0].video, one);

    // All others; the dead letter of a deleted video is removed.
    world.delete(&format!("/v1/videos/{other}")).await;
    assert_eq!(
        world.post("/v1/dead-letters/redrive", json!({})).await.body,
        json!({ "redriven": 1, "dropped": 1 })
    );
    assert_eq!(world.state(other).await, "deleted");
    assert_eq!(
        world.get("/v1/dead-letters").await.body,
        json!({ "dead_letters": [], "next_cursor": null })
    );
}

/// The transcoder that holds the video encodes the chunk itself.
#[tokio::test]
async fn a_dead_chunk_fails_no_video() {
    let world = World::new().await;
    let video = world.upload_small().await;
    world.jobs().await;
    world.claim(video).await;
    let before = world.state(video).await;
    let (generation, plan) = (Generation::of("etag", "default"), PlanId::of(b"plan"));
    let chunk = JobMessage::from(ChunkJob::new(video, generation, plan, 3));
    world.queue.send(&chunk, Duration::ZERO).await.unwrap();
    use_up_deliveries(&world).await;
    assert_eq!(world.queue.depth().await.unwrap().dead, 1);
    assert_eq!((settle(&world).await, settle(&world).await), (0, 0));
    assert_eq!(world.state(video).await, before);

    let listed = &world.get("/v1/dead-letters").await.body["dead_letters"];
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["video"], json!(video));
    assert_eq!(
        (&listed[0]["readable"], &listed[0]["attempts"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(
        world.post("/v1/dead-letters/redrive", json!({})).await.body,
        json!({ "redriven": 1, "dropped": 0 })
    );
    assert_eq!(world.messages().await, [chunk]);
    assert_eq!(world.state(video).await, before);
}

/// A redrive must not undo later requests.
#[tokio::test]
async fn later_requests_are_not_undone() {
    let world = World::new().await;
    let (ready, cancelled) = (world.upload_small().await, world.upload_small().await);
    for video in [ready, cancelled] {
        world.fail_for_good(video).await;
    }
    world
        .post(
            &format!("/v1/videos/{ready}/reencode"),
            json!({ "profile": "small" }),
        )
        .await;
    let claim = world.claim(ready).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    world
        .post(&format!("/v1/videos/{cancelled}/retry"), json!({}))
        .await;
    world
        .post(&format!("/v1/videos/{cancelled}/cancel"), json!({}))
        .await;
    world.jobs().await;

    assert_eq!(
        world.post("/v1/dead-letters/redrive", json!({})).await.body,
        json!({ "redriven": 0, "dropped": 2 })
    );
    assert_eq!(
        (world.state(ready).await, world.state(cancelled).await),
        ("ready", "cancelled")
    );
    assert_eq!(world.jobs().await.len(), 0);
    assert_eq!(
        world.catalog.get_video(ready).await.unwrap().profile,
        "small"
    );
}

/// A message that used up its deliveries has a sentence as its reason: the class is that of the video's failure.
#[tokio::test]
async fn dead_letters_have_a_class() {
    let world = World::new().await;
    let video = world.upload_small().await;
    world
        .queue
        .send_body("rubbish", Duration::ZERO)
        .await
        .unwrap();
    use_up_deliveries(&world).await;
    let mut classes = vec![];
    for fails in [true, false] {
        let listed = world.get("/v1/dead-letters").await.body;
        let letters = listed["dead_letters"].as_array().unwrap().clone();
        let shown = letters.into_iter().map(|it| {
            let known = it["video"] == json!(video);
            let message = if known { "its job" } else { "rubbish" };
            (
                message,
                it["reason"].clone(),
                it["code"].clone(),
                it["class"].clone(),
            )
        });
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by_key(|it| it.0);
        classes.push(shown);
        if fails {
            let failure = Failure::of(FailureCode::TimedOut);
            let claim = world.claim(video).await;
            let failed = world
                .catalog
                .fail(&claim, &failure, false, "", clock::now());
            failed.await.unwrap();
        }
    }
    let sentence = json!("the catalog is away");
    let (none, timed_out) = (json!(null), json!("timed-out"));
    let rubbish = ("rubbish", sentence.clone(), none.clone(), none.clone());
    assert_eq!(
        classes[0],
        [
            ("its job", sentence.clone(), none.clone(), none),
            rubbish.clone()
        ]
    );
    let class = json!("infrastructure");
    assert_eq!(
        classes[1],
        [("its job", sentence, timed_out, class), rubbish]
    );
}

/// The video of a re-encode stays ready, so it does not have the failure.
#[tokio::test]
async fn the_dead_letter_of_a_reencode_has_a_class() {
    let world = World::new().await;
    let video = world.upload_small().await;
    let claim = world.claim(video).await;
    let receipt = Receipt::default();
    let ready = world.catalog.mark_ready(&claim, &receipt, clock::now());
    ready.await.unwrap();
    world.jobs().await;
    let path = format!("/v1/videos/{video}/reencode");
    world.post(&path, json!({ "profile": "small" })).await;
    use_up_deliveries(&world).await;
    let listed = world.get("/v1/dead-letters").await.body;
    let letter = &listed["dead_letters"][0];
    assert_eq!(letter["video"], json!(video));
    assert_eq!(letter.get("code"), None, "it may be sent again");

    let id = DeadLetterId(letter["id"].as_str().unwrap().to_owned());
    world.queue.settle_dead_letter(&id).await.unwrap();
    let listed = world.get("/v1/dead-letters").await.body;
    let letter = &listed["dead_letters"][0];
    assert_eq!(
        (&letter["reason"], &letter["code"], &letter["class"]),
        (
            &json!("the catalog is away"),
            &json!("worker-lost"),
            &json!("infrastructure")
        )
    );
    assert_eq!(world.state(video).await, "ready");
}

/// Its message is gone, so nothing would end the wait.
#[tokio::test]
async fn a_video_does_not_wait_for_a_removed_dead_letter() {
    let world = World::new().await;
    let video = world.upload_small().await;
    use_up_deliveries(&world).await;
    assert_eq!(world.state(video).await, "queued");
    let listed = world.get("/v1/dead-letters").await.body;
    let id = listed["dead_letters"][0]["id"].as_str().unwrap();
    let removed = world.delete(&format!("/v1/dead-letters/{id}")).await;
    assert_eq!(removed.status.as_u16(), 204);
    assert_eq!(world.state(video).await, "failed");
    let failed = world.catalog.get_video(video).await.unwrap();
    assert_eq!(
        failed.state,
        VideoState::Failed(Failure::of(FailureCode::WorkerLost))
    );
    assert_eq!(settle(&world).await, 0);
    assert_eq!(world.jobs().await.len(), 0);
}

#[tokio::test]
async fn dead_letters_are_listed_in_pages_and_removed() {
    let world = World::new().await;
    let mut videos = vec![];
    for _ in 0..3 {
        let video = world.upload_small().await;
        world.fail_for_good(video).await;
        videos.push(json!(video));
    }
    let page = async |query: &str| {
        let body = world
            .get(&format!("/v1/dead-letters?limit=2{query}"))
            .await
            .body;
        let letters = body["dead_letters"].as_array().unwrap().clone();
        (letters, body["next_cursor"].as_str().map(str::to_owned))
    };
    let (mut letters, next) = page("").await;
    assert_eq!(letters.len(), 2);
    let (rest, end) = page(&format!("&cursor={}", next.unwrap())).await;
    assert_eq!((rest.len(), end), (1, None));
    letters.extend(rest);
    let mut listed: Vec<_> = letters.iter().map(|it| it["video"].clone()).collect();
    listed.sort_by_key(ToString::to_string);
    videos.sort_by_key(ToString::to_string);
    assert_eq!(listed, videos);
    assert_eq!(
        world.get("/v1/dead-letters?cursor=no").await.problem(),
        (400, "malformed-request")
    );

    let path = format!("/v1/dead-letters/{}", letters[0]["id"].as_str().unwrap());
    assert_eq!(world.delete(&path).await.status.as_u16(), 204);
    assert_eq!(
        world.delete(&path).await.problem(),
        (404, "no-such-dead-letter")
    );
    assert_eq!(page("").await.0, letters[1..]);
    let video = letters[0]["video"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.state(video).await, "failed");
    assert_eq!(world.jobs().await.len(), 0);
}
