//! `GET /v1/videos/{id}/preview`: redirects to an animated preview of a span.

use api_types::previews::PreviewParams;
use axum::extract::State;
use axum::response::Response;
use catalog::{PreviewRequested, Video};
use domain::ids::Generation;
use domain::job::{JobMessage, PreviewJob};
use domain::preview::{MOST_PREVIEWS, Preview, SECONDS, Wanted};
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

/// Valid widths, pixels.
const WIDTHS: std::ops::RangeInclusive<u32> = 1..=65_535;

/// The URL of an existing preview is returned at once. Otherwise, one of all callers sends the job, and
/// each waits for the object, as for a thumbnail.
pub(crate) async fn redirect(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    QueryParams(params): QueryParams<PreviewParams>,
) -> Result<Response, ApiError> {
    let wanted = wanted(params)?;
    let video = existing(&state, &caller, id).await?;
    let generation = generation_with_frames(&state, &video, "previews").await?;
    let length_ms = length_ms(&state, &video, generation).await?;
    let preview = Preview::new(wanted, length_ms, widest(&video));
    let object = preview.object(id, generation);
    if !exists(&state, &object).await? {
        request(&state, &video, generation, preview).await?;
        if !appears(&state, &object).await? {
            // It may have been deleted meanwhile, or a transcoder may have refused the job.
            existing(&state, &caller, id).await?;
            request(&state, &video, generation, preview).await?;
            return Err(pending(Problem::PreviewPending, "preview"));
        }
    }
    redirect_to(state.playback.object_url(&object, generation, clock::now()))
}

fn wanted(params: PreviewParams) -> Result<Wanted, ApiError> {
    if params.start.is_some_and(|it| !it.is_finite()) {
        return Err(ApiError::malformed(
            "the query: `start` must be a number of seconds",
        ));
    }
    if params.duration.is_some_and(|it| !SECONDS.contains(&it)) {
        let (least, most) = (SECONDS.start(), SECONDS.end());
        return Err(ApiError::malformed(format!(
            "the query: `duration` must be {least} to {most} seconds"
        )));
    }
    if params.width.is_some_and(|it| !WIDTHS.contains(&it)) {
        let (least, most) = (WIDTHS.start(), WIDTHS.end());
        return Err(ApiError::malformed(format!(
            "the query: `width` must be {least} to {most} pixels"
        )));
    }
    Ok(Wanted {
        start: params.start,
        seconds: params.duration,
        width: params.width,
    })
}

/// Sends the job, unless another request did.
async fn request(
    state: &ApiState,
    video: &Video,
    generation: &Generation,
    preview: Preview,
) -> Result<(), ApiError> {
    let requested = state
        .catalog
        .request_preview(video.id, generation, preview, clock::now())
        .await
        .map_err(not_recorded)?;
    match requested {
        PreviewRequested::Send => {
            let job = PreviewJob::new(video.id, generation.clone(), preview);
            tracing::info!(video.id = %video.id, "queued a preview for {}", video.id);
            state.send_job(&JobMessage::from(job)).await?;
            Ok(())
        }
        PreviewRequested::Waits => Ok(()),
        PreviewRequested::Refused => Err(ApiError::new(
            Problem::PreviewsNotSupported,
            "the FFmpeg of a transcoder has no encoder for animated WebP",
        )),
        PreviewRequested::TooMany => Err(ApiError::new(
            Problem::TooManyPreviews,
            format!("{MOST_PREVIEWS} previews of this video were made: use one of them"),
        )),
    }
}
