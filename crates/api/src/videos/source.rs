//! `GET /v1/videos/{id}/source`: a download URL of the uploaded file.

use std::time::Duration;

use api_types::videos::SourceDownload;
use axum::Json;
use axum::extract::State;
use domain::job::JobReason;
use platform::clock;

use super::view::file_name;
use super::{existing, work};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Video as PathVideo;
use crate::state::ApiState;

/// Lifetime of the URL: long enough to start the download, which may take longer.
const LIFE: Duration = Duration::from_secs(15 * 60);

pub(crate) async fn source(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<SourceDownload>, ApiError> {
    let video = existing(&state, &caller, id).await?;
    let key = work::source_of(&work::job_of(&state, &video, JobReason::Retry).await?)?;
    let filename = file_name(&video);
    let request = state
        .signer
        .presign_get(&key, filename.as_deref(), LIFE)
        .await?;
    tracing::info!(video.id = %id, "{} downloads the source of {id}", caller.subject);
    Ok(Json(SourceDownload {
        url: request.url.into(),
        size: video.source.size,
        content_type: video.source.content_type,
        filename,
        expires_at: (clock::now() + LIFE).into(),
    }))
}
