//! `PUT` and `DELETE /v1/videos/{id}/poster`: sets a custom poster.

use std::time::Duration;

use api_types::posters::{Poster, PosterParams, PosterPosition, PosterStatus};
use api_types::videos::{Video as VideoView, VideoFailure};
use axum::Json;
use axum::extract::State;
use catalog::{PosterRecord, Video};
use domain::image::{Image, InvalidImage};
use domain::job::{JobMessage, PosterJob, PosterSource};
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::state::VideoState;
use http::StatusCode;
use platform::object_store::PutCondition;

use super::{existing, has_only_audio, read_view};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{QueryParams, Raw, Video as PathVideo};
use crate::problem::Problem;
use crate::state::ApiState;

/// Largest image in bytes: fits into the request body limit of Lambda in base64, with room to spare.
pub(crate) const IMAGE_LIMIT: usize = 4 << 20;

/// The poster of a video in responses.
pub(super) fn view(record: Option<PosterRecord>) -> Poster {
    let (status, failure) = match record {
        None => (PosterStatus::Automatic, None),
        Some(PosterRecord {
            failure: Some(failure),
            ..
        }) => (PosterStatus::Failed, Some(failure)),
        Some(PosterRecord { wanted, shown, .. }) if shown.as_ref() == Some(&wanted) => {
            (PosterStatus::Custom, None)
        }
        Some(_) => (PosterStatus::Pending, None),
    };
    Poster {
        status: status.into(),
        failure: failure.as_ref().map(VideoFailure::from),
    }
}

/// Why a requested poster is invalid. `Display` says what to do instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidPoster {
    /// Neither an image nor a position.
    #[error("send a JPEG, PNG or WebP image, or JSON such as {{\"at\": 12.5}}: {0}")]
    Neither(String),
    /// An image that cannot be shown.
    #[error(transparent)]
    Image(InvalidImage),
    /// The video has only audio.
    #[error("the video has only audio, and no frame at any time: send an image")]
    NoFrames,
    /// The position is after the end of the video.
    #[error("`at` must be 0 to {seconds:.3} seconds, the length of the video")]
    NoSuchMoment {
        /// Length of the video.
        seconds: f64,
    },
}

impl From<InvalidPoster> for ApiError {
    fn from(error: InvalidPoster) -> Self {
        Self::new(Problem::PosterNotAccepted, error.to_string())
    }
}

/// What a request for a poster contains.
enum PosterRequest {
    Image,
    /// Position in milliseconds.
    Moment(u64),
}

/// Distinguishes image and JSON by the first bytes, not by the declared content type.
fn read(body: &[u8], at: Option<f64>) -> Result<PosterRequest, InvalidPoster> {
    if let Some(at) = at {
        return match body.is_empty() {
            true => moment(at),
            false => Err(InvalidPoster::Neither(
                "`at` is in the query, but there is a body too".to_owned(),
            )),
        };
    }
    match Image::of(body) {
        Ok(_) => return Ok(PosterRequest::Image),
        Err(InvalidImage::NotAnImage) => {}
        Err(refused) => return Err(InvalidPoster::Image(refused)),
    }
    let PosterPosition { at } =
        serde_json::from_slice(body).map_err(|it| InvalidPoster::Neither(it.to_string()))?;
    moment(at)
}

fn moment(at: f64) -> Result<PosterRequest, InvalidPoster> {
    if at.is_finite() && at >= 0.0 {
        // The cast saturates; positions beyond the end are rejected later.
        return Ok(PosterRequest::Moment((at * 1000.0).round() as u64));
    }
    Err(InvalidPoster::Neither(
        "`at` must not be negative".to_owned(),
    ))
}

/// Repeating the request is not an error; after a failure, it retries.
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    QueryParams(params): QueryParams<PosterParams>,
    Raw(body): Raw,
) -> Result<(StatusCode, Json<VideoView>), ApiError> {
    let video = existing(&state, &caller, id).await?;
    let job = match read(&body, params.at)? {
        PosterRequest::Image => PosterJob::from_image(id, &body),
        PosterRequest::Moment(at_ms) => {
            check_moment(&state, &video, at_ms).await?;
            PosterJob::from_timestamp(id, at_ms)
        }
    };
    let image = ObjectKey::PosterImage {
        video: id,
        poster: job.poster.clone(),
    };
    if matches!(job.from, PosterSource::Image) {
        state.store.put(&image, body, PutCondition::Always).await?;
    }
    // Even if it is shown already: it replaces requests made in the meantime.
    let wanted = state.catalog.want_poster(id, &job.poster).await;
    if wanted.is_err() {
        // The video may have been deleted: leave no object behind.
        state.store.delete(&image).await?;
    }
    if wanted?.shown.as_ref() == Some(&job.poster) {
        state.store.delete(&image).await?;
        return Ok((StatusCode::OK, Json(read_view(&state, &video).await?)));
    }
    tracing::info!(video.id = %id, "queued a poster for {id}");
    state.send_job(&JobMessage::from(job)).await?;
    Ok((StatusCode::ACCEPTED, Json(read_view(&state, &video).await?)))
}

async fn check_moment(state: &ApiState, video: &Video, at_ms: u64) -> Result<(), ApiError> {
    let VideoState::Ready { generation } = &video.state else {
        return Err(ApiError::conflict(
            "the video is not ready: send an image, or wait",
        ));
    };
    if has_only_audio(state, video.id, generation).await? {
        return Err(InvalidPoster::NoFrames.into());
    }
    let receipt = state.catalog.receipt(video.id, generation).await?;
    match receipt.map(|it| it.source_ms) {
        Some(length) if at_ms > length => Err(InvalidPoster::NoSuchMoment {
            seconds: Duration::from_millis(length).as_secs_f64(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Restores the automatic poster. Repeating the request is not an error.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<StatusCode, ApiError> {
    existing(&state, &caller, id).await?;
    let before = state.catalog.drop_poster(id).await?;
    if let Some(poster) = before.and_then(|it| it.shown) {
        state
            .store
            .delete(&ObjectKey::CustomPoster { video: id, poster })
            .await?;
    }
    state
        .store
        .delete_all(&ObjectPrefix::PosterImages(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_recognised_by_their_content() {
        let describe = |body: &[u8]| match read(body, None) {
            Ok(PosterRequest::Image) => "picture".to_owned(),
            Ok(PosterRequest::Moment(ms)) => format!("{ms} ms"),
            Err(refused) => refused.to_string(),
        };
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\x80\0\0\x01\x68".to_vec();
        assert_eq!(describe(&png), "picture");
        png[22] = 0xff;
        assert!(
            describe(&png).starts_with("the image is 640x65"),
            "{}",
            describe(&png)
        );
        assert_eq!(describe(b"{\"at\": 12.5}"), "12500 ms");
        assert_eq!(describe(b" {\"at\":0}\n"), "0 ms");
        for odd in [
            "",
            "GIF89a",
            "{}",
            "{\"at\": \"5\"}",
            "{\"at\": -1}",
            "{\"at\": 5, \"to\": 6}",
        ] {
            assert!(
                describe(odd.as_bytes()).starts_with("send a JPEG"),
                "{odd}: {}",
                describe(odd.as_bytes())
            );
        }
    }
}
