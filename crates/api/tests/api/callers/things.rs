//! Things that a caller has, and their routes.

use axum::body::Body;
use http::Request;
use platform::job_queue::Wanted;

use super::*;

/// The body of a valid request to a route. New routes must be added here.
fn body_of(route: &Route) -> Option<Value> {
    Some(match (route.method.as_str(), route.path) {
        ("POST", "/uploads") => json!({ "filename": "a.mp4", "size": 65 * MIB }),
        ("POST", "/uploads/{video}/parts") => json!({ "numbers": [1] }),
        ("POST", "/uploads/{video}/complete") => json!({}),
        ("POST", "/videos") => json!({ "url": FILM }),
        ("PATCH", "/videos/{video}") => json!({ "title": "Another" }),
        (
            "POST",
            "/videos/{video}/retry"
            | "/videos/{video}/cancel"
            | "/videos/{video}/reencode"
            | "/videos/{video}/downloads",
        ) => json!({}),
        ("PUT", "/videos/{video}/poster") => json!({ "at": 1 }),
        ("PUT", "/videos/{video}/chapters") => {
            json!({ "chapters": [{ "start": 0, "title": "Beginning" }] })
        }
        // See `ask`.
        ("PUT", "/videos/{video}/captions/{language}") => return None,
        ("POST", "/videos/{video}/captions") => json!({ "language": "en" }),
        ("POST", "/s3/multipart") => body_of_upload(),
        ("POST", "/s3/multipart/{upload}/complete") => json!({ "parts": [] }),
        ("POST", "/webhooks") => json!({ "url": RECEIVER }),
        ("PATCH", "/webhooks/{webhook}") => json!({ "description": "Another" }),
        ("POST", path) if path.starts_with("/webhooks/{webhook}/") => json!({}),
        ("POST", "/videos/{video}/shares") => json!({ "label": "for the jury" }),
        ("POST", "/events") => an_event(),
        ("POST", "/revocations") => json!({ "viewer": "user-42" }),
        ("POST", "/dead-letters/redrive" | "/dead-letters/{letter}/redrive") => json!({}),
        ("POST", "/api-keys") => json!({ "name": "another", "scopes": [route.scope.as_str()] }),
        ("GET" | "DELETE", _) => return None,
        (method, path) => panic!("say what a good {method} {path} carries"),
    })
}

/// An event that starts no job.
fn an_event() -> Value {
    json!({ "action": "DeleteObject", "bucket": "private", "object": { "key": "uploads/a.mp4" } })
}

/// The object of Ann that a route is about: created for each call, because some routes delete it.
pub(super) enum Thing {
    Video(VideoId),
    Key(ApiKeyId),
    /// A video, and the path of its upload by Uppy.
    Upload(VideoId, String),
    /// A webhook, and a delivery to it.
    Webhook(EndpointId, String),
    /// A video, and a link to it.
    Share(VideoId, String),
    /// A dead letter, which only the operator may access.
    Letter(String),
    List,
}

impl Thing {
    pub(super) async fn make(world: &World, route: &Route) -> Self {
        let body = json!({ "filename": "a.mp4", "size": 65 * MIB, "owner": "ann" });
        if route.path.contains("{share}") {
            let video = world.post("/v1/uploads", body).await.video();
            let made = world
                .post(&format!("/v1/videos/{video}/shares"), json!({}))
                .await;
            return Self::Share(video, made.body["id"].as_str().unwrap().to_owned());
        }
        match route
            .path
            .split_once('{')
            .map(|it| it.1.split_once('}').unwrap().0)
        {
            Some("letter") => {
                world
                    .queue
                    .send_body("rubbish", Duration::ZERO)
                    .await
                    .unwrap();
                while let Some(delivery) = world
                    .queue
                    .receive(Wanted::ALL, Duration::ZERO, Duration::ZERO)
                    .await
                    .unwrap()
                {
                    world
                        .queue
                        .dead_letter(&delivery.receipt, "it says nothing")
                        .await
                        .unwrap();
                }
                Self::Letter(world.queue.dead_letters(1).await.unwrap().remove(0).id.0)
            }
            Some("video") if route.path.ends_with("/source") => {
                let video = world
                    .post(
                        "/v1/uploads",
                        json!({ "filename": "a.mp4", "size": 3, "owner": "ann" }),
                    )
                    .await;
                world
                    .put(&video.body["upload"]["request"], b"abc".to_vec())
                    .await;
                world.pump().await;
                Self::Video(video.video())
            }
            Some("video") if route.path.ends_with("{language}") => {
                let video = world.post("/v1/uploads", body).await.video();
                if route.method == Method::GET {
                    let path = format!("/v1/videos/{video}/captions/en");
                    let stored = world.send(captions(TOKEN, &path)).await;
                    assert_eq!(stored.status, StatusCode::CREATED, "{}", stored.body);
                }
                Self::Video(video)
            }
            Some("video") => Self::Video(world.post("/v1/uploads", body).await.video()),
            Some("upload") => {
                let file = body_of_upload();
                let (_, ann) = world.key(Some("ann"), &["upload"]).await;
                let begun = world
                    .call_as(&ann, Method::POST, "/v1/s3/multipart", Some(file))
                    .await
                    .body;
                let (id, key) = (
                    begun["uploadId"].as_str().unwrap(),
                    begun["key"].as_str().unwrap(),
                );
                let path = route.path.replace("{upload}", id).replace("{number}", "1");
                let video = key.split('/').nth(1).unwrap().parse().unwrap();
                Self::Upload(video, format!("/v1{path}?key={}", key.replace('/', "%2F")))
            }
            Some("webhook") => {
                let (_, ann) = world.key(Some("ann"), &["webhooks"]).await;
                let body = json!({ "url": RECEIVER });
                let made = world
                    .call_as(&ann, Method::POST, "/v1/webhooks", Some(body))
                    .await;
                assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
                let id = made.body["id"].as_str().unwrap();
                let tested = world
                    .call_as(&ann, Method::POST, &format!("/v1/webhooks/{id}/test"), None)
                    .await;
                let delivery = tested.body["id"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{}", tested.body))
                    .to_owned();
                Self::Webhook(id.parse().unwrap(), delivery)
            }
            Some("key") => Self::Key(world.key(Some("ann"), &["read"]).await.0),
            Some(other) => panic!("say how to make a {other} of Ann's"),
            None => Self::List,
        }
    }

    pub(super) fn path(&self, route: &Route) -> String {
        match self {
            Self::Video(id) => {
                let path = route.path.replace("{language}", "en");
                let path = path.replace("/thumbnail", "/thumbnail?time=1");
                format!("/v1{}", path.replace("{video}", &id.to_string()))
            }
            Self::Key(id) => format!("/v1{}", route.path.replace("{key}", &id.to_string())),
            Self::Upload(_, path) => path.clone(),
            Self::Webhook(id, delivery) => {
                let path = route
                    .path
                    .replace("{webhook}", &id.to_string())
                    .replace("{delivery}", delivery);
                format!("/v1{path}")
            }
            Self::Share(video, share) => {
                let path = route
                    .path
                    .replace("{video}", &video.to_string())
                    .replace("{share}", share);
                format!("/v1{path}")
            }
            Self::Letter(id) => format!("/v1{}", route.path.replace("{letter}", id)),
            Self::List if route.path == "/s3/params" => {
                "/v1/s3/params?filename=a.mp4&type=video/mp4".to_owned()
            }
            Self::List => format!("/v1{}", route.path),
        }
    }

    /// The current state of the object.
    pub(super) async fn look(&self, world: &World) -> String {
        match self {
            Self::Video(id) => format!("{:?}", world.catalog.get_video(*id).await.unwrap()),
            Self::Key(id) => format!("{:?}", world.accounts.get_key(*id).await.unwrap()),
            Self::Upload(id, _) => format!("{:?}", world.catalog.get_video(*id).await.unwrap()),
            Self::Webhook(id, _) => format!("{:?}", world.webhooks.get(*id).await.unwrap()),
            Self::Share(id, _) => format!(
                "{:?}",
                world.state.shares.list(*id, clock::now()).await.unwrap()
            ),
            Self::Letter(_) | Self::List => String::new(),
        }
    }
}

fn body_of_upload() -> Value {
    json!({ "filename": "a.mp4", "type": "video/mp4" })
}

/// An upload of captions.
fn captions(token: &str, path: &str) -> Request<Body> {
    let request = Request::put(path).header("authorization", format!("Bearer {token}"));
    let file = "WEBVTT\n\n00:01.000 --> 00:02.000\ntext\n";
    request.body(Body::from(file)).unwrap()
}

pub(super) async fn ask(world: &World, token: &str, route: &Route, path: &str) -> Answer {
    if let Some((_, query)) = path.split_once("/s3/params?") {
        return world.uppy_params(token, query).await;
    }
    if route.method == Method::PUT && path.contains("/captions/") {
        return world.send(captions(token, path)).await;
    }
    world
        .call_as(token, route.method.clone(), path, body_of(route))
        .await
}
