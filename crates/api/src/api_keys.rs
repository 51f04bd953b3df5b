//! API keys: create, list and revoke.
//!
//! Only the response that creates a key contains its secret: the catalog stores its hash, and a response that is
//! stored for `Idempotency-Key` is encrypted.

use std::time::Duration;

use api_types::Timestamp;
use api_types::api_keys::{
    ApiKey as KeyView, ApiKeyList, CreatedApiKey, ListApiKeys, NewApiKey as KeyRequest,
};
use axum::Json;
use axum::extract::State;
use catalog::accounts::{ApiKey, KeyDigest, KeyFilter, NewApiKey};
use domain::ids::ApiKeyId;
use domain::time::UnixMillis;
use http::StatusCode;
use platform::clock;

use crate::auth::{Caller, InsufficientScope, Scope, keys};
use crate::error::ApiError;
use crate::extract::{Body, PathId, QueryParams};
use crate::paging;
use crate::problem::Problem;
use crate::state::ApiState;

/// Longest name in bytes.
const NAME_LIMIT: usize = 200;
/// Longest lifetime in seconds: ten years.
const LONGEST_LIFE: u64 = 3_650 * 24 * 3600;
/// Longest lifetime of a key that is created with a JWT: one year.
const LONGEST_LIFE_BY_USER: u64 = 365 * 24 * 3600;
/// Default lifetime of a key that is created with a JWT: 90 days.
const LIFE_BY_USER: u64 = 90 * 24 * 3600;

pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Body(request): Body<KeyRequest>,
) -> Result<(StatusCode, Json<CreatedApiKey>), ApiError> {
    let now = clock::now();
    check(&request)?;
    // A new key never has more scopes than its creator.
    if let Some(beyond) = request.scopes.iter().find(|it| !caller.scopes.allows(*it)) {
        return Err(InsufficientScope(beyond).into());
    }
    own_keys(&caller)?;
    let owner = caller.owner_for(request.owner)?;
    if let Some(scope) = request
        .scopes
        .iter()
        .find(|it| owner.is_some() && it.is_of_the_installation())
    {
        return Err(invalid(&format!(
            "`scopes`: a key with `{scope}` has access to every video, so it cannot have an `owner`"
        )));
    }
    let expires_ms = expiry_of(&state, &caller, request.expires_in, now).await?;
    let secret = keys::new_secret()?;
    let mut random = [0; 10];
    crate::random::fill(&mut random)?;
    let new = NewApiKey {
        id: ApiKeyId::new(now.get(), random),
        digest: KeyDigest::of(&secret),
        name: request.name,
        owner,
        scopes: request.scopes,
        created_by: caller.subject,
        expires_ms,
    };
    let created = state.accounts.create_key(&new, now).await?;
    if created.revoked_ms.is_some() {
        return Err(ApiError::conflict(
            "the API key that sent this request was revoked",
        ));
    }
    tracing::info!(key.id = %created.id, "created API key {}", created.id);
    Ok((
        StatusCode::CREATED,
        Json(CreatedApiKey {
            api_key: view(created),
            key: secret.expose().to_owned().into(),
        }),
    ))
}

fn check(request: &KeyRequest) -> Result<(), ApiError> {
    if !(1..=NAME_LIMIT).contains(&request.name.len()) || request.name.chars().any(char::is_control)
    {
        return Err(invalid(&format!(
            "`name` must have 1 to {NAME_LIMIT} bytes, without control characters"
        )));
    }
    if request.scopes.is_empty() {
        return Err(invalid("`scopes` must not be empty"));
    }
    if request
        .expires_in
        .is_some_and(|it| !(1..=LONGEST_LIFE).contains(&it))
    {
        return Err(invalid(&format!(
            "`expires_in` must be 1 to {LONGEST_LIFE} seconds"
        )));
    }
    Ok(())
}

/// When a new key expires. A key that expires cannot create one that outlives it. A JWT can, since it lives for
/// minutes; but the API does not learn when its user's account is closed, so keys created with a JWT always expire.
async fn expiry_of(
    state: &ApiState,
    caller: &Caller,
    life: Option<u64>,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, ApiError> {
    let life = match life {
        Some(life) if caller.is_user() && life > LONGEST_LIFE_BY_USER => {
            return Err(invalid(&format!(
                "`expires_in`: a key that is created with a JWT may live at most {LONGEST_LIFE_BY_USER} seconds"
            )));
        }
        None if caller.is_user() => Some(LIFE_BY_USER),
        life => life,
    };
    let wanted = life.map(|it| now + Duration::from_secs(it));
    let Some(creator) = caller.api_key() else {
        return Ok(wanted);
    };
    let end = state
        .accounts
        .get_key(creator)
        .await?
        .and_then(|it| it.expires_ms);
    match (wanted, end) {
        (Some(wanted), Some(end)) if wanted > end => Err(invalid(
            "`expires_in`: a key cannot outlive the key that creates it",
        )),
        (wanted, end) => Ok(wanted.or(end)),
    }
}

pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    QueryParams(params): QueryParams<ListApiKeys>,
) -> Result<Json<ApiKeyList>, ApiError> {
    own_keys(&caller)?;
    let (limit, after) = (paging::limit(params.limit)?, paging::cursor(params.cursor)?);
    let filter = KeyFilter {
        owner: caller.owner_for(params.owner)?,
        after,
        limit,
    };
    let page = state.accounts.list_keys(&filter).await?;
    Ok(Json(ApiKeyList {
        api_keys: page.keys.into_iter().map(view).collect(),
        next_cursor: page.next,
    }))
}

/// Repeating the request is not an error.
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    PathId(id): PathId<ApiKeyId>,
) -> Result<StatusCode, ApiError> {
    own_keys(&caller)?;
    let key = state.accounts.get_key(id).await?;
    if !key.is_some_and(|it| caller.owner.is_none() || caller.owner == it.owner) {
        return Err(ApiError::new(
            Problem::NoSuchApiKey,
            format!("there is no API key `{id}`"),
        ));
    }
    state.accounts.revoke_key(id, clock::now()).await?;
    tracing::info!(key.id = %id, "revoked API key {id}");
    Ok(StatusCode::NO_CONTENT)
}

/// A caller with an owner manages the keys of that owner. A caller without one manages the keys of all owners, which
/// needs the scope `admin`.
fn own_keys(caller: &Caller) -> Result<(), ApiError> {
    if caller.owner.is_some() {
        Ok(())
    } else {
        caller.require(Scope::Admin)
    }
}

fn invalid(detail: &str) -> ApiError {
    ApiError::invalid(detail.to_owned())
}

fn view(key: ApiKey) -> KeyView {
    let ApiKey {
        id,
        name,
        owner,
        scopes,
        created_by,
        created_ms,
        expires_ms,
        used_ms,
        revoked_ms: _,
    } = key;
    KeyView {
        id,
        name,
        owner,
        scopes,
        created_by,
        created_at: created_ms.into(),
        expires_at: expires_ms.map(Timestamp::from),
        last_used_at: used_ms.map(Timestamp::from),
    }
}
