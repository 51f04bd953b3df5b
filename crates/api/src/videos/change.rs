//! `PATCH /v1/videos/{id}`: updates title, external id and metadata.

use axum::Json;
use axum::extract::State;
use catalog::Patch;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::view::VideoView;
use super::{existing, metadata, read_view};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video as PathVideo};
use crate::openapi::types;
use crate::state::ApiState;
use platform::clock::now_ms;

/// Omitted fields keep their value; `null` removes it.
#[derive(Deserialize, ToSchema)]
#[schema(as = VideoChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    title: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    #[serde(default)]
    #[schema(value_type = Option<types::Metadata>)]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Distinguishes `null` from a missing field.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(crate) async fn change(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    Body(change): Body<Change>,
) -> Result<Json<VideoView>, ApiError> {
    existing(&state, &caller, id).await?;
    let (title, external_id) = (change.title.clone().flatten(), change.external_id.clone().flatten());
    metadata::check(title.as_deref(), external_id.as_deref(), change.metadata.as_ref())?;
    let patch = Patch { title: change.title, external_id: change.external_id, metadata: change.metadata };
    let video = state.catalog.patch_video(id, &patch, now_ms()).await?;
    Ok(Json(read_view(&state, &video).await?))
}
