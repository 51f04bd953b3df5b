//! A stand-in for the Video API of Mux: <https://www.mux.com/docs/api-reference/video/assets>.

use std::collections::HashMap;

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{Account, ServiceTrouble, Shared, URL_SECRET, listen, locked, serve};

/// Assets in a page: fewer than Mux returns, so that there are several pages.
const PAGE: usize = 4;

/// An environment of Mux with six assets: two with a master, and four that cannot be imported.
pub struct MuxStandIn {
    account: Shared,
    /// The base URL of the API.
    pub url: String,
}

#[derive(Clone)]
struct Mux {
    account: Shared,
    url: String,
}

impl MuxStandIn {
    /// The id of its access token.
    pub const TOKEN_ID: &str = "44c819de-4add-4c9f-b2e9-384a0a71bede";
    /// The secret of its access token.
    pub const TOKEN_SECRET: &str = "swordfish";
    /// The secret in the URLs of masters.
    pub const URL_SECRET: &str = URL_SECRET;
    /// `Basic` with both (RFC 7617).
    const AUTHORIZATION: &str =
        "Basic NDRjODE5ZGUtNGFkZC00YzlmLWIyZTktMzg0YTBhNzFiZWRlOnN3b3JkZmlzaA==";

    /// Starts it. `file`: the master of each asset.
    ///
    /// # Panics
    /// Without a Tokio runtime, or if no port is free.
    pub async fn start(file: Vec<u8>) -> Self {
        let account = Account::new(include_str!("recorded/mux-assets.json"), file);
        let (listener, url) = listen();
        let state = Mux {
            account: account.clone(),
            url: url.clone(),
        };
        let router = Router::new()
            .route("/video/v1/assets", get(list))
            .route("/video/v1/assets/{id}", get(show))
            .route("/video/v1/assets/{id}/master-access", put(grant))
            .route("/files/{id}/master.mp4", get(file_of))
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

    /// A day passes: access to the masters ends.
    pub fn pass_a_day(&self) {
        locked(&self.account).prepared.clear();
    }
}

async fn list(
    State(mux): State<Mux>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let mut account = locked(&mux.account);
    if let Some(refusal) = account.refusal(&request, MuxStandIn::AUTHORIZATION) {
        return refusal;
    }
    let start = query.get("cursor").and_then(|it| it.strip_prefix("after-"));
    let start = start.and_then(|it| it.parse().ok()).unwrap_or(0_usize);
    let end = account.assets.len().min(start + PAGE);
    let next = (end < account.assets.len()).then(|| format!("after-{end}"));
    let page = account.assets.get(start..end).unwrap_or_default();
    Json(json!({ "next_cursor": next, "data": page })).into_response()
}

/// The recorded asset, and its master if access to it is enabled.
fn view(account: &mut Account, url: &str, id: &str) -> Option<Value> {
    let mut asset = account.assets.iter().find(|it| it["id"] == id)?.clone();
    match account.look(id) {
        None => {}
        Some(0) => {
            let file = format!("{url}/files/{id}/master.mp4?skid=default&signature={URL_SECRET}");
            asset["master_access"] = json!("temporary");
            asset["master"] = json!({ "status": "ready", "url": file });
        }
        Some(_) => {
            asset["master_access"] = json!("temporary");
            asset["master"] = json!({ "status": "preparing" });
        }
    }
    Some(asset)
}

fn missing() -> Response {
    let messages = ["The requested resource either doesn't exist or you don't have access to it."];
    let error = json!({ "error": { "type": "not_found", "messages": messages } });
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

async fn show(State(mux): State<Mux>, Path(id): Path<String>, request: Request) -> Response {
    let mut account = locked(&mux.account);
    if let Some(refusal) = account.refusal(&request, MuxStandIn::AUTHORIZATION) {
        return refusal;
    }
    let view = view(&mut account, &mux.url, &id);
    view.map_or_else(missing, |it| Json(json!({ "data": it })).into_response())
}

async fn grant(State(mux): State<Mux>, Path(id): Path<String>, request: Request) -> Response {
    let mut account = locked(&mux.account);
    if let Some(refusal) = account.refusal(&request, MuxStandIn::AUTHORIZATION) {
        return refusal;
    }
    if id.starts_with("lost") {
        let messages = ["Master access is not available for this asset"];
        let error = json!({ "error": { "type": "invalid_parameters", "messages": messages } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    account.prepare(&id);
    let view = view(&mut account, &mux.url, &id);
    view.map_or_else(missing, |it| Json(json!({ "data": it })).into_response())
}

async fn file_of(State(mux): State<Mux>, request: Request) -> Response {
    locked(&mux.account).serve_file(request.uri(), request.headers())
}
