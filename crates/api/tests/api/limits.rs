//! Rate limits by caller and by address.

use std::net::SocketAddr;
use std::time::Duration;

use api::ApiConfig;
use axum::body::Body;
use axum::extract::ConnectInfo;
use config::{Limits, Rate};
use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::world::{Answer, TOKEN, World, jwt};

/// A rate without a refill during the test.
fn few(burst: u32) -> Option<Rate> {
    Some(Rate {
        burst,
        refill: Duration::from_secs(60),
    })
}

fn limited(config: &mut ApiConfig) {
    config.limits = Limits {
        callers: few(2),
        installation: None,
        failures: few(3),
        address_header: None,
    };
}

async fn list_as(world: &World, token: &str) -> Answer {
    world.call_as(token, Method::GET, "/v1/videos", None).await
}

#[tokio::test]
async fn each_caller_has_a_bucket() {
    let world = World::with(limited).await;
    let (ann, bob) = (jwt(json!({})), jwt(json!({ "sub": "bob" })));
    let first = list_as(&world, &ann).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.headers["ratelimit-policy"], r#""caller";q=2;w=120"#);
    assert_eq!(first.headers["ratelimit"], r#""caller";r=1;t=60"#);
    // A new token is the same caller, and rejected requests count too.
    let fresh = jwt(json!({ "jti": "another" }));
    assert_eq!(
        world
            .call_as(&fresh, Method::GET, "/v1/nothing", None)
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    let refused = list_as(&world, &ann).await;
    assert_eq!(refused.problem(), (429, "too-many-requests"));
    assert_eq!(refused.headers["ratelimit"], r#""caller";r=0;t=120"#);
    let retry: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((50..=60).contains(&retry), "{retry}");
    assert_eq!(list_as(&world, &bob).await.status, StatusCode::OK);
    for _ in 0..5 {
        let operator = list_as(&world, TOKEN).await;
        assert_eq!(
            (operator.status, operator.headers.get("ratelimit")),
            (StatusCode::OK, None)
        );
    }
}

#[tokio::test]
async fn failed_authentication_is_rate_limited() {
    let world = World::with(limited).await;
    let send = async |token: Option<&str>, address: [u8; 4]| {
        let mut request =
            Request::get("/v1/videos").extension(ConnectInfo(SocketAddr::from((address, 9))));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        world
            .send(request.body(Body::empty()).unwrap())
            .await
            .status
            .as_u16()
    };
    let (here, there) = ([192, 0, 2, 1], [192, 0, 2, 2]);
    assert_eq!(
        [
            send(Some("x"), here).await,
            send(None, here).await,
            send(Some("y"), here).await
        ],
        [401; 3]
    );
    assert_eq!(
        [send(Some("x"), here).await, send(None, here).await],
        [429; 2]
    );
    assert_eq!(send(Some("x"), there).await, 401);
    // Authenticated callers at the same address are not affected.
    assert_eq!(
        [
            send(Some(&jwt(json!({}))), here).await,
            send(Some(TOKEN), here).await
        ],
        [200; 2]
    );
}

#[tokio::test]
async fn pages_of_named_origins_may_call() {
    let page = "https://app.example";
    let world = World::with(|config| config.cors_origins = vec![page.to_owned()]).await;
    let preflight = async |origin: &str| {
        let request = Request::options("/v1/uploads")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,idempotency-key",
            );
        world.send(request.body(Body::empty()).unwrap()).await
    };
    let allowed = preflight(page).await;
    assert_eq!(allowed.status, StatusCode::OK);
    assert_eq!(allowed.headers["access-control-allow-origin"], page);
    let headers = allowed.headers["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(
        headers.contains("authorization") && headers.contains("idempotency-key"),
        "{headers}"
    );
    assert_eq!(
        preflight("https://evil.example")
            .await
            .headers
            .get("access-control-allow-origin"),
        None
    );

    // Errors too: the page needs the reason.
    let request = Request::get("/v1/videos").header("origin", page);
    let refused = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.problem(), (401, "unauthorized"));
    assert_eq!(refused.headers["access-control-allow-origin"], page);

    let closed = World::new().await;
    let request = Request::get("/v1/videos")
        .header("origin", page)
        .header("authorization", format!("Bearer {TOKEN}"));
    let answer = closed.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.headers.get("access-control-allow-origin"), None);
}
