//! Share links, and downloads of the source.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use config::{Limits, Rate};
use domain::ids::VideoId;
use domain::receipt::Receipt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use platform::clock;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{Answer, World};

/// A ready video.
async fn ready(world: &World) -> VideoId {
    let id = world.upload_small().await;
    let claim = world.claim(id).await;
    world
        .catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .unwrap();
    id
}

async fn share(world: &World, video: VideoId, body: Value) -> (String, String) {
    let made = world
        .post(&format!("/v1/videos/{video}/shares"), body)
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let url = made.body["url"].as_str().unwrap();
    let path = url.strip_prefix("https://api.example").unwrap().to_owned();
    (made.body["id"].as_str().unwrap().to_owned(), path)
}

/// A request without a token.
async fn follow(world: &World, path: &str) -> Answer {
    world
        .send(Request::get(path).body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn a_link_works_until_it_is_revoked() {
    let world = World::new().await;
    let video = ready(&world).await;
    let (id, path) = share(
        &world,
        video,
        json!({ "label": "for the jury", "max_height": 480 }),
    )
    .await;
    let shares = format!("/v1/videos/{video}/shares");

    let watched = follow(&world, &path).await;
    assert_eq!(
        (watched.status.as_u16(), &watched.body["status"]),
        (200, &json!("ready"))
    );
    let player = follow(&world, &format!("{path}/master.m3u8")).await;
    assert_eq!(player.status, StatusCode::TEMPORARY_REDIRECT);
    let playlist = player.headers["location"].to_str().unwrap();
    assert!(
        playlist.starts_with(&format!(
            "https://edge.example/v/{video}/master.m3u8?grant="
        )),
        "{playlist}"
    );
    let listed = world.get(&shares).await.body["shares"].clone();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["label"], &listed[1]),
        (&json!(id), &json!("for the jury"), &Value::Null)
    );
    assert!(listed[0]["last_used_at"].is_string());
    assert!(
        !listed
            .to_string()
            .contains(path.rsplit('/').next().unwrap()),
        "only the first response contains the secret"
    );

    for _ in 0..2 {
        assert_eq!(
            world.delete(&format!("{shares}/{id}")).await.status,
            StatusCode::NO_CONTENT
        );
        assert_eq!(
            follow(&world, &path).await.problem(),
            (404, "no-such-share")
        );
    }
    assert_eq!(world.get(&shares).await.body, json!({ "shares": [] }));
    assert_eq!(
        follow(&world, "/shared/nothing").await.problem(),
        (404, "no-such-share")
    );
}

/// A revocation ends issued grants too, or the caller learns that it does not.
#[tokio::test]
async fn the_edge_learns_of_a_revoked_link() {
    let world = World::new().await;
    let video = ready(&world).await;
    let (id, path) = share(&world, video, json!({})).await;
    let address = format!("/v1/videos/{video}/shares/{id}");
    world.revoked.is_away.store(true, Ordering::SeqCst);
    assert_eq!(world.delete(&address).await.problem(), (503, "unavailable"));
    assert_eq!(
        follow(&world, &path).await.problem(),
        (404, "no-such-share"),
        "it gives out nothing all the same"
    );
    world.revoked.is_away.store(false, Ordering::SeqCst);
    assert_eq!(world.delete(&address).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        *world.revoked.names.lock().unwrap(),
        [api::edge_list::viewer(&format!("share:{id}"))]
    );
}

#[tokio::test]
async fn a_link_opens_a_page_in_a_browser() {
    let world = World::new().await;
    let video = ready(&world).await;
    let (_, path) = share(&world, video, json!({})).await;
    let get = async |path: &str, accept: &str| {
        let request = Request::get(path)
            .header("accept", accept)
            .body(Body::empty())
            .unwrap();
        world.router.clone().oneshot(request).await.unwrap()
    };
    let page = get(&path, "text/html,application/xhtml+xml,*/*;q=0.8").await;
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        (page.status().as_u16(), header("content-type").as_str()),
        (200, "text/html; charset=utf-8")
    );
    assert_eq!(
        (
            header("cache-control").as_str(),
            header("referrer-policy").as_str()
        ),
        ("no-cache", "no-referrer")
    );
    let page_vary = header("vary");
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    assert!(
        policy.contains("connect-src 'self' https://edge.example;") && !policy.contains("unsafe"),
        "{policy}"
    );
    let bytes = page.into_body().collect().await.unwrap().to_bytes();
    let html = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(html.contains("content=\"https://edge.example\""), "{html}");
    assert_eq!(page_vary, "accept");
    assert_eq!(
        get(&path, "*/*").await.headers()["content-type"],
        "application/json"
    );
}

/// The claims of a grant.
#[tokio::test]
async fn a_grant_by_a_link_knows_its_link_and_its_limits() {
    use base64ct::{Base64UrlUnpadded, Encoding as _};

    let world = World::new().await;
    let video = ready(&world).await;
    let (id, path) = share(
        &world,
        video,
        json!({ "expires_in": 600, "max_height": 480 }),
    )
    .await;
    let url = follow(&world, &path).await.body["hls_url"]
        .as_str()
        .unwrap()
        .to_owned();
    let claims = Base64UrlUnpadded::decode_vec(url.split('.').rev().nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(
        (&claims["sub"], &claims["max_height"]),
        (&json!(format!("share:{id}")), &json!(480))
    );
    let left = claims["exp"].as_u64().unwrap() - clock::now().as_secs();
    assert!((590..=601).contains(&left), "{left}");
    assert_eq!(
        claims["check_segments"], true,
        "a revocation ends what is being watched"
    );
}

#[tokio::test]
async fn a_link_starts_transcoding_on_first_view() {
    let world = World::new().await;
    let body = json!({ "filename": "a.mp4", "size": 3, "generate": "on_first_view" });
    let created = world.post("/v1/uploads", body).await;
    world
        .put(&created.body["upload"]["request"], b"abc".to_vec())
        .await;
    world.pump().await;
    let (_, path) = share(&world, created.video(), json!({})).await;
    assert!(
        world.jobs().await.is_empty(),
        "creating a link starts no job"
    );
    for address in [path.clone(), format!("{path}/master.m3u8")] {
        let answer = follow(&world, &address).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["status"]),
            (202, &json!("queued"))
        );
    }
    assert_eq!(world.jobs().await.len(), 1);
    world
        .delete(&format!("/v1/videos/{}", created.video()))
        .await;
    assert_eq!(
        follow(&world, &path).await.problem(),
        (404, "no-such-share")
    );
}

#[tokio::test]
async fn the_edge_learns_of_a_deletion() {
    let world = World::new().await;
    let (video, unseen) = (ready(&world).await, world.upload_small().await);
    let path = format!("/v1/videos/{video}");
    world.revoked.is_away.store(true, Ordering::SeqCst);
    assert_eq!(world.delete(&path).await.problem(), (503, "unavailable"));
    assert_eq!(
        world.state(video).await,
        "deleted",
        "nothing comes back because the edge was away"
    );
    world.revoked.is_away.store(false, Ordering::SeqCst);
    assert_eq!(world.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        world.delete(&format!("/v1/videos/{unseen}")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        *world.revoked.names.lock().unwrap(),
        [format!("video/{video}")],
        "of the other one nothing was given out"
    );
}

#[tokio::test]
async fn invalid_requests_are_rejected() {
    let world = World::new().await;
    let video = world.upload_small().await;
    let shares = format!("/v1/videos/{video}/shares");
    for body in [
        json!({ "expires_in": 59 }),
        json!({ "expires_in": 31_536_001 }),
        json!({ "max_height": 0 }),
        json!({ "label": "x".repeat(201) }),
    ] {
        assert_eq!(
            world.post(&shares, body.clone()).await.problem(),
            (422, "invalid-field"),
            "{body}"
        );
    }
    assert_eq!(
        world.post(&shares, json!({ "until": 1 })).await.problem(),
        (400, "malformed-request")
    );
    let (id, _) = share(&world, video, json!({})).await;
    let other = world.upload_small().await;
    let elsewhere = format!("/v1/videos/{other}/shares/{id}");
    assert_eq!(
        world.delete(&elsewhere).await.problem(),
        (404, "no-such-share")
    );
    assert_eq!(
        world.delete(&format!("{shares}/{video}")).await.problem(),
        (404, "no-such-route")
    );
}

#[tokio::test]
async fn guessing_links_is_rate_limited() {
    let rate = Rate {
        burst: 3,
        refill: Duration::from_secs(3_600),
    };
    let world = World::with(|it| {
        it.limits = Limits {
            failures: Some(rate),
            callers: None,
            ..Limits::default()
        }
    })
    .await;
    for number in 0..3 {
        assert_eq!(
            follow(&world, &format!("/shared/{number}")).await.problem(),
            (404, "no-such-share")
        );
    }
    assert_eq!(
        follow(&world, "/shared/4").await.problem(),
        (429, "too-many-requests")
    );
}

#[tokio::test]
async fn the_source_is_had_straight_from_the_bucket() {
    let world = World::new().await;
    let video = world.upload_small().await;
    let path = format!("/v1/videos/{video}/source");
    let message = world.get(&path).await;
    assert_eq!(
        (message.status.as_u16(), &message.body["size"]),
        (200, &json!(3))
    );
    let bytes = world
        .http
        .get(message.body["url"].as_str().unwrap())
        .send()
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    assert_eq!(&bytes[..], b"abc");
    let waiting = world
        .post("/v1/uploads", json!({ "filename": "a.mp4", "size": 3 }))
        .await
        .video();
    assert_eq!(
        world
            .get(&format!("/v1/videos/{waiting}/source"))
            .await
            .problem(),
        (409, "source-gone")
    );
    // The scope `play` does not include downloads.
    let (_, player) = world.key(Some("ann"), &["read", "play"]).await;
    let refused = world.call_as(&player, Method::GET, &path, None).await;
    assert_eq!(
        (refused.problem(), &refused.body["scope"]),
        ((403, "insufficient-scope"), &json!("download"))
    );
}
