//! Authentication, and responses for unauthenticated callers.

use axum::body::Body;
use http::{Method, Request};

use crate::world::{TOKEN, World};

const VIDEO: &str = "vid_018bcfe5680077078707070707070707";

#[tokio::test]
async fn unauthenticated_callers_do_not_learn_which_routes_exist() {
    let world = World::new().await;
    for token in [None, Some("Bearer nonsense"), Some("Basic er_test_token")] {
        let mut request = Request::get("/v1/nothing");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(), (401, "unauthorized"));
        let challenge = answer.headers["www-authenticate"].to_str().unwrap();
        assert_eq!(
            challenge.contains("invalid_token"),
            token.is_some(),
            "{challenge}"
        );
    }
}

#[tokio::test]
async fn health_needs_no_token() {
    let world = World::new().await;
    for path in ["/healthz", "/readyz"] {
        let answer = world
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["status"]),
            (200, &"ok".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_installation_without_its_store_is_not_ready() {
    let World { router, s3, .. } = World::new().await;
    s3.stop().await;
    let request = Request::get("/readyz").body(Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!(answer.status(), 503);
}

#[tokio::test]
async fn wrong_addresses_and_methods_are_problems() {
    let world = World::new().await;
    assert_eq!(
        world.get("/v1/nothing").await.problem(),
        (404, "no-such-route")
    );
    assert_eq!(
        world.call(Method::PUT, "/v1/videos", None).await.problem(),
        (405, "method-not-allowed")
    );
    assert_eq!(
        world.get("/v1/videos/film").await.problem(),
        (404, "no-such-route")
    );
    assert_eq!(
        world.get(&format!("/v1/videos/{VIDEO}")).await.problem(),
        (404, "no-such-video")
    );
    assert_eq!(
        world.delete(&format!("/v1/videos/{VIDEO}")).await.problem(),
        (404, "no-such-video")
    );
    assert_eq!(
        world
            .delete(&format!("/v1/uploads/{VIDEO}"))
            .await
            .problem(),
        (404, "no-such-video")
    );
    assert_eq!(
        world
            .get(&format!("/v1/videos/{VIDEO}/stream"))
            .await
            .problem(),
        (404, "no-such-video")
    );
}

#[tokio::test]
async fn bodies_are_bounded_and_checked() {
    let world = World::new().await;
    let send = async |body: String| {
        let request =
            Request::post("/v1/uploads").header("authorization", format!("Bearer {TOKEN}"));
        world.send(request.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(
        send("{".to_owned()).await.problem(),
        (400, "malformed-request")
    );
    assert_eq!(
        send(String::new()).await.problem(),
        (400, "malformed-request")
    );
    assert_eq!(
        send("[1]".to_owned()).await.problem(),
        (400, "malformed-request")
    );
    let unknown = send(r#"{"filename":"a","size":1,"sise":2}"#.to_owned()).await;
    assert!(
        unknown.body["detail"].as_str().unwrap().contains("sise"),
        "{}",
        unknown.body
    );
    for twice in [
        r#"{"filename":"a","size":1,"size":2}"#,
        // Parsed a second time because of the `.0`.
        r#"{"filename":"a","size":1.0,"size":2}"#,
        r#"{"filename":"a","size":1,"metadata":{"b":1,"b":2}}"#,
        r#"{"filename":"a","size":1,"metadata":{"c":[{"b":1,"\u0062":2}]}}"#,
    ] {
        assert_eq!(
            send(twice.to_owned()).await.problem(),
            (400, "malformed-request"),
            "{twice}"
        );
    }
    let once = send(
        r#"{"filename":"a","size":1.0,"metadata":{"a":{"b":1},"b":[null,-1,2.5,true,"x"]}}"#
            .to_owned(),
    )
    .await;
    assert_eq!(once.status, 201, "{}", once.body);
    assert_eq!(
        send(format!("\"{}\"", "x".repeat(70_000))).await.problem(),
        (413, "body-too-large")
    );
}

/// Browsers get the page of the app, which says that there is none at this address.
#[tokio::test]
async fn an_unknown_path_is_a_page_for_browsers_and_a_problem_for_programs() {
    let world = World::new().await;
    let get = |path: &str, accept: &str| Request::get(path).header("accept", accept);
    let page = world
        .router_response(get("/nothing/here", "text/html,*/*;q=0.8"))
        .await;
    assert_eq!(
        (page.status().as_u16(), &page.headers()["vary"]),
        (404, &"accept".parse().unwrap())
    );
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    for request in [
        get("/nothing/here", "*/*"),
        get("/v1/nothing", "text/html"),
        Request::post("/nothing"),
    ] {
        let answer = world
            .router_response(request.header("authorization", format!("Bearer {TOKEN}")))
            .await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (404, &"application/problem+json".parse().unwrap())
        );
    }
}
