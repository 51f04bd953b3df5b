//! The delivery log of an endpoint, test messages and replays.

use api_types::webhooks::{
    Delivery as DeliveryView, DeliveryList, DeliveryStatus as WireStatus, ListDeliveries,
    VideoDelivery, VideoDeliveryList,
};
use axum::Json;
use axum::extract::State;
use catalog::webhooks::{DeliveryFilter, DeliveryStatus};
use http::StatusCode;
use platform::clock;

use super::paths::{DeliveryPath, Owner, WebhookId};
use super::{view, visible};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{QueryParams, Video as PathVideo};
use crate::paging;
use crate::state::ApiState;
use crate::videos::existing;

/// Most deliveries in the response for a video.
const OF_VIDEO: u32 = 100;

pub(crate) async fn list(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    id: WebhookId,
    QueryParams(params): QueryParams<ListDeliveries>,
) -> Result<Json<DeliveryList>, ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    let (after, limit) = (paging::cursor(params.cursor)?, paging::limit(params.limit)?);
    let status = params.status.map(|it| match it {
        WireStatus::Pending => DeliveryStatus::Pending,
        WireStatus::Delivered => DeliveryStatus::Delivered,
        WireStatus::Failed => DeliveryStatus::Failed,
    });
    let filter = DeliveryFilter {
        endpoint: id.0,
        status,
        after,
        limit,
    };
    let page = state.webhooks.store.deliveries(&filter).await?;
    let deliveries = page.deliveries.into_iter().map(view::delivery).collect();
    Ok(Json(DeliveryList {
        deliveries,
        next_cursor: page.next,
    }))
}

/// `GET /v1/videos/{id}/deliveries`: to all webhooks that the caller manages.
pub(crate) async fn of_video(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<VideoDeliveryList>, ApiError> {
    existing(&state, &caller, id).await?;
    let found = state
        .webhooks
        .store
        .deliveries_of_video(id, caller.owner.as_deref(), OF_VIDEO)
        .await?;
    let deliveries = found
        .into_iter()
        .map(|it| VideoDelivery {
            webhook: it.endpoint,
            delivery: view::delivery(it),
        })
        .collect();
    Ok(Json(VideoDeliveryList { deliveries }))
}

/// Queues a test message. Its outcome is in the log.
pub(crate) async fn send_test(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    id: WebhookId,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    let delivery = state.webhooks.store.send_test(id.0, clock::now()).await?;
    Ok((StatusCode::ACCEPTED, Json(view::delivery(delivery))))
}

/// Queues a delivery again. The message has the same `webhook-id`.
pub(crate) async fn replay(
    State(state): State<ApiState>,
    Owner(owner): Owner,
    DeliveryPath(id, delivery): DeliveryPath,
) -> Result<(StatusCode, Json<DeliveryView>), ApiError> {
    visible(&state, owner.as_deref(), id).await?;
    let delivery = state
        .webhooks
        .store
        .replay(id.0, delivery, clock::now())
        .await?;
    Ok((StatusCode::ACCEPTED, Json(view::delivery(delivery))))
}
