//! Routes of dead letters, for the operator: list, redrive and remove.

use api_types::MaybeKnown;
use api_types::dead_letters::{
    DeadLetter as DeadLetterView, DeadLetterList, ListDeadLetters, RedriveResult,
};
use axum::Json;
use axum::extract::State;
use catalog::CatalogError;
use domain::failure::FailureCode;
use domain::job::JobMessage;
use domain::state::VideoState;
use http::StatusCode;
use platform::clock;
use platform::job_queue::{DeadLetter, DeadLetterId, QueueError};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{PathParams, QueryParams};
use crate::paging;
use crate::problem::Problem;
use crate::services::dead_letter;
use crate::state::ApiState;

/// `GET /v1/dead-letters`
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Caller,
    QueryParams(params): QueryParams<ListDeadLetters>,
) -> Result<Json<DeadLetterList>, ApiError> {
    let limit = paging::limit(params.limit)?;
    // One more shows that there is another page.
    let mut letters = match paging::cursor(params.cursor)? {
        Some(after) => state.queue.dead_letters_after(&after, limit + 1).await?,
        None => state.queue.dead_letters(limit + 1).await?,
    };
    let has_more = letters.len() > limit as usize;
    letters.truncate(limit as usize);
    let last = letters.last().filter(|_| has_more);
    let next_cursor = last.map(|it| it.position().to_string());
    let mut dead_letters = Vec::with_capacity(letters.len());
    for letter in letters {
        dead_letters.push(view(&state, letter).await?);
    }
    Ok(Json(DeadLetterList {
        dead_letters,
        next_cursor,
    }))
}

/// `DELETE /v1/dead-letters/{id}`: removes it. Its video stays failed, or fails now: without its message, a video that
/// still waits for the job would wait for good.
pub(crate) async fn purge(
    State(state): State<ApiState>,
    _: Caller,
    PathParams(id): PathParams<String>,
) -> Result<StatusCode, ApiError> {
    let id = DeadLetterId(id);
    let letter = state.queue.dead_letter_of(&id).await?;
    if let Some(letter) = letter.filter(|it| !it.is_settled) {
        dead_letter::fail_video(&state.catalog, &letter, clock::now()).await?;
    }
    state.queue.purge(Some(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/dead-letters/redrive`: all of them.
pub(crate) async fn redrive_all(
    State(state): State<ApiState>,
    _: Caller,
) -> Result<(StatusCode, Json<RedriveResult>), ApiError> {
    let mut done = RedriveResult::default();
    // Only those that are there now: a job that fails at once would come again and again.
    for letter in state.queue.dead_letters(MOST).await? {
        match redrive_letter(&state, &letter, &mut done).await {
            // Another request has redriven it.
            Ok(()) => {}
            Err(error) if error.problem() == Problem::NoSuchDeadLetter => {}
            Err(error) => return Err(error),
        }
    }
    tracing::info!(
        done.redriven,
        done.dropped,
        "redrove {} dead letters",
        done.redriven
    );
    Ok((StatusCode::ACCEPTED, Json(done)))
}

/// `POST /v1/dead-letters/{id}/redrive`
pub(crate) async fn redrive(
    State(state): State<ApiState>,
    _: Caller,
    PathParams(id): PathParams<String>,
) -> Result<(StatusCode, Json<RedriveResult>), ApiError> {
    let (id, mut done) = (DeadLetterId(id), RedriveResult::default());
    let letter = state.queue.dead_letter_of(&id).await?;
    let letter = letter.ok_or(QueueError::NoSuchDeadLetter(id))?;
    redrive_letter(&state, &letter, &mut done).await?;
    Ok((StatusCode::ACCEPTED, Json(done)))
}

/// Maximum number of dead letters that one request redrives.
const MOST: u32 = 1_000;

/// Redrives a dead letter, or removes it if its job is obsolete: it must not undo later requests.
async fn redrive_letter(
    state: &ApiState,
    letter: &DeadLetter,
    done: &mut RedriveResult,
) -> Result<(), ApiError> {
    let is_wanted = queue_again(state, letter).await?;
    let settled = match is_wanted {
        true => state.queue.redrive(Some(&letter.id)).await,
        false => state.queue.purge(Some(&letter.id)).await,
    };
    let number = match settled {
        Ok(number) => number,
        Err(error) => return Err(error.into()),
    };
    *(if is_wanted {
        &mut done.redriven
    } else {
        &mut done.dropped
    }) += number;
    Ok(())
}

/// Queues the video of a dead letter again: first the video, then the message, as for every job. Returns whether the
/// job is still needed.
async fn queue_again(state: &ApiState, letter: &DeadLetter) -> Result<bool, ApiError> {
    // A newer version may be able to parse it. Other kinds of jobs need no state change.
    let Some(job) = letter.message.as_ref().ok().and_then(|it| it.job()) else {
        return Ok(true);
    };
    let video = match state.catalog.get_video(job.video).await {
        Ok(video) => video,
        Err(CatalogError::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    if video.job.as_ref() != Some(&job.id) {
        return Ok(false);
    }
    match &video.state {
        VideoState::Cancelled | VideoState::Deleted => return Ok(false),
        // `Ready`: the failed job was a re-encode.
        VideoState::Failed(_) | VideoState::Ready { .. } => {}
        // Already retried: this is another message of the same job.
        _ => return Ok(true),
    }
    match state.catalog.request_work(job, clock::now()).await {
        Ok(_) => Ok(true),
        Err(
            CatalogError::NotFound { .. } | CatalogError::Gone { .. } | CatalogError::Refused(_),
        ) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn view(state: &ApiState, letter: DeadLetter) -> Result<DeadLetterView, ApiError> {
    let readable = letter.message.is_ok();
    let video = letter.message.as_ref().ok().map(|it| it.video());
    let code = match (&letter.message, reported_code(&letter)) {
        (_, Some(code)) => Some(code),
        (Ok(message), None) => known_code(state, &letter, message).await?,
        (Err(_), None) => None,
    };
    let lost = || readable.then(|| FailureCode::WorkerLost.as_str().to_owned());
    Ok(DeadLetterView {
        id: letter.id.0,
        video,
        attempts: letter.receive_count,
        reason: letter.reason.or_else(lost),
        code: code.map(MaybeKnown::from),
        class: code.map(|it| it.class().into()),
        readable,
        sent_at: letter.sent_ms.into(),
        dead_lettered_at: letter.dead_lettered_ms.into(),
    })
}

/// The code that a worker gave as the reason.
fn reported_code(letter: &DeadLetter) -> Option<FailureCode> {
    letter.reason.as_ref()?.parse().ok()
}

/// The reason of a message that used up its deliveries is a sentence, if it has one. If the job failed its video, the
/// video has the code. The failure of a re-encode or of other work is not in the video, and has the code with which
/// dead letters are settled.
async fn known_code(
    state: &ApiState,
    letter: &DeadLetter,
    message: &JobMessage,
) -> Result<Option<FailureCode>, ApiError> {
    let of_settled = letter.is_settled.then_some(FailureCode::WorkerLost);
    if !matches!(
        message,
        JobMessage::TranscodeV1(_) | JobMessage::ImportV1(_)
    ) {
        return Ok(of_settled);
    }
    let video = match state.catalog.get_video(message.video()).await {
        Ok(video) => video,
        Err(CatalogError::NotFound { .. }) => return Ok(of_settled),
        Err(error) => return Err(error.into()),
    };
    let is_its_job = video.job.as_ref().is_none_or(|it| it == message.id());
    if let VideoState::Failed(failure) = video.state
        && is_its_job
    {
        return Ok(Some(failure.code));
    }
    Ok(of_settled)
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Unavailable { .. } => Self::unavailable(error),
            QueueError::NoSuchDeadLetter(_) => Self::new(
                Problem::NoSuchDeadLetter,
                "there is no such dead letter: it may have been redriven",
            ),
            QueueError::LeaseLost
            | QueueError::NoDeadLetterQueue { .. }
            | QueueError::Refused { .. } => Self::internal(error),
        }
    }
}
