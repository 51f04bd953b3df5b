//! Images that are made when a client requests them: what thumbnails and previews have in common.
//!
//! The object in the store is the truth about whether an image exists. A request that finds none has
//! a job sent, and waits for the object.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use catalog::{CatalogError, Video};
use domain::ids::Generation;
use domain::object_key::ObjectKey;
use domain::state::VideoState;
use http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use platform::object_store::StoreError;

use super::has_only_audio;
use crate::error::ApiError;
use crate::problem::Problem;
use crate::state::ApiState;

/// How long a request waits for an image that is being made.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Pause before the first look at the store, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
/// How long a browser may use the redirect again: less than its target is valid.
const REDIRECT_LIFE: HeaderValue = HeaderValue::from_static("private, max-age=3600");

/// The generation that plays. `Conflict` if the video is not ready, or has only audio; `what` names the images.
pub(super) async fn generation_with_frames<'a>(
    state: &ApiState,
    video: &'a Video,
    what: &str,
) -> Result<&'a Generation, ApiError> {
    let VideoState::Ready { generation } = &video.state else {
        return Err(ApiError::conflict(format!(
            "the video is not ready: {what} exist when it is"
        )));
    };
    if has_only_audio(state, video.id, generation).await? {
        return Err(ApiError::conflict(
            "the video has only audio, and no frame at any time",
        ));
    }
    Ok(generation)
}

/// The length of a video, milliseconds.
pub(super) async fn length_ms(
    state: &ApiState,
    video: &Video,
    generation: &Generation,
) -> Result<u64, CatalogError> {
    Ok(match video.duration_ms {
        Some(length) => length,
        // Versions before the column did not record it.
        None => {
            let receipt = state.catalog.receipt(video.id, generation).await?;
            receipt.map_or(0, |it| it.source_ms)
        }
    })
}

/// The width of the largest rung, pixels.
pub(super) fn widest(video: &Video) -> u32 {
    video.dimensions.map_or(u32::MAX, |it| it.0)
}

pub(super) async fn exists(state: &ApiState, object: &ObjectKey) -> Result<bool, StoreError> {
    match state.store.head(object).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(problem) => Err(problem),
    }
}

/// Waits until the object exists, for a limited time.
pub(super) async fn appears(state: &ApiState, object: &ObjectKey) -> Result<bool, StoreError> {
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

/// A redirect to the URL of an image; `None`: no key signs it.
pub(super) fn redirect_to(url: Option<String>) -> Result<Response, ApiError> {
    let url = url
        .and_then(|it| HeaderValue::from_str(&it).ok())
        .ok_or_else(|| ApiError::internal(anyhow::anyhow!("no pass key signs image URLs")))?;
    let headers = [(LOCATION, url), (CACHE_CONTROL, REDIRECT_LIFE)];
    Ok((StatusCode::FOUND, headers).into_response())
}

/// The image is not made yet; `what` names it.
pub(super) fn pending(problem: Problem, what: &str) -> ApiError {
    let detail = format!("the {what} is being made: send the request again");
    ApiError::new(problem, detail).with_header(RETRY_AFTER, HeaderValue::from_static("2"))
}

/// The request of an image was not recorded.
pub(super) fn not_recorded(problem: CatalogError) -> ApiError {
    match problem {
        CatalogError::Gone { .. } => {
            ApiError::conflict("the video is being replaced or deleted: send the request again")
        }
        problem => problem.into(),
    }
}
