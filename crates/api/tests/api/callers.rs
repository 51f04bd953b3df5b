//! Every route of the table, called by every kind of caller.

mod things;

use std::time::Duration;

use api::auth::Scope;
use api::{Route, route_table};
use domain::ids::{ApiKeyId, VideoId};
use domain::object_key::{ExternalPath, ObjectKey};
use domain::webhook::EndpointId;
use http::{Method, StatusCode};
use platform::clock;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::{Value, json};

use crate::world::{Answer, TOKEN, World, jwt};
use things::{Thing, ask};

const MIB: u64 = 1 << 20;
const NO_VIDEO: &str = "vid_018bcfe5680077078707070707070707";
const NO_KEY: &str = "key_018bcfe5680077078707070707070707";

const NO_WEBHOOK: &str = "whe_018bcfe5680077078707070707070707";

/// A URL that sources may be fetched from.
const FILM: &str = "https://192.88.98.1/film.mp4";
/// An object without an owner.
const CATALOGUE: &str = "catalogue/film.mp4";
/// A valid webhook URL.
const RECEIVER: &str = "https://192.88.98.1/hook";

/// All scopes of an owner, except one.
fn all_but(missing: Option<Scope>) -> Vec<&'static str> {
    Scope::ALL
        .into_iter()
        .filter(|it| !it.is_of_the_installation() && Some(*it) != missing)
        .map(Scope::as_str)
        .collect()
}

#[tokio::test]
async fn invalid_credentials_reach_no_route() {
    let world = World::new().await;
    let (revoked, revoked_key) = world.key(Some("ann"), &all_but(None)).await;
    let (expired, expired_key) = world.key(Some("ann"), &all_but(None)).await;
    assert_eq!(
        world
            .delete(&format!("/v1/api-keys/{revoked}"))
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    let by_hand = rusqlite::Connection::open(&world.database).unwrap();
    by_hand
        .execute(
            "UPDATE api_keys SET expires_ms = 1 WHERE id = ?1",
            [expired.to_string()],
        )
        .unwrap();

    let good = jwt(json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let strangers = [
        ("no such key", format!("er_{}", "0".repeat(64))),
        ("a revoked key", revoked_key),
        ("an expired key", expired_key),
        (
            "an expired JWT",
            jwt(json!({ "exp": clock::now().as_secs() - 3_600 })),
        ),
        ("a JWT for others", jwt(json!({ "aud": "others" }))),
        ("a forged JWT", format!("{signed}.{}", "A".repeat(43))),
        ("a giant JWT", jwt(json!({ "padding": "x".repeat(10_000) }))),
        ("part of the token", TOKEN[..TOKEN.len() - 1].to_owned()),
    ];
    for route in route_table() {
        let thing = Thing::make(&world, &route).await;
        let (path, before) = (thing.path(&route), thing.look(&world).await);
        for (who, token) in &strangers {
            let answer = ask(&world, token, &route, &path).await;
            assert_eq!(
                answer.problem(),
                (401, "unauthorized"),
                "{} {path} by {who}",
                route.method
            );
            let challenge = r#"Bearer realm="edgereel", error="invalid_token""#;
            assert_eq!(answer.headers["www-authenticate"], challenge, "{who}");
            let expired = answer.body["detail"].as_str().unwrap().contains("expired");
            assert_eq!(expired, who.contains("expired"), "{who}: {}", answer.body);
        }
        let request = http::Request::builder().method(&route.method).uri(&path);
        let answer = world
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert_eq!(
            answer.problem(),
            (401, "unauthorized"),
            "{} {path}",
            route.method
        );
        assert_eq!(
            answer.headers["www-authenticate"],
            r#"Bearer realm="edgereel""#
        );
        assert_eq!(thing.look(&world).await, before, "{} {path}", route.method);
    }
}

#[tokio::test]
async fn a_rejection_names_the_missing_scope() {
    let world = World::new().await;
    for route in route_table() {
        let thing = Thing::make(&world, &route).await;
        let (path, before) = (thing.path(&route), thing.look(&world).await);
        let scope = route.scope.as_str();
        let (_, key) = world.key(Some("ann"), &all_but(Some(route.scope))).await;
        let words = all_but(Some(route.scope)).join(" ");
        for token in [
            key,
            jwt(json!({ "scope": words })),
            jwt(json!({ "scp": ["openid", "email"] })),
        ] {
            let answer = ask(&world, &token, &route, &path).await;
            assert_eq!(
                answer.problem(),
                (403, "insufficient-scope"),
                "{} {path}",
                route.method
            );
            assert_eq!(answer.body["scope"], scope);
            let challenge =
                format!(r#"Bearer realm="edgereel", error="insufficient_scope", scope="{scope}""#);
            assert_eq!(answer.headers["www-authenticate"], challenge);
        }
        assert_eq!(thing.look(&world).await, before, "{} {path}", route.method);
    }
}

#[tokio::test]
async fn another_owners_things_are_not_there() {
    let world = World::new().await;
    let (_, key) = world.key(Some("bob"), &all_but(None)).await;
    for route in route_table() {
        for token in [&key, &jwt(json!({ "sub": "bob", "scope": all_but(None) }))] {
            let thing = Thing::make(&world, &route).await;
            let (path, before) = (thing.path(&route), thing.look(&world).await);
            let answer = ask(&world, token, &route, &path).await;
            let (id, never) = match &thing {
                Thing::Video(id) => (id.to_string(), NO_VIDEO),
                Thing::Key(id) => (id.to_string(), NO_KEY),
                Thing::Upload(id, _) | Thing::Share(id, _) => (id.to_string(), NO_VIDEO),
                Thing::Letter(_) => continue,
                Thing::Webhook(id, _) => (id.to_string(), NO_WEBHOOK),
                Thing::List if route.scope.is_of_the_installation() => continue,
                Thing::List => {
                    assert!(
                        answer.status.is_success(),
                        "{} {path}: {}",
                        route.method,
                        answer.body
                    );
                    assert!(!answer.body.to_string().contains("ann"), "{}", answer.body);
                    continue;
                }
            };
            // Exactly the response for an object that does not exist.
            let missing = ask(&world, token, &route, &path.replace(&id, never)).await;
            assert_eq!(
                answer.status,
                StatusCode::NOT_FOUND,
                "{} {path}: {}",
                route.method,
                answer.body
            );
            assert_eq!(answer.status, missing.status);
            let text = |answer: &Answer| {
                let mut body = answer.body.clone();
                body.as_object_mut().unwrap().remove("request_id");
                body.to_string()
            };
            assert_eq!(text(&answer).replace(&id, never), text(&missing));
            let names = |it: &Answer| {
                it.headers
                    .keys()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
            };
            assert_eq!(names(&answer), names(&missing));
            assert_eq!(thing.look(&world).await, before, "{} {path}", route.method);
        }
    }
}

#[tokio::test]
async fn owners_and_admins_reach_what_is_theirs() {
    let world = World::new().await;
    let (_, owners_key) = world.key(Some("ann"), &all_but(None)).await;
    let (_, admins_key) = world.key(None, &["admin"]).await;
    let callers = [
        ("the owner's key", owners_key),
        ("the owner's JWT", jwt(json!({ "scope": all_but(None) }))),
        ("an admin's key", admins_key),
        (
            "an admin's JWT",
            jwt(json!({ "sub": "root", "scope": "admin" })),
        ),
        ("the installation", TOKEN.to_owned()),
    ];
    for route in route_table() {
        for (who, token) in &callers {
            if route.scope.is_of_the_installation() && who.contains("owner") {
                continue;
            }
            let thing = Thing::make(&world, &route).await;
            let path = thing.path(&route);
            let answer = ask(&world, token, &route, &path).await;
            let status = answer.status.as_u16();
            // 409: the upload has no parts yet.
            assert!(
                matches!(status, 200..=299 | 409),
                "{} {path} by {who}: {}",
                route.method,
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn new_videos_belong_to_their_callers() {
    let world = World::new().await;
    let body =
        |owner: Option<&str>| Some(json!({ "filename": "a.mp4", "size": 3, "owner": owner }));
    let create = async |token: &str, owner: Option<&str>| {
        world
            .call_as(token, Method::POST, "/v1/uploads", body(owner))
            .await
    };
    let owner_of =
        async |answer: &Answer| world.catalog.get_video(answer.video()).await.unwrap().owner;
    let ann = jwt(json!({}));
    for named in [None, Some("ann")] {
        assert_eq!(
            owner_of(&create(&ann, named).await).await.as_deref(),
            Some("ann")
        );
    }
    let stolen = create(&ann, Some("bob")).await;
    assert_eq!(
        (stolen.problem(), &stolen.body["scope"]),
        ((403, "insufficient-scope"), &json!("admin"))
    );
    assert_eq!(owner_of(&create(TOKEN, None).await).await, None);
    assert_eq!(
        owner_of(&create(TOKEN, Some("bob")).await).await.as_deref(),
        Some("bob")
    );
    assert_eq!(
        create(TOKEN, Some("")).await.problem(),
        (422, "invalid-field")
    );

    let owners = async |token: &str, query: &str| {
        let listed = world
            .call_as(token, Method::GET, &format!("/v1/videos{query}"), None)
            .await;
        let videos = listed.body["videos"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let mut owners: Vec<String> = videos.iter().map(|it| it["owner"].to_string()).collect();
        owners.sort();
        (listed.status.as_u16(), owners.join(" "))
    };
    assert_eq!(owners(&ann, "").await, (200, r#""ann" "ann""#.to_owned()));
    assert_eq!(
        owners(&ann, "?owner=ann").await,
        (200, r#""ann" "ann""#.to_owned())
    );
    assert_eq!(owners(&ann, "?owner=bob").await, (403, String::new()));
    assert_eq!(
        owners(TOKEN, "").await,
        (200, r#""ann" "ann" "bob" null"#.to_owned())
    );
    assert_eq!(
        owners(TOKEN, "?owner=bob").await,
        (200, r#""bob""#.to_owned())
    );
    assert_eq!(
        owners(&jwt(json!({ "sub": "eve" })), "").await,
        (200, String::new())
    );
}

/// Objects at other paths of the bucket have no owner.
#[tokio::test]
async fn only_admins_convert_what_is_in_the_bucket() {
    let world = World::new().await;
    let path = ExternalPath::try_from(CATALOGUE.to_owned()).unwrap();
    let key = ObjectKey::External {
        video: VideoId::new(1, [1; 10]),
        path,
    };
    world
        .store
        .put(&key, "bytes".into(), PutCondition::Always)
        .await
        .unwrap();
    let convert = async |token: &str| {
        world
            .call_as(
                token,
                Method::POST,
                "/v1/videos",
                Some(json!({ "key": CATALOGUE })),
            )
            .await
    };
    let refused = convert(&jwt(json!({}))).await;
    assert_eq!(
        (refused.problem(), &refused.body["scope"]),
        ((403, "insufficient-scope"), &json!("admin"))
    );
    assert_eq!(convert(TOKEN).await.status, StatusCode::CREATED);
}

/// A video that was created by an early event has no owner yet.
#[tokio::test]
async fn videos_without_an_owner_are_the_operators() {
    let world = World::new().await;
    let id = world.upload_small().await;
    let path = format!("/v1/videos/{id}");
    let read = async |token: &str| {
        world
            .call_as(token, Method::GET, &path, None)
            .await
            .status
            .as_u16()
    };
    assert_eq!((read(TOKEN).await, read(&jwt(json!({}))).await), (200, 404));
}

#[tokio::test]
async fn deleting_again_is_the_owners_right_alone() {
    let world = World::new().await;
    let (ann, bob) = (jwt(json!({})), jwt(json!({ "sub": "bob" })));
    let body = json!({ "filename": "a.mp4", "size": 3 });
    let id = world
        .call_as(&ann, Method::POST, "/v1/uploads", Some(body))
        .await
        .video();
    for path in [format!("/v1/videos/{id}"), format!("/v1/uploads/{id}")] {
        for _ in 0..2 {
            assert_eq!(
                world
                    .call_as(&ann, Method::DELETE, &path, None)
                    .await
                    .status,
                StatusCode::NO_CONTENT
            );
            let answer = world.call_as(&bob, Method::DELETE, &path, None).await;
            assert_eq!(answer.problem(), (404, "no-such-video"));
        }
    }
}
