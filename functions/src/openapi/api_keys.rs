//! What the document says of API keys.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::api_keys::{KeyList, ListParams, MadeKey, WantedKey};
use crate::problem::Problem::*;

pub(crate) fn create() -> Doc {
    let about =
        "The secret stands in the answer, this once. A key can do no more than who makes it, and outlives it not.";
    Doc::of("createApiKey", "Make an API key", about)
        .takes::<WantedKey>(json!({ "name": "the course catalogue", "scopes": ["upload", "play"], "owner": "ann" }))
        .gives::<MadeKey>(StatusCode::CREATED, "The key.", examples::made_api_key())
        .refuses(&[InvalidField])
}

pub(crate) fn list() -> Doc {
    Doc::of("listApiKeys", "List API keys", "The newest first, without those that were revoked.")
        .asks::<ListParams>("limit=50&owner=ann")
        .gives::<KeyList>(
            StatusCode::OK,
            "A page of them.",
            json!({ "api_keys": [examples::api_key()], "next_cursor": null }),
        )
        .refuses(&[InvalidField])
}

pub(crate) fn revoke() -> Doc {
    Doc::of("revokeApiKey", "Revoke an API key", "It opens nothing from now on. Doing it again is no error.")
        .gives_nothing("It is revoked.")
        .refuses(&[NoSuchApiKey])
}
