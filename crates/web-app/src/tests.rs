//! Only where the web app was built.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

async fn get_from(app: &WebApp, path: &str) -> Response {
    let request = Request::get(path).body(Body::empty()).unwrap();
    app.clone().routes::<()>().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn every_address_of_a_page_is_the_page_with_its_policy() {
    let Some(app) = WebApp::new("https://edge.example", "") else { return };
    for path in ["/", "/upload", "/settings", "/settings/webhooks", "/videos/vid_1", "/watch/vid_1", "/embed/vid_1"] {
        let response = get_from(&app, path).await;
        assert_eq!(response.status(), 200, "{path}");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert_eq!(policy.contains("frame-ancestors 'none'"), !path.starts_with("/embed/"), "{path}: {policy}");
        assert_eq!(response.headers().contains_key(X_FRAME_OPTIONS), !path.starts_with("/embed/"), "{path}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let html = String::from_utf8(body.to_vec()).unwrap();
        assert!(html.contains(r#"<meta name="edgereel-edge" content="https://edge.example""#), "{html}");
    }
    assert_eq!(get_from(&app, "/assets/none.js").await.status(), 404);
    assert_eq!(get_from(&app, "/assets/..%2f..%2fpackage.json").await.status(), 404);
}

#[tokio::test]
async fn other_sites_may_load_the_player() {
    let Some(app) = WebApp::new("", "") else { return };
    let response = get_from(&app, "/assets/edgereel-player.js").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["access-control-allow-origin"]),
        (200, &"*".parse().unwrap())
    );
    assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
    let request = Request::get("/assets/edgereel-player.js").header("if-none-match", &response.headers()["etag"]);
    let again = app.routes::<()>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(again.status(), 304);
}
