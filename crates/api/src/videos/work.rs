//! Starts, retries, re-encodes and cancels the processing of an existing video.

use api_types::videos::{ReencodeRequest, Video as VideoView};
use axum::Json;
use axum::extract::State;
use catalog::Video;
use domain::job::{Job, JobMessage, JobReason};
use domain::object_key::ObjectKey;
use domain::state::{VideoEvent, VideoState};
use http::StatusCode;
use platform::clock;
use platform::object_store::StoreError;

use super::error::VideoError;
use super::{existing, import, metadata, read_view, rungs};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video as PathVideo};
use crate::state::ApiState;

/// Requests processing and sends the job. Repeating it is not an error: two messages of one job run once.
pub(crate) async fn begin(state: &ApiState, job: Job) -> Result<Video, ApiError> {
    let video = state.catalog.request_work(&job, clock::now()).await?;
    send(state, job).await?;
    Ok(video)
}

/// Sends the job of a queued video.
pub(crate) async fn send(state: &ApiState, job: Job) -> Result<(), ApiError> {
    tracing::info!(video.id = %job.video, job.id = %job.id, "queued a job of {1} ({0:?})", job.reason, job.video);
    state.send_job(&JobMessage::from(job)).await?;
    Ok(())
}

/// The job of a video, if its source still exists.
pub(crate) async fn job_of(
    state: &ApiState,
    video: &Video,
    reason: JobReason,
) -> Result<Job, ApiError> {
    let gone = |reason: &str| VideoError::SourceGone(reason.to_owned());
    let job = video
        .to_job(reason)
        .ok_or_else(|| gone("the source has not arrived yet"))?;
    let key = source_of(&job)?;
    match state.store.head(&key).await {
        Ok(_) => Ok(job),
        Err(StoreError::NotFound { .. }) => {
            Err(gone("the source was archived or deleted: upload it again").into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The key of the source of a job.
pub(crate) fn source_of(job: &Job) -> Result<ObjectKey, ApiError> {
    let unreadable =
        || VideoError::SourceGone("this version cannot read the location of the source".to_owned());
    Ok(job.source_key().ok_or_else(unreadable)?)
}

/// `POST /v1/videos/{id}/retry`: another attempt at a video that failed or was cancelled.
pub(crate) async fn retry(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<(StatusCode, Json<VideoView>), ApiError> {
    let video = existing(&state, &caller, id).await?;
    let conflict = |why: &str| Err(ApiError::conflict(why.to_owned()));
    match &video.state {
        VideoState::Failed(_) | VideoState::Cancelled | VideoState::Stored | VideoState::Queued => {
        }
        VideoState::Created | VideoState::Uploading => {
            return conflict("the upload is not complete");
        }
        VideoState::Processing | VideoState::Playable => {
            return conflict("the video is being processed");
        }
        VideoState::Ready { .. } => return conflict("the video is ready: re-encode it instead"),
        VideoState::Deleted => return Err(VideoError::NotFound(id).into()),
    }
    if let Some(answer) = import::retry(&state, &video).await? {
        return Ok(answer);
    }
    let job = job_of(&state, &video, JobReason::Retry).await?;
    let video = begin(&state, job).await?;
    Ok((StatusCode::ACCEPTED, Json(read_view(&state, &video).await?)))
}

/// `POST /v1/videos/{id}/reencode`: encodes the same source with other settings. The current version stays playable
/// until the new one is verified, and if it fails.
pub(crate) async fn reencode(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    Body(request): Body<ReencodeRequest>,
) -> Result<(StatusCode, Json<VideoView>), ApiError> {
    let video = existing(&state, &caller, id).await?;
    let profile = match request.profile {
        Some(profile) => metadata::profile(Some(profile), &state.config)?,
        None => video.profile.clone(),
    };
    let job = job_of(&state, &video, JobReason::Retry).await?;
    let mut job = job.with_settings(&profile, request.mode.unwrap_or(video.mode));
    if let Some(rungs) = request.rungs {
        if request.mode.is_some() {
            return Err(ApiError::invalid("`mode` and `rungs` cannot be combined"));
        }
        job = job.with_partial(rungs::partial(&state, &video, rungs).await?);
    }
    let video = begin(&state, job).await?;
    Ok((StatusCode::ACCEPTED, Json(read_view(&state, &video).await?)))
}

/// `POST /v1/videos/{id}/cancel`: stops processing. A video that was ready stays ready.
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<VideoView>, ApiError> {
    existing(&state, &caller, id).await?;
    let video = state
        .catalog
        .apply(id, &VideoEvent::Cancelled, clock::now())
        .await?;
    tracing::info!(video.id = %id, "cancelled {id}");
    Ok(Json(read_view(&state, &video).await?))
}
