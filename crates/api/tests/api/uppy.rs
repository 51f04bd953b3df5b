//! The protocol of `@uppy/aws-s3`.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{TOKEN, World};

const MIB: usize = 1 << 20;

/// Uploads a part like Uppy: presigns it, sends it, and keeps the ETag.
async fn send_part(world: &World, base: &str, key: &str, number: usize, bytes: Vec<u8>) -> Value {
    let signed = world.get(&format!("{base}/{number}?key={key}")).await;
    assert_eq!(signed.status, StatusCode::OK, "{}", signed.body);
    let answer = world
        .http
        .put(signed.body["url"].as_str().unwrap())
        .body(bytes)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    json!({ "PartNumber": number, "ETag": answer.headers()["etag"].to_str().unwrap() })
}

/// Starts an upload with the API key in the path; returns the path of the upload and its object key.
async fn begin_by(world: &World, key: &str) -> (String, String) {
    let file = json!({ "filename": "a.mp4", "type": "video/mp4" }).to_string();
    let request = http::Request::post(format!("/u/{key}/s3/multipart"))
        .body(axum::body::Body::from(file))
        .unwrap();
    let begun = world.send(request).await.body;
    let id = begun["uploadId"]
        .as_str()
        .unwrap_or_else(|| panic!("{begun}"));
    (
        format!("/s3/multipart/{id}"),
        begun["key"].as_str().unwrap().replace('/', "%2F"),
    )
}

async fn begin(world: &World) -> (String, String) {
    let file = json!({
        "filename": "My Film.mp4", "type": "video/mp4",
        "metadata": { "name": "My Film.mp4", "type": "video/mp4", "external_id": "lesson-1" },
    });
    let begun = world.post("/v1/s3/multipart", file).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.body);
    let key = begun.body["key"].as_str().unwrap().to_owned();
    assert!(
        key.starts_with("uploads/vid_") && key.ends_with("/My_Film.mp4"),
        "{key}"
    );
    (
        format!(
            "/v1/s3/multipart/{}",
            begun.body["uploadId"].as_str().unwrap()
        ),
        key.replace('/', "%2F"),
    )
}

#[tokio::test]
async fn an_upload_in_parts_resumes_and_completes() {
    let world = World::new().await;
    let (base, key) = begin(&world).await;
    let first = send_part(&world, &base, &key, 1, vec![1; 5 * MIB]).await;
    let second = send_part(&world, &base, &key, 2, vec![2; 17]).await;

    let stored = world.get(&format!("{base}?key={key}")).await.body;
    assert_eq!(
        stored[0],
        json!({ "PartNumber": 1, "Size": 5 * MIB, "ETag": first["ETag"] })
    );
    assert_eq!(stored.as_array().unwrap().len(), 2);

    let complete = format!("{base}/complete?key={key}");
    let wrong = json!({ "parts": [first, { "PartNumber": 2, "ETag": "x" }] });
    assert_eq!(
        world.post(&complete, wrong).await.problem(),
        (409, "upload-incomplete")
    );
    for _ in 0..2 {
        let done = world
            .post(&complete, json!({ "parts": [first, second] }))
            .await;
        assert_eq!(done.status, StatusCode::OK, "{}", done.body);
        assert!(
            done.body["location"]
                .as_str()
                .unwrap()
                .starts_with("/v1/videos/vid_")
        );
    }
    world.pump().await;
    let listed = world.get("/v1/videos?external_id=lesson-1").await.body;
    let video = &listed["videos"][0];
    assert_eq!(
        (&video["state"], &video["title"]),
        (&json!("queued"), &json!("My Film.mp4"))
    );
    assert_eq!(video["source"]["size"], 5 * MIB + 17);
    assert_eq!(
        world.get(&format!("{base}/3?key={key}")).await.problem(),
        (409, "upload-complete")
    );
}

#[tokio::test]
async fn one_request_carries_a_small_file() {
    let world = World::new().await;
    let query = "filename=a.mp4&type=video%2Fmp4&metadata%5Btitle%5D=Small";
    let params = world.uppy_params(TOKEN, query).await.body;
    assert_eq!(
        (&params["method"], &params["fields"]),
        (&json!("PUT"), &json!({}))
    );
    let mut put = world.http.put(params["url"].as_str().unwrap());
    for (name, value) in params["headers"].as_object().unwrap() {
        put = put.header(name, value.as_str().unwrap());
    }
    assert_eq!(put.body("bytes").send().await.unwrap().status(), 200);
    world.pump().await;
    let listed = world.get("/v1/videos?q=small").await.body;
    assert_eq!(listed["videos"][0]["source"]["size"], 5);
    assert_eq!(
        world.uppy_params(TOKEN, "type=video/mp4").await.problem(),
        (400, "malformed-request")
    );
    assert_eq!(
        world
            .uppy_params(TOKEN, "filename=a.txt&type=text/plain")
            .await
            .problem(),
        (415, "unsupported-type")
    );
}

#[tokio::test]
async fn an_upload_may_wait_for_its_first_view() {
    let world = World::new().await;
    let file = |generate: Value| json!({ "filename": "a.mp4", "type": "video/mp4", "metadata": { "generate": generate } });
    for generate in ["on_upload", "on_first_view"] {
        assert_eq!(
            world
                .post("/v1/s3/multipart", file(json!(generate)))
                .await
                .status,
            StatusCode::OK
        );
        assert_eq!(
            world.get("/v1/videos?limit=1").await.body["videos"][0]["generate"],
            generate
        );
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert_eq!(
        world
            .post("/v1/s3/multipart", file(json!("later")))
            .await
            .problem(),
        (422, "invalid-field")
    );
}

/// Uppy 6 sends a form unless its options require multipart, and always for an empty file. R2 does not support forms.
#[tokio::test]
async fn a_form_upload_is_rejected_before_a_video_is_created() {
    let world = World::new().await;
    let refused = world
        .get("/v1/s3/params?filename=a.mp4&type=video/mp4")
        .await;
    assert_eq!(refused.problem(), (422, "multipart-required"));
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("shouldUseMultipart: true")
    );
    assert_eq!(
        world.get("/v1/videos").await.body["videos"],
        json!([]),
        "nothing is left behind"
    );
    let preflight = http::Request::builder()
        .method(Method::OPTIONS)
        .uri("/v1/s3/params")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "uppy-versions");
    let world =
        World::with(|config| config.cors_origins = vec!["https://app.example".to_owned()]).await;
    let answer = world
        .send(preflight.body(axum::body::Body::empty()).unwrap())
        .await;
    assert!(
        answer.headers["access-control-allow-headers"]
            .to_str()
            .unwrap()
            .contains("uppy-versions")
    );
}

#[tokio::test]
async fn cancelling_leaves_nothing() {
    let world = World::new().await;
    let (base, key) = begin(&world).await;
    send_part(&world, &base, &key, 1, vec![1; 10]).await;
    for _ in 0..2 {
        let cancelled = world
            .call(Method::DELETE, &format!("{base}?key={key}"), None)
            .await;
        assert_eq!(
            (cancelled.status, cancelled.body),
            (StatusCode::OK, json!({}))
        );
    }
    assert_eq!(world.get("/v1/videos").await.body["videos"], json!([]));
    assert_eq!(
        world.get(&format!("{base}?key={key}")).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn an_upload_belongs_to_its_key() {
    let world = World::new().await;
    let ((first, _), (_, second)) = (begin(&world).await, begin(&world).await);
    for key in [second.as_str(), "uploads%2Fx", "keys%2Fx"] {
        assert_eq!(
            world.get(&format!("{first}?key={key}")).await.problem(),
            (410, "upload-gone"),
            "{key}"
        );
        assert_eq!(
            world.get(&format!("{first}/1?key={key}")).await.problem(),
            (410, "upload-gone"),
            "{key}"
        );
    }
    let (base, key) = begin(&world).await;
    assert_eq!(
        world
            .get(&format!("{base}/10001?key={key}"))
            .await
            .problem(),
        (400, "malformed-request")
    );
    assert_eq!(
        world
            .post(
                &format!("{base}/complete?key={key}"),
                json!({ "parts": [] })
            )
            .await
            .problem(),
        (409, "upload-incomplete")
    );
}

#[tokio::test]
async fn a_page_has_its_key_in_the_url() {
    let world = World::new().await;
    let (_, key) = world.key(Some("ann"), &["upload"]).await;
    let (_, reader) = world.key(Some("ann"), &["read"]).await;
    let ask = async |path: &str| {
        let request = http::Request::builder()
            .uri(path)
            .header("uppy-versions", "@uppy/aws-s3=5.1.0");
        world
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await
    };
    let query = "filename=a.mp4&type=video/mp4";
    let params = ask(&format!("/u/{key}/s3/params?{query}")).await;
    assert_eq!(params.status, StatusCode::OK, "{}", params.body);
    let listed = world.get("/v1/videos?owner=ann").await.body;
    assert_eq!(
        listed["videos"].as_array().unwrap().len(),
        1,
        "it belongs to whom the key belongs"
    );
    let (base, path_key) = begin_by(&world, &key).await;
    let signed = ask(&format!("/u/{key}{base}/1?key={path_key}")).await;
    assert_eq!(signed.status, StatusCode::OK, "{}", signed.body);
    assert_eq!(
        ask(&format!("/u/{reader}/s3/params?{query}"))
            .await
            .problem(),
        (403, "insufficient-scope")
    );
    assert_eq!(
        ask(&format!("/u/er_guess/s3/params?{query}"))
            .await
            .problem(),
        (401, "unauthorized")
    );
    assert_eq!(
        ask(&format!("/u/{key}/videos")).await.problem(),
        (404, "no-such-route")
    );
}

/// A page that announces sizes gets requests that are signed for them.
#[tokio::test]
async fn an_announced_size_is_signed() {
    let world = World::new().await;
    let params = world
        .uppy_params(
            TOKEN,
            "filename=a.mp4&type=video%2Fmp4&metadata%5Bsize%5D=5",
        )
        .await
        .body;
    let put = async |body: &'static str| {
        let mut put = world.http.put(params["url"].as_str().unwrap());
        for (name, value) in params["headers"].as_object().unwrap() {
            assert_ne!(name.to_lowercase(), "content-length", "a browser sets it");
            put = put.header(name, value.as_str().unwrap());
        }
        put.body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(
        [
            put("more bytes").await,
            put("four").await,
            put("bytes").await
        ],
        [403, 403, 200]
    );

    let size = 5 * MIB + 17;
    let file = json!({ "filename": "a.mp4", "type": "video/mp4", "metadata": { "size": size } });
    let begun = world.post("/v1/s3/multipart", file).await.body;
    let key = begun["key"].as_str().unwrap().replace('/', "%2F");
    let base = format!("/v1/s3/multipart/{}", begun["uploadId"].as_str().unwrap());
    let signed = world.get(&format!("{base}/2?key={key}")).await.body;
    let larger = world
        .http
        .put(signed["url"].as_str().unwrap())
        .body(vec![1; 18])
        .send()
        .await
        .unwrap();
    assert_eq!(larger.status(), 403);
    assert_eq!(
        world.get(&format!("{base}/3?key={key}")).await.problem(),
        (422, "invalid-field")
    );
    let first = send_part(&world, &base, &key, 1, vec![1; 5 * MIB]).await;
    let complete = format!("{base}/complete?key={key}");
    assert_eq!(
        world
            .post(&complete, json!({ "parts": [first] }))
            .await
            .problem(),
        (409, "upload-incomplete")
    );
    let second = send_part(&world, &base, &key, 2, vec![2; 17]).await;
    assert_eq!(
        world
            .post(&complete, json!({ "parts": [first, second] }))
            .await
            .status,
        StatusCode::OK
    );

    let too_large =
        json!({ "filename": "a.mp4", "type": "video/mp4", "metadata": { "size": 1_u64 << 50 } });
    assert_eq!(
        world.post("/v1/s3/multipart", too_large).await.problem(),
        (413, "too-large")
    );
}

#[tokio::test]
async fn an_installation_may_ask_for_sizes() {
    let world = World::with(|config| config.require_sizes = true).await;
    let file =
        |metadata: Value| json!({ "filename": "a.mp4", "type": "video/mp4", "metadata": metadata });
    assert_eq!(
        world
            .post("/v1/s3/multipart", file(json!({})))
            .await
            .problem(),
        (422, "invalid-field")
    );
    let whole = world
        .uppy_params(TOKEN, "filename=a.mp4&type=video/mp4")
        .await;
    assert_eq!(whole.problem(), (422, "invalid-field"));
    assert_eq!(
        world
            .post("/v1/s3/multipart", file(json!({ "size": "7" })))
            .await
            .status,
        StatusCode::OK
    );
}
