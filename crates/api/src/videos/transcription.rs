//! `POST /v1/videos/{id}/captions`: captions that the operator's transcriber makes of the audio.

use api_types::captions::{Transcription, TranscriptionRequest, TranscriptionStatus};
use api_types::videos::VideoFailure;
use axum::Json;
use axum::extract::State;
use catalog::{CaptionOrigin, CatalogError, RenditionKind, TranscriptionRecord, Video};
use domain::caption::Language;
use domain::job::{JobMessage, TranscriptionJob};
use domain::state::VideoState;
use http::StatusCode;
use platform::clock;

use super::captions::MAX_CAPTIONS;
use super::existing;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video as PathVideo};
use crate::state::ApiState;

/// Repeating the request is not an error; after a failure, it tries again.
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    Body(request): Body<TranscriptionRequest>,
) -> Result<(StatusCode, Json<Transcription>), ApiError> {
    let video = existing(&state, &caller, id).await?;
    let language = super::captions::language(&request.language)?;
    check(&state, &video, &language).await?;
    let requested = state
        .catalog
        .request_transcription(id, &language, clock::now())
        .await;
    let (record, is_new) = match requested {
        Ok(requested) => requested,
        Err(CatalogError::Gone { .. }) => {
            existing(&state, &caller, id).await?;
            return Err(not_ready());
        }
        Err(problem) => return Err(problem.into()),
    };
    if is_new {
        tracing::info!(video.id = %id, "queued a transcription of {id} in {language}");
        let job = JobMessage::from(TranscriptionJob::new(id, language));
        state.send_job(&job).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(view(&record))))
}

/// Whether captions of this language can be made: the video has audio, and no other captions that
/// they would not replace.
async fn check(state: &ApiState, video: &Video, language: &Language) -> Result<(), ApiError> {
    let VideoState::Ready { generation } = &video.state else {
        return Err(not_ready());
    };
    let renditions = state.catalog.renditions(video.id, generation).await?;
    if !renditions.iter().any(|it| it.kind == RenditionKind::Audio) {
        return Err(ApiError::conflict("the video has no audio"));
    }
    let known = state.catalog.captions(video.id).await?;
    let is_kept = known.iter().any(|it| {
        it.language == *language && !it.forced && !it.sdh && it.origin > CaptionOrigin::Machine
    });
    let waiting = state.catalog.transcriptions(video.id).await?;
    let languages = waiting.iter().map(|it| &it.language);
    let others = languages.filter(|it| *it != language).count();
    let replaces = known.iter().any(|it| it.language == *language);
    if !replaces && known.len() + others >= MAX_CAPTIONS {
        let detail = format!("a video has at most {MAX_CAPTIONS} captions");
        return Err(ApiError::conflict(detail));
    }
    if is_kept {
        let detail = format!("the video has captions in `{language}`: delete them first");
        return Err(ApiError::conflict(detail));
    }
    Ok(())
}

fn not_ready() -> ApiError {
    ApiError::conflict("the video is not ready: its audio is transcribed when it is")
}

pub(super) fn view(record: &TranscriptionRecord) -> Transcription {
    let status = match record.failure {
        Some(_) => TranscriptionStatus::Failed,
        None => TranscriptionStatus::Pending,
    };
    Transcription {
        language: record.language.to_string(),
        status: status.into(),
        failure: record.failure.as_ref().map(VideoFailure::from),
    }
}
