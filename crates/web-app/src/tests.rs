use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

const HTML: &str = "<meta name=\"edgereel-edge\" content=\"\" /><div id=\"app\">";

fn app(edge: &str, bucket: &str) -> WebApp {
    WebApp::with_page(Some(HTML.as_bytes()), edge, bucket)
}

async fn get_from(app: &WebApp, path: &str) -> Response {
    let request = Request::get(path).body(Body::empty()).unwrap();
    app.clone().routes::<()>().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn every_address_of_a_page_is_the_page_with_its_policy() {
    let app = app("https://edge.example", "");
    for path in [
        "/",
        "/upload",
        "/settings",
        "/settings/webhooks",
        "/videos/vid_1",
        "/watch/vid_1",
        "/embed/vid_1",
    ] {
        let response = get_from(&app, path).await;
        assert_eq!(response.status(), 200, "{path}");
        let policy = response.headers()[CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            policy.contains("frame-ancestors 'none'"),
            !path.starts_with("/embed/"),
            "{path}: {policy}"
        );
        assert_eq!(
            response.headers().contains_key(X_FRAME_OPTIONS),
            !path.starts_with("/embed/"),
            "{path}"
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let html = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            html.contains(r#"<meta name="edgereel-edge" content="https://edge.example""#),
            "{html}"
        );
    }
    assert_eq!(get_from(&app, "/assets/none.js").await.status(), 404);
    for outside in [
        "..%2f..%2fpackage.json",
        "../../package.json",
        "%2e%2e/index.html",
        "/etc/passwd",
        "..",
    ] {
        assert_eq!(
            get_from(&app, &format!("/assets/{outside}")).await.status(),
            404,
            "{outside}"
        );
    }
}

#[tokio::test]
async fn other_sites_may_load_the_player() {
    // Only where the web app was built.
    let app = app("", "");
    let response = get_from(&app, "/assets/edgereel-player.js").await;
    if response.status() == 404 {
        return;
    }
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["access-control-allow-origin"]
        ),
        (200, &"*".parse().unwrap())
    );
    assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
    let request = Request::get("/assets/edgereel-player.js")
        .header("if-none-match", &response.headers()["etag"]);
    let again = app
        .routes::<()>()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(again.status(), 304);
}

async fn text(response: Response) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_page_is_loaded_again_only_if_it_has_changed() {
    let app = app("", "");
    let first = get_from(&app, "/").await;
    let tag = first.headers()[ETAG].clone();
    let request = Request::get("/upload")
        .header("if-none-match", &tag)
        .body(Body::empty())
        .unwrap();
    let again = app.clone().routes::<()>().oneshot(request).await.unwrap();
    assert_eq!(again.status(), 304);
    assert!(again.headers().contains_key(CONTENT_SECURITY_POLICY));
    assert_eq!(text(again).await, "");
    let head = Request::head("/").body(Body::empty()).unwrap();
    let head = app.clone().routes::<()>().oneshot(head).await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()[ETAG]), (200, &tag));
    let other = WebApp::with_page(Some(HTML.as_bytes()), "https://edge.example", "");
    assert_ne!(get_from(&other, "/").await.headers()[ETAG], tag);
    assert_eq!(app.not_found("/nothing").status(), 404);
}

#[tokio::test]
async fn a_program_without_the_web_app_says_how_to_build_it() {
    let app = WebApp::with_page(None, "", "");
    assert!(!app.is_built());
    for path in ["/", "/upload", "/watch/vid_1"] {
        let response = get_from(&app, path).await;
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(text(response).await.contains("npm run build"));
    }
}

#[test]
fn an_origin_cannot_leave_its_attribute() {
    let html = String::from_utf8(app("https://x\"><script>", "").html.to_vec()).unwrap();
    assert!(!html.contains("<script"), "{html}");
}
