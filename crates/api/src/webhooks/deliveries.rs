//! The delivery log of an endpoint, test messages and replays.

use axum::Json;
use axum::extract::State;
use catalog::webhooks::{DeliveryFilter, DeliveryStatus};
use domain::webhook::DeliveryId;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::paths::{DeliveryPath, Owner, WebhookId};
use super::view::DeliveryView;
use super::visible;
use crate::error::ApiError;
use crate::extract::QueryParams;
use crate::openapi::types;
use crate::paging;
use crate::state::ApiState;
use platform::clock::now_ms;

/// Parameters of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogParams {
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    #[param(value_type = Option<types::DeliveryId>)]
    cursor: Option<String>,
    /// `pending`, `delivered` or `failed`.
    #[serde(default)]
    status: Option<DeliveryStatus>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryList {
    deliveries: Vec<DeliveryView>,
    /// Cursor of the next page; `null` on the last page.
    #[schema(value_type = Option<types::DeliveryId>)]
    next_cursor: Option<DeliveryId>,
}

pub(crate) async fn list(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    id: WebhookId,
    QueryParams(params): QueryParams<LogParams>,
) -> Result<Json<DeliveryList>, ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    let (after, limit) = (paging::cursor(params.cursor)?, paging::limit(params.limit)?);
    let filter = DeliveryFilter { endpoint: id.0, status: params.status, after, limit };
    let page = state.webhooks.store.deliveries(&filter).await?;
    let deliveries = page.deliveries.into_iter().map(DeliveryView::of).collect();
    Ok(Json(DeliveryList { deliveries, next_cursor: page.next }))
}

/// Queues a test message. Its outcome is in the log.
pub(crate) async fn send_test(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    id: WebhookId,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    let delivery = state.webhooks.store.send_test(id.0, now_ms()).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::of(delivery))))
}

/// Queues a delivery again. The message has the same `webhook-id`.
pub(crate) async fn replay(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    DeliveryPath(id, delivery): DeliveryPath,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    let delivery = state.webhooks.store.replay(id.0, delivery, now_ms()).await?;
    Ok((StatusCode::ACCEPTED, Json(DeliveryView::of(delivery))))
}
