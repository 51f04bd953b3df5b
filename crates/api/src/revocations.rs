//! `POST /v1/revocations`: ends the access that issued grants give.
//!
//! The scope is of the installation: the list of the edge does not know owners, so a caller with an owner could lock out
//! the viewers of another one.

use std::ops::RangeInclusive;
use std::time::Duration;

use api_types::revocations::{Revocation, RevocationRequest};
use axum::Json;
use axum::extract::State;
use platform::clock;

use crate::auth::{Caller, InsufficientScope, Scope};
use crate::edge_list;
use crate::error::ApiError;
use crate::extract::Body;
use crate::state::ApiState;

/// Shortest and longest time in seconds; the shortest is the minimum of Workers KV.
const LIFETIME: RangeInclusive<u64> = 60..=365 * 24 * 3600;
/// Longest viewer id in bytes, as in `GET /v1/videos/{video}/stream`.
const VIEWER_LIMIT: usize = 200;
/// Longest session in bytes: that of a grant.
const SESSION_LIMIT: usize = 8_192;

/// Repeating the request renews the revocation.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Body(request): Body<RevocationRequest>,
) -> Result<Json<Revocation>, ApiError> {
    if caller.owner.is_some() {
        return Err(InsufficientScope(Scope::Admin).into());
    }
    let names = names(&request)?;
    // The video may be deleted: the edge may have its objects in a cache.
    let expires = clock::now() + Duration::from_secs(request.expires_in);
    state
        .revocations
        .revoke(&names, request.expires_in)
        .await
        .map_err(ApiError::unavailable)?;
    tracing::info!(names = names.join(" "), "revoked grants");
    Ok(Json(Revocation {
        names,
        expires_at: expires.into(),
    }))
}

fn names(request: &RevocationRequest) -> Result<Vec<String>, ApiError> {
    let RevocationRequest {
        video,
        viewer,
        session,
        expires_in,
    } = request;
    if !LIFETIME.contains(expires_in) {
        let (least, most) = (LIFETIME.start(), LIFETIME.end());
        return Err(ApiError::invalid(format!(
            "`expires_in` must be {least} to {most} seconds"
        )));
    }
    let text = |name: &str, value: &Option<String>, limit: usize| match value {
        Some(it) if it.is_empty() || it.len() > limit => Err(ApiError::invalid(format!(
            "`{name}` must have 1 to {limit} bytes"
        ))),
        it => Ok(it.clone()),
    };
    let viewer = text("viewer", viewer, VIEWER_LIMIT)?;
    let session = text("session", session, SESSION_LIMIT)?;
    let names: Vec<_> = [
        video.map(edge_list::video),
        viewer.map(|it| edge_list::viewer(&it)),
        session.map(|it| edge_list::session(&it)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if names.is_empty() {
        return Err(ApiError::invalid(
            "`video`, `viewer` or `session` is required",
        ));
    }
    Ok(names)
}
