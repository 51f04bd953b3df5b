//! Revocations of grants.

use std::sync::atomic::Ordering;

use domain::grant::Fingerprint;
use domain::ids::VideoId;
use http::Method;
use serde_json::json;

use crate::world::World;

const PATH: &str = "/v1/revocations";

#[tokio::test]
async fn a_backend_revokes_videos_viewers_and_sessions() {
    let world = World::new().await;
    let (_, token) = world.key(None, &["revocations"]).await;
    let video = VideoId::new(1, [1; 10]);
    let all = json!({ "video": video, "viewer": "user-42", "session": "s1", "expires_in": 600 });
    let answer = world.call_as(&token, Method::POST, PATH, Some(all)).await;
    let names = [
        format!("video/{video}"),
        format!("viewer/{}", Fingerprint::of("user-42")),
        format!("session/{}", Fingerprint::of("s1")),
    ];
    assert_eq!(answer.body["names"], json!(names), "{}", answer.body);
    assert_eq!(*world.revoked.names.lock().unwrap(), names);

    world.revoked.is_away.store(true, Ordering::SeqCst);
    let viewer = json!({ "viewer": "user-42" });
    let answer = world.post(PATH, viewer.clone()).await;
    assert_eq!(answer.problem(), (503, "unavailable"));
    world.revoked.is_away.store(false, Ordering::SeqCst);

    // The scope allows nothing else, and owners cannot have it.
    let listed = world.call_as(&token, Method::GET, "/v1/videos", None).await;
    assert_eq!(listed.problem(), (403, "insufficient-scope"));
    let key = json!({ "name": "a key", "owner": "ann", "scopes": ["revocations"] });
    let created = world.post("/v1/api-keys", key).await;
    assert_eq!(created.problem(), (422, "invalid-field"));
    let user = crate::world::jwt(json!({ "scope": "revocations" }));
    let refused = world.call_as(&user, Method::POST, PATH, Some(viewer)).await;
    assert_eq!(refused.problem(), (403, "insufficient-scope"));
}

#[tokio::test]
async fn invalid_revocations_are_rejected() {
    let world = World::new().await;
    for body in [
        json!({}),
        json!({ "viewer": "" }),
        json!({ "viewer": "v".repeat(201) }),
        json!({ "session": "" }),
        json!({ "viewer": "v", "expires_in": 59 }),
        json!({ "viewer": "v", "expires_in": 31_536_001 }),
    ] {
        let answer = world.post(PATH, body.clone()).await;
        assert_eq!(answer.problem(), (422, "invalid-field"), "{body}");
    }
    for body in [json!({ "video": "all" }), json!({ "who": "v" })] {
        let answer = world.post(PATH, body.clone()).await;
        assert_eq!(answer.problem().0, 400, "{body}: {}", answer.body);
    }
    assert!(world.revoked.names.lock().unwrap().is_empty());
}
