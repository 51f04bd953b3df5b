//! API keys.

use std::time::Duration;

use catalog::accounts::KeyFilter;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, TOKEN, World, jwt};

/// A JWT of an owner that may manage keys.
const ALL: &str = "upload read write play download keys webhooks";

async fn make(world: &World, token: &str, request: Value) -> Answer {
    world
        .call_as(token, Method::POST, "/v1/api-keys", Some(request))
        .await
}

async fn ids(world: &World, token: &str, query: &str) -> Vec<String> {
    let listed = world
        .call_as(token, Method::GET, &format!("/v1/api-keys{query}"), None)
        .await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.body);
    listed.body["api_keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_key_opens_until_it_is_revoked() {
    let world = World::new().await;
    let ann = jwt(json!({ "scope": ALL }));
    let request = json!({ "name": "Backend", "scopes": ["read", "upload"], "expires_in": 3_600 });
    let made = make(&world, &ann, request).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(made.headers["cache-control"], "no-store");
    let (id, secret) = (
        made.body["id"].as_str().unwrap(),
        made.body["key"].as_str().unwrap(),
    );
    assert!(secret.starts_with("er_") && secret.len() == 67);
    for (field, expected) in [
        ("name", json!("Backend")),
        ("owner", json!("ann")),
        ("scopes", json!(["upload", "read"])),
        ("created_by", json!("user:ann")),
        ("last_used_at", json!(null)),
    ] {
        assert_eq!(made.body[field], expected, "{field}");
    }
    assert!(made.body["expires_at"].as_str().unwrap().ends_with('Z'));

    assert_eq!(
        world
            .call_as(secret, Method::GET, "/v1/videos", None)
            .await
            .status,
        StatusCode::OK
    );
    let listed = world.call_as(&ann, Method::GET, "/v1/api-keys", None).await;
    assert_eq!(listed.body["api_keys"][0]["id"], id);
    assert!(listed.body["api_keys"][0]["last_used_at"].is_string());
    assert!(
        !listed.body.to_string().contains("er_"),
        "a secret is shown once: {}",
        listed.body
    );
    let database = std::fs::read(&world.database).unwrap();
    let wal = std::fs::read(world.database.with_extension("db-wal")).unwrap_or_default();
    let stands_in = |bytes: &[u8]| {
        bytes
            .windows(secret.len())
            .any(|it| it == secret.as_bytes())
    };
    assert!(
        !stands_in(&database) && !stands_in(&wal),
        "and stored never"
    );

    for _ in 0..2 {
        let revoked = world
            .call_as(&ann, Method::DELETE, &format!("/v1/api-keys/{id}"), None)
            .await;
        assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    }
    let refused = world.call_as(secret, Method::GET, "/v1/videos", None).await;
    assert_eq!(refused.problem(), (401, "unauthorized"));
    assert_eq!(ids(&world, &ann, "").await, [""; 0]);
}

#[tokio::test]
async fn a_key_grants_no_more_than_its_maker_has() {
    let world = World::new().await;
    let (_, narrow) = world.key(Some("ann"), &["keys", "read"]).await;
    let (_, installation_wide) = world.key(None, &["keys", "read", "upload"]).await;
    let ann = jwt(json!({ "scope": ALL }));
    let request = |scopes: &[&str], owner: Option<&str>| json!({ "name": "x", "scopes": scopes, "owner": owner });
    for (maker, request, lacking) in [
        (&narrow, request(&["read", "write"], None), "write"),
        (&narrow, request(&["admin"], None), "admin"),
        (&ann, request(&["read", "admin"], None), "admin"),
        (&ann, request(&["read"], Some("bob")), "admin"),
        // It can access all videos, but may not manage keys.
        (&installation_wide, request(&["read"], None), "admin"),
        (&installation_wide, request(&["read"], Some("bob")), "admin"),
    ] {
        let refused = make(&world, maker, request.clone()).await;
        assert_eq!(refused.problem(), (403, "insufficient-scope"), "{request}");
        assert_eq!(refused.body["scope"], lacking, "{request}");
    }
    let made = make(&world, &narrow, request(&["read", "keys"], None)).await;
    assert_eq!(
        (made.status, &made.body["owner"]),
        (StatusCode::CREATED, &json!("ann"))
    );
    for path in ["/v1/api-keys", "/v1/api-keys?owner=ann"] {
        let listed = world
            .call_as(&installation_wide, Method::GET, path, None)
            .await;
        assert_eq!(listed.problem(), (403, "insufficient-scope"));
    }
}

/// A JWT expires in minutes; keys that it creates would outlive it.
#[tokio::test]
async fn a_jwt_makes_keys_only_where_it_says_so_and_none_that_never_ends() {
    let world = World::new().await;
    let body = |life: Option<u64>| json!({ "name": "x", "scopes": ["read"], "expires_in": life });
    let refused = make(&world, &jwt(json!({})), body(None)).await;
    assert_eq!(
        (refused.problem(), &refused.body["scope"]),
        ((403, "insufficient-scope"), &json!("keys"))
    );
    let ann = jwt(json!({ "scope": ALL }));
    let year = 365 * 24 * 3600;
    for (life, seconds) in [(None, 90 * 24 * 3600), (Some(60), 60), (Some(year), year)] {
        let made = make(&world, &ann, body(life)).await.body;
        let key = world
            .accounts
            .get_key(made["id"].as_str().unwrap().parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            key.expires_ms.unwrap().since(key.created_ms),
            Duration::from_secs(seconds),
            "{made}"
        );
    }
    assert_eq!(
        make(&world, &ann, body(Some(year + 1))).await.problem(),
        (422, "invalid-field")
    );
    assert!(
        make(&world, TOKEN, body(None)).await.body["expires_at"].is_null(),
        "the operator's may stay"
    );
}

#[tokio::test]
async fn keys_expire_with_their_creator() {
    let world = World::new().await;
    let mut maker = TOKEN.to_owned();
    let mut made = Vec::new();
    for _ in 0..3 {
        let body = json!({ "name": "x", "scopes": ["keys", "read"], "owner": "ann" });
        let key = make(&world, &maker, body).await.body;
        maker = key["key"].as_str().unwrap().to_owned();
        made.push((key["id"].as_str().unwrap().to_owned(), maker.clone()));
    }
    assert_eq!(
        world
            .delete(&format!("/v1/api-keys/{}", made[1].0))
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    for ((_, secret), status) in made.iter().zip([200, 401, 401]) {
        assert_eq!(
            world
                .call_as(secret, Method::GET, "/v1/videos", None)
                .await
                .status,
            status
        );
    }
}

#[tokio::test]
async fn a_key_that_ends_makes_none_that_outlives_it() {
    let world = World::new().await;
    let request =
        json!({ "name": "x", "scopes": ["keys", "read"], "owner": "ann", "expires_in": 600 });
    let maker = make(&world, TOKEN, request).await.body;
    let secret = maker["key"].as_str().unwrap();
    let child = async |life: Option<u64>| {
        make(
            &world,
            secret,
            json!({ "name": "x", "scopes": ["read"], "expires_in": life }),
        )
        .await
    };
    assert_eq!(child(None).await.body["expires_at"], maker["expires_at"]);
    assert!(
        child(Some(60)).await.body["expires_at"].as_str().unwrap()
            < maker["expires_at"].as_str().unwrap()
    );
    assert_eq!(child(Some(6_000)).await.problem(), (422, "invalid-field"));
}

#[tokio::test]
async fn keys_are_listed_and_revoked_by_their_owners() {
    let world = World::new().await;
    let (ann, bob) = (
        jwt(json!({ "scope": ALL })),
        jwt(json!({ "sub": "bob", "scope": ALL })),
    );
    let mut of_ann = Vec::new();
    for _ in 0..3 {
        of_ann.push(world.key(Some("ann"), &["read"]).await.0.to_string());
        // Ids of the same millisecond have a random order.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    of_ann.reverse();
    assert_eq!(ids(&world, &ann, "").await, of_ann);
    assert_eq!(ids(&world, &bob, "").await, [""; 0]);
    assert_eq!(ids(&world, TOKEN, "?owner=ann").await, of_ann);
    let page = world
        .call_as(&ann, Method::GET, "/v1/api-keys?limit=2", None)
        .await
        .body;
    assert_eq!(page["next_cursor"], of_ann[1]);
    assert_eq!(
        ids(&world, &ann, &format!("?limit=2&cursor={}", of_ann[1])).await,
        of_ann[2..]
    );
    for query in ["limit=0", "limit=201", "cursor=x", "colour=red"] {
        let answer = world.get(&format!("/v1/api-keys?{query}")).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{query}");
    }

    let path = format!("/v1/api-keys/{}", of_ann[0]);
    assert_eq!(
        world
            .call_as(&bob, Method::DELETE, &path, None)
            .await
            .problem(),
        (404, "no-such-api-key")
    );
    assert_eq!(ids(&world, &ann, "").await.len(), 3);
    assert_eq!(world.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ids(&world, &ann, "").await, of_ann[1..]);
    assert_eq!(
        world.delete("/v1/api-keys/film").await.problem(),
        (404, "no-such-route")
    );
}

#[tokio::test]
async fn invalid_keys_are_rejected() {
    let world = World::new().await;
    let long = "x".repeat(201);
    for (request, status) in [
        (json!({ "name": "", "scopes": ["read"] }), 422),
        (json!({ "name": long, "scopes": ["read"] }), 422),
        (json!({ "name": "a\nb", "scopes": ["read"] }), 422),
        (json!({ "name": "x", "scopes": [] }), 422),
        (
            json!({ "name": "x", "scopes": ["read"], "expires_in": 0 }),
            422,
        ),
        (
            json!({ "name": "x", "scopes": ["read"], "expires_in": u64::MAX }),
            422,
        ),
        (
            json!({ "name": "x", "scopes": ["admin"], "owner": "ann" }),
            422,
        ),
        (json!({ "name": "x", "scopes": ["read"], "owner": "" }), 422),
        (json!({ "name": "x", "scopes": ["root"] }), 400),
        (json!({ "name": "x" }), 400),
        (json!({ "scopes": ["read"] }), 400),
        (
            json!({ "name": "x", "scopes": ["read"], "key": "er_mine" }),
            400,
        ),
    ] {
        let answer = make(&world, TOKEN, request.clone()).await;
        let code = if status == 422 {
            "invalid-field"
        } else {
            "malformed-request"
        };
        assert_eq!(answer.problem(), (status, code), "{request}");
    }
    assert_eq!(
        world
            .accounts
            .list_keys(&KeyFilter::default())
            .await
            .unwrap()
            .keys,
        []
    );
}

#[tokio::test]
async fn without_a_provider_no_jwt_opens() {
    let world = World::new().await.without_identity_provider();
    let refused = world
        .call_as(&jwt(json!({})), Method::GET, "/v1/videos", None)
        .await;
    assert_eq!(refused.problem(), (401, "unauthorized"));
    assert_eq!(world.get("/v1/videos").await.status, StatusCode::OK);
}

/// After the installation token changes, only the new one is valid; keys stay valid.
#[tokio::test]
async fn keys_outlive_the_token_of_the_installation() {
    let world = World::new().await;
    let (_, key) = world.key(None, &["read"]).await;
    let world = world.with_token("another");
    for (token, status) in [(TOKEN, 401), ("another", 200), (&*key, 200)] {
        assert_eq!(
            world
                .call_as(token, Method::GET, "/v1/videos", None)
                .await
                .status,
            status
        );
    }
}
