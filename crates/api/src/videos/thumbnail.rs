//! `GET /v1/videos/{id}/thumbnail`: redirects to a thumbnail of the frame at a time.

use api_types::thumbnails::ThumbnailParams;
use axum::extract::State;
use axum::response::Response;
use catalog::{ThumbnailRequested, Video};
use domain::ids::Generation;
use domain::job::{JobMessage, ThumbnailJob};
use domain::thumbnail::{DEFAULT_WIDTH, Frame, MOST_THUMBNAILS};
use platform::clock;

use super::existing;
use super::on_request::{
    appears, exists, generation_with_frames, length_ms, not_recorded, pending, redirect_to, widest,
};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{QueryParams, Video as PathVideo};
use crate::problem::Problem;
use crate::state::ApiState;

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
    let generation = generation_with_frames(&state, &video, "thumbnails").await?;
    let length_ms = length_ms(&state, &video, generation).await?;
    let width = params.width.unwrap_or(DEFAULT_WIDTH);
    let frame = Frame::new(params.time, width, length_ms, widest(&video));
    let object = frame.object(id, generation);
    if !exists(&state, &object).await? {
        request(&state, &video, generation, frame).await?;
        if !appears(&state, &object).await? {
            // It may have been deleted meanwhile.
            existing(&state, &caller, id).await?;
            return Err(pending(Problem::ThumbnailPending, "thumbnail"));
        }
    }
    redirect_to(state.playback.object_url(&object, generation, clock::now()))
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
        .await
        .map_err(not_recorded)?;
    match requested {
        ThumbnailRequested::Send => {
            let job = ThumbnailJob::new(video.id, generation.clone(), frame);
            tracing::info!(video.id = %video.id, "queued a thumbnail for {}", video.id);
            state.send_job(&JobMessage::from(job)).await?;
            Ok(())
        }
        ThumbnailRequested::Waits => Ok(()),
        ThumbnailRequested::TooMany => Err(ApiError::new(
            Problem::TooManyThumbnails,
            format!(
                "{MOST_THUMBNAILS} thumbnails of this video were made on request: use one of them"
            ),
        )),
    }
}
