//! A stand-in for the API of Cloudflare Stream: <https://developers.cloudflare.com/api/resources/stream>.

use std::collections::HashMap;

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Account, ServiceTrouble, Shared, URL_SECRET, listen, locked, serve};

/// Videos in a page: fewer than Cloudflare returns, so that there are several pages.
const PAGE: usize = 2;

/// An account with five videos: a public one, a protected one, and three that cannot be imported.
pub struct StreamStandIn {
    account: Shared,
    /// The base URL of the API.
    pub url: String,
}

#[derive(Clone)]
struct Stream {
    account: Shared,
    url: String,
}

impl StreamStandIn {
    /// The id of its account.
    pub const ACCOUNT: &str = "023e105f4ecef8ad9ca31a8372d0c353";
    /// Its API token.
    pub const TOKEN: &str = "swordfish";
    /// The secret in the URLs of protected files.
    pub const URL_SECRET: &str = URL_SECRET;
    const AUTHORIZATION: &str = "Bearer swordfish";

    /// Starts it. `file`: the download of each video.
    ///
    /// # Panics
    /// Without a Tokio runtime, or if no port is free.
    pub async fn start(file: Vec<u8>) -> Self {
        let account = Account::new(include_str!("recorded/stream-videos.json"), file);
        let (listener, url) = listen();
        let state = Stream {
            account: account.clone(),
            url: url.clone(),
        };
        let base = format!("/accounts/{}/stream", Self::ACCOUNT);
        let router = Router::new()
            .route(&base, get(list))
            .route(&format!("{base}/{{uid}}/downloads"), get(show).post(create))
            .route(&format!("{base}/{{uid}}/token"), post(token))
            .route("/{name}/downloads/default.mp4", get(file_of))
            .with_state(state);
        serve(listener, router).await;
        Self { account, url }
    }

    /// Sets what is wrong with it.
    pub fn set_trouble(&self, trouble: ServiceTrouble) {
        locked(&self.account).trouble = trouble;
    }

    /// Methods and paths of the requests that it accepted.
    pub fn requests(&self) -> Vec<String> {
        locked(&self.account).requests.clone()
    }
}

/// A response of Cloudflare's API.
fn envelope(result: &Value) -> Response {
    Json(json!({ "result": result, "success": true, "errors": [], "messages": [] })).into_response()
}

fn error(status: StatusCode, message: &str) -> Response {
    let errors = json!([{ "code": 10_005, "message": message }]);
    let body = json!({ "result": null, "success": false, "errors": errors, "messages": [] });
    (status, Json(body)).into_response()
}

async fn list(
    State(stream): State<Stream>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let mut account = locked(&stream.account);
    if let Some(refusal) = account.refusal(&request, StreamStandIn::AUTHORIZATION) {
        return refusal;
    }
    // The times are in UTC and recorded in ascending order, so their texts can be compared.
    let after = query.get("after").map_or("", String::as_str);
    let is_later = |it: &&Value| it["created"].as_str().unwrap_or_default() > after;
    let page: Vec<_> = account.assets.iter().filter(is_later).take(PAGE).collect();
    envelope(&json!(page))
}

/// The downloads of a video, as `GET` returns them.
fn downloads(account: &mut Account, url: &str, uid: &str) -> Value {
    let file = format!("{url}/{uid}/downloads/default.mp4");
    match account.look(uid) {
        None => json!({}),
        Some(0) => {
            json!({ "default": { "status": "ready", "url": file, "percentComplete": 100.0 } })
        }
        Some(_) => {
            json!({ "default": { "status": "inprogress", "url": file, "percentComplete": 75.0 } })
        }
    }
}

async fn show(State(stream): State<Stream>, Path(uid): Path<String>, request: Request) -> Response {
    let mut account = locked(&stream.account);
    if let Some(refusal) = account.refusal(&request, StreamStandIn::AUTHORIZATION) {
        return refusal;
    }
    if !account.assets.iter().any(|it| it["uid"] == uid.as_str()) {
        return error(StatusCode::NOT_FOUND, "Not Found");
    }
    envelope(&downloads(&mut account, &stream.url, &uid))
}

async fn create(
    State(stream): State<Stream>,
    Path(uid): Path<String>,
    request: Request,
) -> Response {
    let mut account = locked(&stream.account);
    if let Some(refusal) = account.refusal(&request, StreamStandIn::AUTHORIZATION) {
        return refusal;
    }
    if uid == "144c9defac04969c7bfad8efaa8ea194" {
        return error(
            StatusCode::CONFLICT,
            "Downloads are not allowed for this video",
        );
    }
    account.prepare(&uid);
    let found = downloads(&mut account, &stream.url, &uid);
    // The response to `POST` has the download itself.
    envelope(&found["default"])
}

async fn token(
    State(stream): State<Stream>,
    Path(_uid): Path<String>,
    request: Request,
) -> Response {
    let mut account = locked(&stream.account);
    if let Some(refusal) = account.refusal(&request, StreamStandIn::AUTHORIZATION) {
        return refusal;
    }
    envelope(&json!({ "token": format!("eyJhbGciOiJSUzI1NiJ9.{URL_SECRET}") }))
}

/// The file of a video. A protected one needs a token in the place of its id.
async fn file_of(
    State(stream): State<Stream>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let account = locked(&stream.account);
    let is_public = account
        .assets
        .iter()
        .any(|it| it["uid"] == name.as_str() && it["requireSignedURLs"] == false);
    if is_public && account.trouble != ServiceTrouble::ExpiredUrls {
        let uri = format!("/?{URL_SECRET}").parse().expect("a URI");
        return account.serve_file(&uri, request.headers());
    }
    account.serve_file(request.uri(), request.headers())
}
