//! Endpoints: create, list, get, update and delete; rotate secrets.

use std::time::Duration;

use api_types::webhooks::{
    ListWebhooks, NewWebhook, Webhook as WebhookView, WebhookChange, WebhookList, WebhookWithSecret,
};
use axum::Json;
use axum::extract::State;
use catalog::webhooks::{EndpointFilter, NewEndpoint};
use domain::webhook::EndpointId;
use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use platform::clock;

use super::paths::{Owner, WebhookId};
use super::{requests, sealed_secret, view, visible};
use crate::error::ApiError;
use crate::extract::{Body, QueryParams};
use crate::paging;
use crate::state::ApiState;

/// How long the old secret stays valid after a rotation.
const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn create(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    Body(request): Body<NewWebhook>,
) -> Result<
    (
        StatusCode,
        [(HeaderName, String); 1],
        Json<WebhookWithSecret>,
    ),
    ApiError,
> {
    let now = clock::now();
    let url = requests::url(&request.url, &state.webhooks.guard)?;
    let types = requests::types(request.events)?;
    let description = requests::description(request.description)?;
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(no_randomness)?;
    let id = EndpointId::new(now.get(), random);
    let (secret, sealed_secret) =
        sealed_secret::make(&state.webhooks.keys, id).map_err(no_randomness)?;
    let new = NewEndpoint {
        id,
        owner,
        url,
        types,
        description,
        sealed_secret,
    };
    let endpoint = state.webhooks.store.create(&new, now).await?;
    tracing::info!(webhook.id = %id, "created webhook {id}");
    let webhook = WebhookWithSecret {
        webhook: view::webhook(endpoint),
        secret: secret.expose().to_string().into(),
    };
    Ok((
        StatusCode::CREATED,
        [(LOCATION, format!("/v1/webhooks/{id}"))],
        Json(webhook),
    ))
}

pub(crate) async fn list(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    QueryParams(params): QueryParams<ListWebhooks>,
) -> Result<Json<WebhookList>, ApiError> {
    let filter = EndpointFilter {
        owner,
        after: paging::cursor(params.cursor)?,
        limit: paging::limit(params.limit)?,
    };
    let page = state.webhooks.store.list(&filter).await?;
    let webhooks = page.endpoints.into_iter().map(view::webhook).collect();
    Ok(Json(WebhookList {
        webhooks,
        next_cursor: page.next,
    }))
}

pub(crate) async fn read(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    id: WebhookId,
) -> Result<Json<WebhookView>, ApiError> {
    Ok(Json(view::webhook(
        visible(&state, owner.as_deref(), id).await?,
    )))
}

pub(crate) async fn change(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    id: WebhookId,
    Body(request): Body<WebhookChange>,
) -> Result<Json<WebhookView>, ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    let patch = requests::patch(request, &state.webhooks.guard)?;
    Ok(Json(view::webhook(
        state
            .webhooks
            .store
            .patch(id.0, &patch, clock::now())
            .await?,
    )))
}

pub(crate) async fn delete(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    id: WebhookId,
) -> Result<StatusCode, ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    state.webhooks.store.delete(id.0).await?;
    tracing::info!(webhook.id = %id.0, "deleted webhook {}", id.0);
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn rotate_secret(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    id: WebhookId,
) -> Result<Json<WebhookWithSecret>, ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    let now = clock::now();
    let (secret, sealed) =
        sealed_secret::make(&state.webhooks.keys, id.0).map_err(no_randomness)?;
    let endpoint = state
        .webhooks
        .store
        .rotate_secret(id.0, &sealed, now + SECRET_OVERLAP, now)
        .await?;
    tracing::info!(webhook.id = %id.0, "rotated the secret of webhook {}", id.0);
    Ok(Json(WebhookWithSecret {
        webhook: view::webhook(endpoint),
        secret: secret.expose().to_string().into(),
    }))
}

fn no_randomness(error: getrandom::Error) -> ApiError {
    ApiError::internal(anyhow::anyhow!(
        "the system's random number generator failed: {error}"
    ))
}
