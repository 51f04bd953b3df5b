//! `PATCH /v1/videos/{id}`: updates title, external id and metadata.

use api_types::videos::{Video as VideoView, VideoChange};
use axum::Json;
use axum::extract::State;
use catalog::Patch;
use platform::clock;

use super::{existing, metadata, read_view};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video as PathVideo};
use crate::state::ApiState;

pub(crate) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    Body(change): Body<VideoChange>,
) -> Result<Json<VideoView>, ApiError> {
    existing(&state, &caller, id).await?;
    let (title, external_id) = (
        change.title.clone().flatten(),
        change.external_id.clone().flatten(),
    );
    metadata::check(
        title.as_deref(),
        external_id.as_deref(),
        change.metadata.as_ref(),
    )?;
    let patch = Patch {
        title: change.title,
        external_id: change.external_id,
        metadata: change.metadata,
    };
    let video = state.catalog.patch_video(id, &patch, clock::now()).await?;
    Ok(Json(read_view(&state, &video).await?))
}
