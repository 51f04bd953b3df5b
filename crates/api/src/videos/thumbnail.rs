//! `GET /v1/videos/{id}/thumbnail`: redirects to a thumbnail of the frame at a time.

use std::time::Duration;

use api_types::thumbnails::ThumbnailParams;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use catalog::{CatalogError, ThumbnailRequested, Video};
use domain::ids::Generation;
use domain::job::{JobMessage, ThumbnailJob};
use domain::object_key::ObjectKey;
use domain::state::VideoState;
use domain::thumbnail::{DEFAULT_WIDTH, Frame, MOST_THUMBNAILS};
use http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use platform::clock;
use platform::object_store::StoreError;

use super::{existing, has_only_audio};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{QueryParams, Video as PathVideo};
use crate::problem::Problem;
use crate::state::ApiState;

/// How long a request waits for a thumbnail that is being made.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Pause before the first look at the store, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
/// How long a browser may use the redirect again: less than its target is valid.
const REDIRECT_LIFE: HeaderValue = HeaderValue::from_static("private, max-age=3600");

/// The URL of an existing thumbnail is returned at once. Otherwise, one of all callers sends the job,
/// and each waits for the object. A client that hangs up interrupts nothing but its own wait.
pub(crate) async fn redirect(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    QueryParams(params): QueryParams<ThumbnailParams>,
) -> Result<Response, ApiError> {
    if !params.time.is_finite() {
        return Err(ApiError::malformed(
            "the query: `time` must be a number of seconds",
        ));
    }
    let video = existing(&state, &caller, id).await?;
    let VideoState::Ready { generation } = &video.state else {
        return Err(ApiError::conflict(
            "the video is not ready: thumbnails exist when it is",
        ));
    };
    if has_only_audio(&state, id, generation).await? {
        return Err(ApiError::conflict(
            "the video has only audio, and no frame at any time",
        ));
    }
    let frame = frame_of(&state, &video, generation, &params).await?;
    let object = frame.object(id, generation);
    if !exists(&state, &object).await? {
        request(&state, &video, generation, frame).await?;
        if !appears(&state, &object).await? {
            // It may have been deleted meanwhile.
            existing(&state, &caller, id).await?;
            return Err(pending());
        }
    }
    let url = state
        .playback
        .thumbnail_url(id, generation, frame, clock::now())
        .and_then(|it| HeaderValue::from_str(&it).ok())
        .ok_or_else(|| ApiError::internal(anyhow::anyhow!("no pass key signs image URLs")))?;
    let headers = [(LOCATION, url), (CACHE_CONTROL, REDIRECT_LIFE)];
    Ok((StatusCode::FOUND, headers).into_response())
}

async fn frame_of(
    state: &ApiState,
    video: &Video,
    generation: &Generation,
    params: &ThumbnailParams,
) -> Result<Frame, ApiError> {
    let length_ms = match video.duration_ms {
        Some(length) => length,
        // Versions before the column did not record it.
        None => {
            let receipt = state.catalog.receipt(video.id, generation).await?;
            receipt.map_or(0, |it| it.source_ms)
        }
    };
    let width = params.width.unwrap_or(DEFAULT_WIDTH);
    let widest = video.dimensions.map_or(u32::MAX, |it| it.0);
    Ok(Frame::new(params.time, width, length_ms, widest))
}

async fn exists(state: &ApiState, object: &ObjectKey) -> Result<bool, StoreError> {
    match state.store.head(object).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(problem) => Err(problem),
    }
}

/// Sends the job, unless another request did.
async fn request(
    state: &ApiState,
    video: &Video,
    generation: &Generation,
    frame: Frame,
) -> Result<(), ApiError> {
    let requested = state
        .catalog
        .request_thumbnail(video.id, generation, frame, clock::now())
        .await;
    match requested {
        Ok(ThumbnailRequested::Send) => {
            let job = ThumbnailJob::new(video.id, generation.clone(), frame);
            tracing::info!(video.id = %video.id, "queued a thumbnail for {}", video.id);
            state
                .queue
                .send(&JobMessage::from(job), Duration::ZERO)
                .await?;
            Ok(())
        }
        Ok(ThumbnailRequested::Waits) => Ok(()),
        Ok(ThumbnailRequested::TooMany) => Err(ApiError::new(
            Problem::TooManyThumbnails,
            format!(
                "{MOST_THUMBNAILS} thumbnails of this video were made on request: use one of them"
            ),
        )),
        Err(CatalogError::Gone { .. }) => Err(ApiError::conflict(
            "the video is being replaced or deleted: send the request again",
        )),
        Err(problem) => Err(problem.into()),
    }
}

/// Waits until the object exists, for a limited time.
async fn appears(state: &ApiState, object: &ObjectKey) -> Result<bool, StoreError> {
    let (mut pause, longest) = PAUSES;
    let waiting = async {
        loop {
            tokio::time::sleep(pause).await;
            if exists(state, object).await? {
                return Ok(true);
            }
            pause = (pause * 3 / 2).min(longest);
        }
    };
    let found = tokio::time::timeout(LONGEST_WAIT, waiting).await;
    found.unwrap_or(Ok(false))
}

fn pending() -> ApiError {
    let detail = "the thumbnail is being made: send the request again";
    ApiError::new(Problem::ThumbnailPending, detail)
        .with_header(RETRY_AFTER, HeaderValue::from_static("2"))
}
