//! Limits of uploads: of owners, and of an installation.

use catalog::OwnerLimits;
use http::Method;
use serde_json::json;

use crate::world::{TOKEN, World, jwt};

#[tokio::test]
async fn an_owner_has_so_many_uploads_under_way() {
    let world = World::with(|config| config.owner_limits.open_uploads = Some(2)).await;
    let body = || Some(json!({ "filename": "a.mp4", "size": 3 }));
    let (ann, bob) = (
        jwt(json!({ "scope": "upload" })),
        jwt(json!({ "scope": "upload", "sub": "bob" })),
    );
    let first = world
        .call_as(&ann, Method::POST, "/v1/uploads", body())
        .await;
    let by_uppy = json!({ "filename": "b.mp4", "type": "video/mp4" });
    assert_eq!(
        world
            .call_as(
                &ann,
                Method::POST,
                "/v1/s3/multipart",
                Some(by_uppy.clone())
            )
            .await
            .status,
        200
    );
    for (path, body) in [("/v1/uploads", body()), ("/v1/s3/multipart", Some(by_uppy))] {
        let refused = world.call_as(&ann, Method::POST, path, body).await;
        assert_eq!(refused.problem(), (409, "too-many-uploads"), "{path}");
    }
    let refused = world
        .uppy_params(&ann, "filename=a.mp4&type=video/mp4")
        .await;
    assert_eq!(refused.problem(), (409, "too-many-uploads"));
    // Other owners are not affected, and the installation has no limit.
    assert_eq!(
        world
            .call_as(&bob, Method::POST, "/v1/uploads", body())
            .await
            .status,
        201
    );
    for _ in 0..3 {
        assert_eq!(world.post("/v1/uploads", body().unwrap()).await.status, 201);
    }
    // Completed uploads do not count.
    assert!(
        world
            .put(&first.body["upload"]["request"], b"abc".to_vec())
            .await
            .status()
            .is_success()
    );
    world.pump().await;
    assert_eq!(
        world
            .call_as(&ann, Method::POST, "/v1/uploads", body())
            .await
            .status,
        201
    );
    assert_eq!(
        world
            .call_as(&ann, Method::POST, "/v1/uploads", body())
            .await
            .problem(),
        (409, "too-many-uploads")
    );
}

#[tokio::test]
async fn an_installation_takes_the_types_that_it_names() {
    let world = World::with(|config| config.upload_types = "video/mp4".parse().unwrap()).await;
    for (announced, status) in [
        (Some("video/mp4"), 201),
        (Some("video/webm"), 415),
        (None, 415),
    ] {
        let body = json!({ "filename": "a.mp4", "size": 3, "content_type": announced });
        assert_eq!(
            world.post("/v1/uploads", body).await.status,
            status,
            "{announced:?}"
        );
    }
    assert_eq!(
        world
            .uppy_params(TOKEN, "filename=a.webm&type=video/webm")
            .await
            .problem(),
        (415, "unsupported-type")
    );
}

#[tokio::test]
async fn an_owner_has_a_quota() {
    let limits = OwnerLimits {
        videos: Some(2),
        source_bytes: Some(100),
        ..OwnerLimits::default()
    };
    let world = World::with(|config| config.owner_limits = limits).await;
    let ann = jwt(json!({ "scope": "upload write" }));
    let begin = async |size: u64| {
        let body = json!({ "filename": "a.mp4", "size": size });
        world
            .call_as(&ann, Method::POST, "/v1/uploads", Some(body))
            .await
    };
    let refused = begin(101).await;
    assert_eq!(refused.problem(), (409, "over-quota"));
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("100 bytes"),
        "{}",
        refused.body
    );
    let first = begin(100).await.video();
    let url = Some(json!({ "url": "https://files.example/film.mp4" }));
    assert_eq!(
        world
            .call_as(&ann, Method::POST, "/v1/videos", url)
            .await
            .problem(),
        (409, "over-quota")
    );
    assert_eq!(
        world
            .call_as(&ann, Method::DELETE, &format!("/v1/videos/{first}"), None)
            .await
            .status,
        204
    );
    assert_eq!(
        [
            begin(1).await.status.as_u16(),
            begin(1).await.status.as_u16()
        ],
        [201, 201]
    );
    assert_eq!(begin(1).await.problem(), (409, "over-quota"));
    let of_all = json!({ "filename": "a.mp4", "size": 1000 });
    assert_eq!(
        world.post("/v1/uploads", of_all).await.status,
        201,
        "the installation has no quota"
    );
}
