//! The routes of webhooks.

use catalog::webhooks::{AttemptOutcome, DeliveryAttempt};
use http::{Method, StatusCode};
use platform::clock;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::world::{Answer, World};

const URL: &str = "https://receiver.example/hook";
const UNKNOWN: &str = "whe_018bcfe5680077078707070707070707";

async fn made(world: &World, request: Value) -> Value {
    let answer = world.post("/v1/webhooks", request).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(
        answer.headers["location"],
        format!("/v1/webhooks/{}", answer.body["id"].as_str().unwrap())
    );
    answer.body
}

async fn patch(world: &World, path: &str, request: Value) -> Answer {
    world.call(Method::PATCH, path, Some(request)).await
}

#[tokio::test]
async fn a_webhook_is_made_read_changed_and_removed() {
    let world = World::new().await;
    let request =
        json!({ "url": URL, "events": ["video.ready", "video.failed"], "description": "Ours" });
    let mut webhook = made(&world, request).await;
    let secret = webhook.as_object_mut().unwrap().remove("secret").unwrap();
    Webhook::new(secret.as_str().unwrap()).expect("the standard's library takes the secret");
    assert!(secret.as_str().unwrap().starts_with("whsec_"));
    assert_eq!(
        (&webhook["url"], &webhook["active"], &webhook["disabled"]),
        (&json!(URL), &json!(true), &json!(null))
    );
    assert_eq!(webhook["events"], json!(["video.ready", "video.failed"]));

    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    assert_eq!(
        world.get(&path).await.body,
        webhook,
        "the secret is shown once"
    );
    assert_eq!(
        world.get("/v1/webhooks").await.body,
        json!({ "webhooks": [webhook], "next_cursor": null })
    );

    let changed = patch(
        &world,
        &path,
        json!({ "events": null, "description": null, "active": false }),
    )
    .await
    .body;
    assert_eq!(
        (&changed["events"], &changed["description"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(
        (&changed["active"], &changed["disabled"]["reason"]),
        (&json!(false), &json!("owner"))
    );
    assert_eq!(changed["url"], URL, "what is left out stays");
    assert_eq!(
        patch(&world, &path, json!({ "active": true })).await.body["disabled"],
        json!(null)
    );

    let rotated = world
        .post(&format!("{path}/rotate-secret"), json!({}))
        .await;
    assert_eq!(rotated.status, StatusCode::OK);
    assert!(rotated.body["secret"].is_string() && rotated.body["secret"] != secret);

    assert_eq!(world.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        world.delete(&path).await.problem(),
        (404, "no-such-webhook")
    );
}

#[tokio::test]
async fn secrets_are_not_stored_in_clear() {
    let world = World::new().await;
    let webhook = made(&world, json!({ "url": URL })).await;
    let endpoint = world
        .webhooks
        .get(webhook["id"].as_str().unwrap().parse().unwrap())
        .await
        .unwrap();
    let clear = webhook["secret"].as_str().unwrap();
    let sealed = &endpoint.secrets[0].sealed;
    assert!(
        !sealed.contains(clear) && !sealed.contains(&clear[6..]),
        "{sealed}"
    );
    assert!(sealed.contains("\"kek\""), "{sealed}");
}

#[tokio::test]
async fn invalid_webhooks_are_rejected() {
    let world = World::new().await;
    let table = [
        (json!({}), (400, "malformed-request")),
        (
            json!({ "url": URL, "colour": "red" }),
            (400, "malformed-request"),
        ),
        (json!({ "url": "receiver" }), (422, "invalid-webhook-url")),
        (
            json!({ "url": "http://receiver.example/" }),
            (422, "webhook-url-not-allowed"),
        ),
        (
            json!({ "url": "https://169.254.169.254/latest" }),
            (422, "webhook-url-not-allowed"),
        ),
        (
            json!({ "url": "https://me:secret@receiver.example/" }),
            (422, "webhook-url-not-allowed"),
        ),
        (
            json!({ "url": URL, "events": [] }),
            (422, "invalid-event-types"),
        ),
        (
            json!({ "url": URL, "events": ["video.done"] }),
            (422, "invalid-event-types"),
        ),
        (
            json!({ "url": URL, "description": "x".repeat(1_001) }),
            (422, "field-too-long"),
        ),
    ];
    for (request, problem) in table {
        assert_eq!(
            world.post("/v1/webhooks", request.clone()).await.problem(),
            problem,
            "{request}"
        );
    }
    let webhook = made(&world, json!({ "url": URL })).await;
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let refused = patch(
        &world,
        &path,
        json!({ "url": "https://localhost.example@[::1]/" }),
    )
    .await;
    assert_eq!(refused.problem(), (422, "webhook-url-not-allowed"));
    assert_eq!(world.get(&path).await.body["url"], URL);
    for number in 1..50 {
        made(&world, json!({ "url": format!("{URL}/{number}") })).await;
    }
    assert_eq!(
        world
            .post("/v1/webhooks", json!({ "url": URL }))
            .await
            .problem(),
        (409, "too-many-webhooks")
    );
    let page = world.get("/v1/webhooks?limit=20").await.body;
    assert_eq!(page["webhooks"].as_array().unwrap().len(), 20);
    let rest = world
        .get(&format!(
            "/v1/webhooks?limit=200&cursor={}",
            page["next_cursor"].as_str().unwrap()
        ))
        .await;
    assert_eq!(rest.body["webhooks"].as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn the_log_has_the_outcome_of_messages() {
    let world = World::new().await;
    let webhook = made(&world, json!({ "url": URL })).await;
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let video = world.upload_small().await;
    let test = world.post(&format!("{path}/test"), json!({})).await;
    assert_eq!(
        (test.status, &test.body["event"]["type"]),
        (StatusCode::ACCEPTED, &json!("test"))
    );
    assert_eq!(
        (&test.body["status"], &test.body["attempts"]),
        (&json!("pending"), &json!(0))
    );

    let now = clock::now();
    world.webhooks.fan_out(10, now).await.unwrap();
    let lease = std::time::Duration::from_secs(30);
    for dispatch in world.webhooks.claim(10, 10, lease, now).await.unwrap() {
        let (outcome, status, error) = match dispatch.kind.as_str() {
            "test" => (
                AttemptOutcome::Failed {
                    retry_ms: None,
                    pause_until_ms: None,
                },
                Some(500),
                Some("HTTP 500"),
            ),
            _ => (AttemptOutcome::Delivered, Some(204), None),
        };
        let attempted = DeliveryAttempt {
            outcome,
            status,
            error: error.map(str::to_owned),
            duration_ms: 31,
        };
        world
            .webhooks
            .record_attempt(&dispatch, &attempted, now)
            .await
            .unwrap();
    }
    let entries = async |query: &str| {
        let body = world.get(&format!("{path}/deliveries{query}")).await.body;
        body["deliveries"].as_array().unwrap().clone()
    };
    assert_eq!(entries("").await.len(), 2);
    let [delivered] = &entries("?status=delivered").await[..] else {
        panic!("one was delivered")
    };
    assert_eq!(
        (&delivered["event"]["type"], &delivered["event"]["video"]),
        (&json!("upload.completed"), &json!(video))
    );
    assert_eq!(
        (&delivered["last_status"], &delivered["last_duration_ms"]),
        (&json!(204), &json!(31))
    );
    assert_eq!(
        (&delivered["last_error"], &delivered["next_attempt_at"]),
        (&json!(null), &json!(null))
    );
    let of_video = world
        .get(&format!("/v1/videos/{video}/deliveries"))
        .await
        .body;
    let [of_video] = &of_video["deliveries"].as_array().unwrap()[..] else {
        panic!("not the test")
    };
    assert_eq!(
        (&of_video["id"], &of_video["webhook"]),
        (&delivered["id"], &webhook["id"])
    );
    let [failed] = &entries("?status=failed").await[..] else {
        panic!("one was given up")
    };
    assert_eq!(
        (&failed["id"], &failed["last_error"]),
        (&test.body["id"], &json!("HTTP 500"))
    );

    let replay = format!(
        "{path}/deliveries/{}/replay",
        delivered["id"].as_str().unwrap()
    );
    let replayed = world.post(&replay, json!({})).await;
    assert_eq!(
        (replayed.status, &replayed.body["event"]),
        (StatusCode::ACCEPTED, &delivered["event"])
    );
    assert_ne!(replayed.body["id"], delivered["id"]);
    assert_eq!(entries("?status=pending&limit=1").await.len(), 1);

    patch(&world, &path, json!({ "active": false })).await;
    assert_eq!(
        world
            .post(&format!("{path}/test"), json!({}))
            .await
            .problem(),
        (409, "webhook-disabled")
    );
    assert_eq!(
        world.post(&replay, json!({})).await.problem(),
        (409, "webhook-disabled")
    );
}

#[tokio::test]
async fn wrong_addresses_are_problems() {
    let world = World::new().await;
    let webhook = made(&world, json!({ "url": URL })).await;
    let path = format!("/v1/webhooks/{}", webhook["id"].as_str().unwrap());
    let unknown = format!("/v1/webhooks/{UNKNOWN}");
    for problem in [
        world.get(&unknown).await,
        patch(&world, &unknown, json!({})).await,
        world.delete(&unknown).await,
        world
            .post(&format!("{unknown}/rotate-secret"), json!({}))
            .await,
        world.post(&format!("{unknown}/test"), json!({})).await,
        world.get(&format!("{unknown}/deliveries")).await,
    ] {
        assert_eq!(problem.problem(), (404, "no-such-webhook"));
    }
    assert_eq!(
        world.get("/v1/webhooks/vid_1").await.problem(),
        (404, "no-such-route")
    );
    let delivery = UNKNOWN.replace("whe_", "whd_");
    let replay = world
        .post(&format!("{path}/deliveries/{delivery}/replay"), json!({}))
        .await;
    assert_eq!(replay.problem(), (404, "no-such-delivery"));
    let replay = world
        .post(&format!("{path}/deliveries/{UNKNOWN}/replay"), json!({}))
        .await;
    assert_eq!(replay.problem(), (404, "no-such-route"));
    for query in [
        "?status=lost",
        "?limit=0",
        "?limit=201",
        "?cursor=x",
        "?colour=red",
    ] {
        let answer = world.get(&format!("{path}/deliveries{query}")).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{query}");
    }
}
