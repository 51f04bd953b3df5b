//! Repeated requests with an `Idempotency-Key`.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, TOKEN, World, jwt};

const MIB: u64 = 1 << 20;

fn request(token: &str, path: &str, key: &str, body: &Value) -> Request<Body> {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {token}"))
        .header("idempotency-key", key);
    request.body(Body::from(body.to_string())).unwrap()
}

async fn post(world: &World, path: &str, key: &str, body: &Value) -> Answer {
    world.send(request(TOKEN, path, key, body)).await
}

fn is_replayed(answer: &Answer) -> bool {
    answer
        .headers
        .get("idempotency-replayed")
        .is_some_and(|it| it == "true")
}

async fn videos(world: &World) -> usize {
    world.get("/v1/videos").await.body["videos"]
        .as_array()
        .unwrap()
        .len()
}

fn body() -> Value {
    json!({ "filename": "a.mp4", "size": 3 })
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_response() {
    let world = World::new().await;
    let first = post(&world, "/v1/uploads", "one", &body()).await;
    assert_eq!(
        (first.status, is_replayed(&first)),
        (StatusCode::CREATED, false)
    );
    for _ in 0..2 {
        let again = post(&world, "/v1/uploads", "one", &body()).await;
        assert_eq!(
            (again.status, is_replayed(&again)),
            (StatusCode::CREATED, true)
        );
        assert_eq!(again.body, first.body);
        for header in ["location", "content-type", "cache-control"] {
            assert_eq!(again.headers[header], first.headers[header], "{header}");
        }
    }
    assert_eq!(videos(&world).await, 1);
    let other = post(&world, "/v1/uploads", "two", &body()).await;
    assert_ne!(other.body["video"], first.body["video"]);
    // Without a key, each request is executed.
    world.post("/v1/uploads", body()).await;
    assert_eq!(videos(&world).await, 3);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let world = World::new().await;
    let created = post(&world, "/v1/uploads", "one", &body()).await;
    let mut other = body();
    other["size"] = json!(4);
    let reused = (422, "idempotency-key-reused");
    assert_eq!(
        post(&world, "/v1/uploads", "one", &other).await.problem(),
        reused
    );
    assert_eq!(
        post(&world, "/v1/uploads?x=1", "one", &body())
            .await
            .problem(),
        reused
    );
    let complete = format!("/v1/uploads/{}/complete", created.video());
    assert_eq!(
        post(&world, &complete, "one", &body()).await.problem(),
        reused
    );
    // Keys are scoped to the caller.
    let of_ann = world
        .send(request(&jwt(json!({})), "/v1/uploads", "one", &other))
        .await;
    assert_eq!(
        (of_ann.status, is_replayed(&of_ann)),
        (StatusCode::CREATED, false)
    );
}

#[tokio::test]
async fn client_errors_are_stored_and_server_errors_are_not() {
    let world = World::new().await;
    let nonsense = json!({ "filename": "a.mp4", "size": 0 });
    let refused = post(&world, "/v1/uploads", "one", &nonsense).await;
    let again = post(&world, "/v1/uploads", "one", &nonsense).await;
    assert_eq!(refused.problem(), (422, "empty-file"));
    assert_eq!(
        (again.problem(), is_replayed(&again)),
        ((422, "empty-file"), true)
    );

    // A multipart upload, so that the store is called.
    let large = json!({ "filename": "a.mp4", "size": 65 * MIB });
    let World {
        router, s3, state, ..
    } = world;
    s3.stop().await;
    let send = async || {
        let answer = tower::ServiceExt::oneshot(
            router.clone(),
            request(TOKEN, "/v1/uploads", "two", &large),
        )
        .await;
        let answer = answer.unwrap();
        (
            answer.status().as_u16(),
            answer.headers().contains_key("idempotency-replayed"),
        )
    };
    for _ in 0..2 {
        assert_eq!(send().await, (503, false), "neither kept nor in progress");
    }
    drop(state);
}

#[tokio::test]
async fn keys_are_checked() {
    let world = World::new().await;
    let long = "x".repeat(256);
    for key in ["", "a b", &long] {
        let answer = post(&world, "/v1/uploads", key, &body()).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{key}");
    }
    assert_eq!(videos(&world).await, 0);
    let longest = "~".repeat(255);
    assert_eq!(
        post(&world, "/v1/uploads", &longest, &body()).await.status,
        StatusCode::CREATED
    );
    let giant = json!({ "filename": "x".repeat(3 << 20), "size": 3 });
    assert_eq!(
        post(&world, "/v1/uploads", "giant", &giant).await.problem(),
        (413, "body-too-large")
    );
}

/// The client may have lost the response, which has the only copy of the secret.
#[tokio::test]
async fn a_new_key_is_replayed_and_stored_nowhere_in_clear() {
    let world = World::new().await;
    let body = json!({ "name": "x", "scopes": ["read"] });
    let made = post(&world, "/v1/api-keys", "one", &body).await;
    let again = post(&world, "/v1/api-keys", "one", &body).await;
    assert_eq!(
        (again.status, is_replayed(&again)),
        (StatusCode::CREATED, true)
    );
    assert_eq!(made.body, again.body);
    let by_hand = rusqlite::Connection::open(&world.database).unwrap();
    let kept: String = by_hand
        .query_row("SELECT response FROM idempotent_requests", [], |row| {
            row.get(0)
        })
        .unwrap();
    let secret = made.body["key"].as_str().unwrap();
    let wal = std::fs::read(world.database.with_extension("db-wal")).unwrap_or_default();
    for bytes in [
        kept.as_bytes(),
        &std::fs::read(&world.database).unwrap(),
        &wal,
    ] {
        for word in [secret, &secret[3..], made.body["id"].as_str().unwrap()] {
            // The id of the key is in its row; the secret is not.
            let found = bytes.windows(word.len()).any(|it| it == word.as_bytes());
            assert!(
                !found || (word.starts_with("key_") && bytes != kept.as_bytes()),
                "{word}"
            );
        }
    }
    // With a new installation token, the response is lost, and the request is not executed again.
    let world = world.with_token("er_changed_token");
    let lost = world
        .send(request("er_changed_token", "/v1/api-keys", "one", &body))
        .await;
    assert_eq!(lost.problem(), (409, "idempotency-response-lost"));
}

#[tokio::test]
async fn a_running_request_is_not_executed_again() {
    let world = World::new().await;
    // No response can be stored, as if the process were killed before it stores one.
    let by_hand = rusqlite::Connection::open(&world.database).unwrap();
    let fault = "CREATE TRIGGER fault BEFORE UPDATE ON idempotent_requests BEGIN SELECT RAISE(ABORT, 'fault'); END";
    by_hand.execute_batch(fault).unwrap();
    let first = post(&world, "/v1/uploads", "one", &body()).await;
    assert_eq!(
        (first.status, is_replayed(&first)),
        (StatusCode::CREATED, false)
    );
    by_hand.execute_batch("DROP TRIGGER fault").unwrap();

    let waiting = post(&world, "/v1/uploads", "one", &body()).await;
    assert_eq!(waiting.problem(), (409, "idempotency-in-progress"));
    assert_eq!(waiting.headers["retry-after"], "1");
    let mut other = body();
    other["size"] = json!(4);
    assert_eq!(
        post(&world, "/v1/uploads", "one", &other).await.problem(),
        (422, "idempotency-key-reused")
    );
    assert_eq!(videos(&world).await, 1);
    // After the lock timeout, the next request takes over.
    let aged = by_hand
        .execute(
            "UPDATE idempotent_requests SET held_until_ms = held_until_ms - 60000",
            [],
        )
        .unwrap();
    assert_eq!(aged, 1);
    let taken_over = post(&world, "/v1/uploads", "one", &body()).await;
    assert_eq!(
        (taken_over.status, is_replayed(&taken_over)),
        (StatusCode::CREATED, false)
    );
}

#[tokio::test]
async fn of_many_concurrent_requests_one_is_executed() {
    let world = World::new().await;
    let answers = futures::future::join_all((0..8).map(|_| async {
        let answer = post(&world, "/v1/uploads", "one", &body()).await;
        (answer.status.as_u16(), is_replayed(&answer))
    }))
    .await;
    assert_eq!(
        answers.iter().filter(|it| **it == (201, false)).count(),
        1,
        "{answers:?}"
    );
    assert!(
        answers
            .iter()
            .all(|it| matches!(it, (201, _) | (409, false))),
        "{answers:?}"
    );
    assert_eq!(videos(&world).await, 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_finds_it_done() {
    let world = World::new().await;
    let body = body();
    let mut first = Box::pin(post(&world, "/v1/uploads", "one", &body));
    assert!(futures::poll!(&mut first).is_pending());
    drop(first);
    let again = loop {
        let answer = post(&world, "/v1/uploads", "one", &body).await;
        if answer.status != StatusCode::CONFLICT {
            break answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert_eq!(
        (again.status, is_replayed(&again)),
        (StatusCode::CREATED, true),
        "{}",
        again.body
    );
    assert_eq!(videos(&world).await, 1);
}
