//! OpenAPI documentation of API keys.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::api_keys::{KeyList, ListParams, MadeKey, WantedKey};
use crate::problem::Problem::*;

pub(crate) fn create() -> Doc {
    let about =
        "Only this response contains the secret. A key cannot have more scopes than its creator, nor outlive it.";
    Doc::of("createApiKey", "Create an API key", about)
        .takes::<WantedKey>(json!({ "name": "the course catalogue", "scopes": ["upload", "play"], "owner": "ann" }))
        .gives::<MadeKey>(StatusCode::CREATED, "The API key.", examples::made_api_key())
        .refuses(&[InvalidField])
}

pub(crate) fn list() -> Doc {
    Doc::of("listApiKeys", "List API keys", "Newest first, without revoked keys.")
        .asks::<ListParams>("limit=50&owner=ann")
        .gives::<KeyList>(
            StatusCode::OK,
            "A page of results.",
            json!({ "api_keys": [examples::api_key()], "next_cursor": null }),
        )
        .refuses(&[InvalidField])
}

pub(crate) fn revoke() -> Doc {
    Doc::of(
        "revokeApiKey",
        "Revoke an API key",
        "The key stops working immediately. Repeating the request is not an error.",
    )
    .gives_nothing("Revoked.")
    .refuses(&[NoSuchApiKey])
}
