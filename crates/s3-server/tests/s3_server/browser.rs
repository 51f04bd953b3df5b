//! Presigned uploads as browsers send them.

use domain::object_key::ObjectPrefix;
use platform::object_store::uploads::{Part, UploadId, UploadSigner as _};
use platform::object_store::{ETag, ObjectStore as _, StoreError};
use platform::testing::ORIGIN;
use reqwest::{Client, Method};

use crate::multipart::{PART, complete, create, named};
use crate::presigned::{LIFE, request, source};
use crate::support::{BUCKET, World, minutes};

#[tokio::test]
async fn a_browser_uploads_parts_and_the_api_completes() {
    let world = World::new().await;
    let store = world.server.store();
    let upload = store
        .create_multipart(&source(), "video/mp4")
        .await
        .unwrap();
    let life = std::time::Duration::from_secs(600);
    for (number, size) in [(1, PART), (2, 10)] {
        let signed = store
            .presign_part(&source(), &upload, number, Some(size as u64), life)
            .await
            .unwrap();
        let put = |size| {
            reqwest::Client::new()
                .put(&signed.url)
                .body(vec![number as u8; size])
                .send()
        };
        assert_eq!(
            put(size + 1).await.unwrap().status(),
            403,
            "a part of another size is refused"
        );
        let answer = put(size).await.unwrap();
        assert!(answer.status().is_success() && answer.headers().contains_key("etag"));
    }
    let family = ObjectPrefix::Sources(source().video());
    let unfinished = store.list_unfinished(&family).await.unwrap();
    assert_eq!(
        unfinished
            .iter()
            .map(|it| (&it.path, &it.id))
            .collect::<Vec<_>>(),
        [(&source().path(), &upload)]
    );
    let parts = store.list_parts(&source(), &upload).await.unwrap();
    assert_eq!(
        parts
            .iter()
            .map(|it| (it.number, it.size))
            .collect::<Vec<_>>(),
        [(1, PART as u64), (2, 10)]
    );
    let etag = store
        .complete_multipart(&source(), &upload, &parts)
        .await
        .unwrap();
    let meta = store.head(&source()).await.unwrap();
    assert_eq!((meta.etag, meta.size), (etag.clone(), PART as u64 + 10));
    assert_eq!(
        (meta.content_type.as_deref(), meta.cache_control.as_deref()),
        (Some("video/mp4"), Some("no-store"))
    );
    assert_eq!(store.list_unfinished(&family).await.unwrap(), []);
    // The response was lost, or the page sends the request twice.
    assert_eq!(
        store
            .complete_multipart(&source(), &upload, &parts)
            .await
            .unwrap(),
        etag
    );
    let other = [Part {
        number: 1,
        etag: ETag("0".repeat(32)),
        size: 1,
    }];
    let result = store.complete_multipart(&source(), &upload, &other).await;
    assert!(
        matches!(result, Err(StoreError::NotFound { .. })),
        "{result:?}"
    );
    store.abort_multipart(&source(), &upload).await.unwrap();
    let gone = store
        .list_parts(&source(), &UploadId("none".to_owned()))
        .await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn a_presigned_part_needs_no_more_than_its_url() {
    let world = World::new().await;
    let id = create(&world, "a").await;
    let part = world
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("a")
        .upload_id(&id)
        .part_number(1);
    let url = part.presigned(minutes(5)).await.unwrap().uri().to_owned();
    let answer = reqwest::Client::new()
        .put(&url)
        .body("partdata")
        .send()
        .await
        .unwrap();
    let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let other = url.replace("partNumber=1", "partNumber=2");
    assert_eq!(
        reqwest::Client::new()
            .put(other)
            .body("partdata")
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
    complete(&world, "a", &id, vec![named(1, &etag)])
        .await
        .unwrap();
    assert_eq!(world.get("a").await, b"partdata");
}

#[tokio::test]
async fn pages_of_the_allowed_origin_may_upload() {
    let world = World::new().await;
    let signed = world
        .server
        .store()
        .presign_put(&source(), Some(5), "video/mp4", LIFE)
        .await
        .unwrap();
    let preflight = |origin: &str| {
        Client::new()
            .request(Method::OPTIONS, &signed.url)
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header(
                "access-control-request-headers",
                "content-type,if-none-match",
            )
            .send()
    };
    let allowed = preflight(ORIGIN).await.unwrap();
    assert!(allowed.status().is_success());
    assert_eq!(allowed.headers()["access-control-allow-origin"], ORIGIN);
    assert_eq!(
        allowed.headers()["access-control-allow-headers"],
        "content-type,if-none-match"
    );
    assert!(
        allowed.headers()["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("PUT")
    );
    let foreign = preflight("http://evil.example").await.unwrap();
    assert!(
        !foreign
            .headers()
            .contains_key("access-control-allow-origin")
    );

    let stored = request(&signed)
        .header("origin", ORIGIN)
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(stored.headers()["access-control-allow-origin"], ORIGIN);
    assert!(
        stored.headers()["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("ETag")
    );
    // A page must be able to read the reason of a rejection.
    let refused = request(&signed)
        .header("origin", ORIGIN)
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["access-control-allow-origin"]
                .to_str()
                .unwrap()
        ),
        (412, ORIGIN)
    );
}
