//! OpenAPI documentation of API keys.

use api_types::api_keys::{ApiKeyList, CreatedApiKey, ListApiKeys, NewApiKey};
use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;

pub(crate) fn create() -> Doc {
    let about = "Only this response contains the secret. A key cannot have more scopes than its creator, nor outlive it.";
    Doc::new("createApiKey", "Create an API key", about)
        .request_body::<NewApiKey>(
            json!({ "name": "the course catalogue", "scopes": ["upload", "play"], "owner": "ann" }),
        )
        .response::<CreatedApiKey>(
            StatusCode::CREATED,
            "The API key.",
            examples::created_api_key(),
        )
        .problems(&[InvalidField])
}

pub(crate) fn list() -> Doc {
    Doc::new(
        "listApiKeys",
        "List API keys",
        "Newest first, without revoked keys.",
    )
    .query::<ListApiKeys>("limit=50&owner=ann")
    .response::<ApiKeyList>(
        StatusCode::OK,
        "A page of results.",
        json!({ "api_keys": [examples::api_key()], "next_cursor": null }),
    )
    .problems(&[InvalidField])
}

pub(crate) fn revoke() -> Doc {
    Doc::new(
        "revokeApiKey",
        "Revoke an API key",
        "The key stops working immediately. Repeating the request is not an error.",
    )
    .no_content("Revoked.")
    .problems(&[NoSuchApiKey])
}
