//! `GET /v1/videos/{id}/source`: a download URL of the uploaded file.

use std::time::Duration;

use api_types::videos::SourceDownload;
use axum::Json;
use axum::extract::State;
use domain::job::JobReason;

use super::view::file_name;
use super::{existing, work};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Video as PathVideo;
use crate::state::ApiState;
use platform::clock::now_ms;

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
    let request = state.signer.presign_get(&key, filename.as_deref(), LIFE).await?;
    tracing::info!(video.id = %id, "{} downloads the source of {id}", caller.subject);
    Ok(Json(SourceDownload {
        url: request.url.into(),
        size: video.source.size,
        content_type: video.source.content_type,
        filename,
        expires_at: (now_ms() + u64::try_from(LIFE.as_millis()).unwrap_or(0)).into(),
    }))
}
