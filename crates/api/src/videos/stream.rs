//! `GET /v1/videos/{id}/stream`: playback URLs, as soon as the video is playable.

use std::time::Duration;

use api_types::streams::{PlaybackInfo, ProcessingInfo, Stream, StreamParams};
use api_types::{MaybeKnown, Sensitive};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use catalog::Video;
use domain::ids::Generation;
use domain::job::{Generate, JobReason};
use domain::state::VideoState;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use platform::clock;

use super::error::VideoError;
use super::{existing, heights, view, work};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{QueryParams, Video as PathVideo};
use crate::playback::{GRANT_SECONDS, GrantLife, Viewer};
use crate::state::ApiState;

fn processing_info(video: &Video) -> ProcessingInfo {
    ProcessingInfo {
        video: video.id,
        title: video.title.clone(),
        status: video.state.name(),
        stage: video.progress.and_then(|it| it.stage).map(MaybeKnown::from),
        percent: view::percent(video),
    }
}

/// The response while a video is not playable yet.
pub(crate) fn processing_response(info: ProcessingInfo) -> Response {
    let retry = [(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS))];
    (StatusCode::ACCEPTED, retry, Json(info)).into_response()
}

/// Valid height limits in pixels.
pub(crate) const HEIGHTS: std::ops::RangeInclusive<u32> = 1..=65_535;

/// Longest viewer id in bytes.
const VIEWER_LIMIT: usize = 200;

/// Value of `Retry-After` while a video is being processed.
const RETRY_SECONDS: &str = "1";

pub(crate) async fn stream(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    QueryParams(params): QueryParams<StreamParams>,
) -> Result<Response, ApiError> {
    let viewer = viewer_of(params)?;
    let video = existing(&state, &caller, id).await?;
    respond(&state, video, &viewer).await
}

/// The response for an authorised viewer.
///
/// # Errors
/// If the video will not become playable by waiting.
pub(crate) async fn respond(
    state: &ApiState,
    video: Video,
    viewer: &Viewer,
) -> Result<Response, ApiError> {
    Ok(match find(state, video, viewer).await? {
        Stream::Playable(info) => Json(info).into_response(),
        Stream::Processing(info) => processing_response(info),
    })
}

/// The playback state for an authorised viewer.
///
/// # Errors
/// As [`respond`].
pub(crate) async fn find(
    state: &ApiState,
    video: Video,
    viewer: &Viewer,
) -> Result<Stream, ApiError> {
    let video = begin_if_first(state, video).await?;
    let id = video.id;
    match &video.state {
        VideoState::Failed(failure) => Err(VideoError::Failed(failure.clone()).into()),
        VideoState::Cancelled => Err(VideoError::Cancelled.into()),
        VideoState::Deleted => Err(VideoError::NotFound(id).into()),
        VideoState::Created
        | VideoState::Uploading
        | VideoState::Stored
        | VideoState::Queued
        | VideoState::Processing => Ok(Stream::Processing(processing_info(&video))),
        VideoState::Playable | VideoState::Ready { .. } => {
            if !heights::has_rung(state, &video, viewer.max_height).await? {
                return Ok(Stream::Processing(processing_info(&video)));
            }
            let images = images_of(&video.state);
            let video_ms = match (video.duration_ms, images) {
                (None, Some(generation)) => state
                    .catalog
                    .receipt(id, generation)
                    .await?
                    .map(|it| it.source_ms),
                (duration_ms, _) => duration_ms,
            };
            let urls = state
                .playback
                .urls(id, images, viewer, video_ms, clock::now())?;
            let urls = urls.with_poster(video.chosen_poster.as_ref(), video.has_poster);
            Ok(Stream::Playable(PlaybackInfo {
                video: id,
                title: video.title,
                status: video.state.name(),
                hls_url: urls.hls.into(),
                poster_url: urls.poster.map(Sensitive::from),
                storyboard_url: urls.storyboard.map(Sensitive::from),
                large_storyboard_url: urls.large_storyboard.map(Sensitive::from),
                expires_at: urls.expires_ms.into(),
            }))
        }
    }
}

/// Age at which the message of a queued video may be lost and is sent again.
const RESEND_AFTER: Duration = Duration::from_secs(30);

/// Queues a video that waited for its first view. A request while it is queued may send a second message of the same
/// job, which runs once.
async fn begin_if_first(state: &ApiState, video: Video) -> Result<Video, ApiError> {
    if video.generate != Generate::OnFirstView {
        return Ok(video);
    }
    let is_overdue = || {
        video
            .queued_ms
            .is_some_and(|it| it + RESEND_AFTER < clock::now())
    };
    match &video.state {
        VideoState::Stored => {
            work::begin(
                state,
                work::job_of(state, &video, JobReason::OnDemand).await?,
            )
            .await
        }
        // The process may have crashed between the row and the message.
        VideoState::Queued if is_overdue() => {
            work::send(
                state,
                work::job_of(state, &video, JobReason::OnDemand).await?,
            )
            .await?;
            Ok(video)
        }
        _ => Ok(video),
    }
}

/// The generation whose images exist: a growing video may have none yet.
fn images_of(state: &VideoState) -> Option<&Generation> {
    match state {
        VideoState::Ready { generation } => Some(generation),
        _ => None,
    }
}

fn viewer_of(params: StreamParams) -> Result<Viewer, ApiError> {
    if params
        .expires_in
        .is_some_and(|it| !GRANT_SECONDS.contains(&it))
    {
        let (least, most) = (GRANT_SECONDS.start(), GRANT_SECONDS.end());
        return Err(ApiError::malformed(format!(
            "the query: `expires_in` must be {least} to {most} seconds"
        )));
    }
    if params.max_height.is_some_and(|it| !HEIGHTS.contains(&it)) {
        let (least, most) = (HEIGHTS.start(), HEIGHTS.end());
        return Err(ApiError::malformed(format!(
            "the query: `max_height` must be {least} to {most} pixels"
        )));
    }
    if params
        .viewer
        .as_ref()
        .is_some_and(|it| !(1..=VIEWER_LIMIT).contains(&it.len()))
    {
        return Err(ApiError::malformed(format!(
            "the query: `viewer` must have 1 to {VIEWER_LIMIT} bytes"
        )));
    }
    let life = params
        .expires_in
        .map_or(GrantLife::LONGEST, GrantLife::Seconds);
    Ok(Viewer {
        name: params.viewer,
        life,
        max_height: params.max_height,
        check_segments: false,
    })
}
