//! Sessions of browsers: signing in and out, and what other sites cannot do with the cookie.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use crate::world::{Answer, TOKEN, World};

/// A request of a page: with the cookie and the header that pages send.
async fn send(
    world: &World,
    method: Method,
    path: &str,
    cookie: &str,
    body: Option<serde_json::Value>,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", cookie)
        .header("edgereel-request", "1")
        .header("sec-fetch-site", "same-origin");
    let body = body.map_or(Body::empty(), |it| Body::from(it.to_string()));
    world.send(request.body(body).unwrap()).await
}

/// Every route that changes something refuses the cookie without the header.
#[tokio::test]
async fn no_route_can_be_forged() {
    let world = World::new().await;
    let cookie = sign_in(&world, TOKEN).await;
    let table = api::route_table();
    let changes = table.iter().filter(|it| !it.method.is_safe());
    let mut count = 0;
    for route in changes {
        let path = format!("/v1{}", route.path.replace(['{', '}'], ""));
        // What a form, `sendBeacon` or an image of another site can send.
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json",
        ] {
            let request = Request::builder().method(&route.method).uri(&path);
            let request = request
                .header("cookie", &cookie)
                .header("content-type", kind);
            let answer = world.send(request.body(Body::from("{}")).unwrap()).await;
            let what = format!("{} {path}", route.method);
            assert_eq!(answer.problem(), (403, "cross-site-request"), "{what}");
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

/// CORS never allows the header of pages, nor cookies.
#[tokio::test]
async fn other_origins_may_not_use_the_session() {
    for origins in ["*", "https://app.example"] {
        let world = World::with(|config| config.cors_origins = vec![origins.to_owned()]).await;
        let preflight = Request::options("/v1/videos/vid_1")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "DELETE")
            .header("access-control-request-headers", "edgereel-request");
        let answer = world.router_response(preflight).await;
        let allowed = answer.headers()["access-control-allow-headers"]
            .to_str()
            .unwrap();
        assert!(
            !allowed.contains("edgereel") && !allowed.contains('*'),
            "{allowed}"
        );
        assert!(
            !answer
                .headers()
                .contains_key("access-control-allow-credentials")
        );
    }
}

/// `GET /v1/session` is asked by every page; but a token in the header may be a guess.
#[tokio::test]
async fn guesses_are_limited_everywhere() {
    let rate = config::Rate {
        burst: 2,
        refill: std::time::Duration::from_secs(60),
    };
    let world = World::with(|config| config.limits.failures = Some(rate)).await;
    for _ in 0..4 {
        assert_eq!(
            send(&world, Method::GET, "/v1/session", "", None)
                .await
                .problem()
                .0,
            401
        );
    }
    let guess = async || {
        let request = Request::get("/v1/session").header("authorization", "Bearer er_guess");
        world
            .send(request.body(Body::empty()).unwrap())
            .await
            .problem()
            .0
    };
    assert_eq!(
        [guess().await, guess().await, guess().await],
        [401, 401, 429]
    );
    let body = Some(json!({ "token": "er_guess" }));
    assert_eq!(
        send(&world, Method::POST, "/v1/session", "", body)
            .await
            .problem()
            .0,
        429
    );
}

/// Signs in, and returns the cookie.
async fn sign_in(world: &World, token: &str) -> String {
    let answer = send(
        world,
        Method::POST,
        "/v1/session",
        "",
        Some(json!({ "token": token })),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains(token),
        "{cookie}"
    );
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_browser_signs_in_and_out() {
    let world = World::new().await;
    let out = world
        .send(Request::get("/v1/session").body(Body::empty()).unwrap())
        .await;
    assert_eq!(
        (out.problem(), &out.body["methods"]),
        ((401, "unauthorized"), &json!(["api-key"]))
    );
    let cookie = sign_in(&world, TOKEN).await;
    let session = send(&world, Method::GET, "/v1/session", &cookie, None).await;
    assert_eq!(
        (&session.body["subject"], &session.body["profiles"][0]),
        (&json!("installation"), &json!("default"))
    );
    assert!(session.body["expires_at"].is_string(), "{}", session.body);
    assert_eq!(
        send(&world, Method::GET, "/v1/videos", &cookie, None)
            .await
            .status,
        200
    );
    let ended = send(&world, Method::DELETE, "/v1/session", &cookie, None).await;
    assert_eq!(ended.status, 204);
    assert!(
        ended.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0")
    );
}

#[tokio::test]
async fn other_sites_change_nothing_with_the_cookie() {
    let world = World::new().await;
    let cookie = sign_in(&world, TOKEN).await;
    let of_another_site: &[&[(&str, &str)]] = &[
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("edgereel-request", "1"), ("sec-fetch-site", "same-site")],
    ];
    for headers in of_another_site {
        for (method, path) in [
            (Method::POST, "/v1/uploads"),
            (Method::DELETE, "/v1/session"),
        ] {
            let mut request = Request::builder()
                .method(method)
                .uri(path)
                .header("cookie", &cookie);
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            let answer = world.send(request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(
                answer.problem(),
                (403, "cross-site-request"),
                "{headers:?} {path}"
            );
        }
    }
    // Programs, which send the token themselves, need no header.
    let request = Request::post("/v1/uploads").header("authorization", format!("Bearer {TOKEN}"));
    assert_eq!(
        world
            .send(request.body(Body::from("{}")).unwrap())
            .await
            .problem()
            .0,
        400
    );
}

#[tokio::test]
async fn a_session_ends_with_its_api_key() {
    let world = World::new().await;
    let created = world
        .call(
            Method::POST,
            "/v1/api-keys",
            Some(json!({ "name": "me", "scopes": ["read"] })),
        )
        .await;
    let (id, key) = (
        created.body["id"].as_str().unwrap(),
        created.body["key"].as_str().unwrap(),
    );
    let cookie = sign_in(&world, key).await;
    assert_eq!(
        send(&world, Method::GET, "/v1/videos", &cookie, None)
            .await
            .status,
        200
    );
    assert_eq!(
        send(&world, Method::GET, "/v1/api-keys", &cookie, None)
            .await
            .problem(),
        (403, "insufficient-scope")
    );
    assert_eq!(
        world.delete(&format!("/v1/api-keys/{id}")).await.status,
        204
    );
    assert_eq!(
        send(&world, Method::GET, "/v1/videos", &cookie, None)
            .await
            .problem(),
        (401, "unauthorized")
    );
}

#[tokio::test]
async fn a_wrong_token_starts_no_session() {
    let world = World::new().await;
    for token in ["", "er_wrong", &"x".repeat(9_000)] {
        let answer = send(
            &world,
            Method::POST,
            "/v1/session",
            "",
            Some(json!({ "token": token })),
        )
        .await;
        assert_eq!(answer.problem(), (401, "unauthorized"), "{token}");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}
