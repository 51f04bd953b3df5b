//! Work on a video that is there: begun on its first view, tried again, done anew, stopped.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::job::{Job, JobMessage, JobReason, Mode};
use domain::object_key::{ObjectKey, RenditionName};
use domain::state::{VideoEvent, VideoState};
use http::StatusCode;
use platform::catalog::Video;
use platform::object_store::StoreError;
use serde::Deserialize;
use utoipa::ToSchema;

use super::error::VideoError;
use super::view::VideoView;
use super::{existing, facts, import, read_view, rungs};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video as PathVideo};
use crate::openapi::types;
use crate::state::ApiState;
use crate::times::now_ms;

/// Asks for work, and sends its job. Doing it again is no error: two messages of one job are one run.
pub(crate) async fn begin(state: &ApiState, job: Job) -> Result<Video, ApiError> {
    let video = state.catalog.request_work(&job, now_ms()).await?;
    send(state, job).await?;
    Ok(video)
}

/// Sends the job of a video that is queued.
pub(crate) async fn send(state: &ApiState, job: Job) -> Result<(), ApiError> {
    tracing::info!(video.id = %job.video, job.id = %job.id, "queued a job of {1} ({0:?})", job.reason, job.video);
    state.queue.send(&JobMessage::from(job), Duration::ZERO).await?;
    Ok(())
}

/// The job of a video, if its source is still there.
pub(crate) async fn job_of(state: &ApiState, video: &Video, reason: JobReason) -> Result<Job, ApiError> {
    let gone = |reason: &str| VideoError::SourceGone(reason.to_owned());
    let job = video.to_job(reason).ok_or_else(|| gone("the source has not arrived yet"))?;
    let key = source_of(&job)?;
    match state.store.head(&key).await {
        Ok(_) => Ok(job),
        Err(StoreError::NotFound { .. }) => Err(gone("the source was archived or deleted: upload it again").into()),
        Err(error) => Err(error.into()),
    }
}

/// Where the source of a job is.
pub(crate) fn source_of(job: &Job) -> Result<ObjectKey, ApiError> {
    let unreadable = || VideoError::SourceGone("this version cannot read the location of the source".to_owned());
    Ok(job.source_key().ok_or_else(unreadable)?)
}

/// `POST /v1/videos/{id}/retry`: another attempt at a video that failed or was cancelled.
pub(crate) async fn retry(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<(StatusCode, Json<VideoView>), ApiError> {
    let video = existing(&state, &caller, id).await?;
    let in_vain = |why: &str| Err(ApiError::conflict(why.to_owned()));
    match &video.state {
        VideoState::Failed(_) | VideoState::Cancelled | VideoState::Stored | VideoState::Queued => {}
        VideoState::Created | VideoState::Uploading => return in_vain("the upload is not complete"),
        VideoState::Processing | VideoState::Playable => return in_vain("the video is being processed"),
        VideoState::Ready { .. } => return in_vain("the video is ready: re-encode it instead"),
        VideoState::Deleted => return Err(VideoError::NotFound(id).into()),
    }
    if let Some(answer) = import::retry(&state, &video).await? {
        return Ok(answer);
    }
    let job = job_of(&state, &video, JobReason::Retry).await?;
    let video = begin(&state, job).await?;
    Ok((StatusCode::ACCEPTED, Json(read_view(&state, &video).await?)))
}

/// Encoding settings; omitted fields keep their value.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reencode {
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    mode: Option<Mode>,
    /// Encode only these rungs; the others, and the audio, are reused from the current version.
    #[serde(default)]
    #[schema(value_type = Option<Vec<types::RungName>>, min_items = 1, max_items = 32)]
    rungs: Option<Vec<RenditionName>>,
}

/// `POST /v1/videos/{id}/reencode`: the same source by other settings. What plays now plays on until the new one
/// is verified, and if it fails.
pub(crate) async fn reencode(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    Body(wish): Body<Reencode>,
) -> Result<(StatusCode, Json<VideoView>), ApiError> {
    let video = existing(&state, &caller, id).await?;
    let profile = match wish.profile {
        Some(profile) => facts::profile(Some(profile), &state.config)?,
        None => video.profile.clone(),
    };
    let job = job_of(&state, &video, JobReason::Retry).await?;
    let mut job = job.with_settings(&profile, wish.mode.unwrap_or(video.mode));
    if let Some(rungs) = wish.rungs {
        if wish.mode.is_some() {
            return Err(ApiError::invalid("`mode` and `rungs` cannot be combined"));
        }
        job = job.with_partial(rungs::partial(&state, &video, rungs).await?);
    }
    let video = begin(&state, job).await?;
    Ok((StatusCode::ACCEPTED, Json(read_view(&state, &video).await?)))
}

/// `POST /v1/videos/{id}/cancel`: stops what goes on. A video that was ready stays so.
pub(crate) async fn cancel(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<VideoView>, ApiError> {
    existing(&state, &caller, id).await?;
    let video = state.catalog.apply(id, &VideoEvent::Cancelled, now_ms()).await?;
    tracing::info!(video.id = %id, "cancelled {id}");
    Ok(Json(read_view(&state, &video).await?))
}
