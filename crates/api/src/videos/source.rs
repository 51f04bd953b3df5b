//! `GET /v1/videos/{id}/source`: a download URL of the uploaded file.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::job::JobReason;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::file_name;
use super::{existing, work};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Video as PathVideo;
use crate::openapi::types;
use crate::state::ApiState;
use crate::times::as_rfc3339;
use platform::clock::now_ms;

/// Lifetime of the URL: long enough to start the download, which may take longer.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// A download of the source.
#[derive(Serialize, ToSchema)]
#[schema(as = SourceDownload)]
pub(crate) struct Download {
    /// Presigned URL for GET, with ranges, straight from the bucket; browsers save it as `filename`. No token is
    /// needed.
    url: String,
    /// Size in bytes.
    size: Option<u64>,
    content_type: Option<String>,
    filename: Option<String>,
    #[serde(rename = "expires_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    expires_ms: u64,
}

pub(crate) async fn source(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<Download>, ApiError> {
    let video = existing(&state, &caller, id).await?;
    let key = work::source_of(&work::job_of(&state, &video, JobReason::Retry).await?)?;
    let filename = file_name(&video);
    let request = state.signer.presign_get(&key, filename.as_deref(), LIFE).await?;
    tracing::info!(video.id = %id, "{} downloads the source of {id}", caller.subject);
    Ok(Json(Download {
        url: request.url,
        size: video.source.size,
        content_type: video.source.content_type,
        filename,
        expires_ms: now_ms() + u64::try_from(LIFE.as_millis()).unwrap_or(0),
    }))
}
