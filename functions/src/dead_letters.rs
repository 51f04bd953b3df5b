//! Jobs that nobody receives any more, as the operator sees them; and sent again.

use axum::Json;
use axum::extract::State;
use domain::failure::FailureCode;
use domain::ids::VideoId;
use http::StatusCode;
use platform::catalog::CatalogError;
use platform::job_queue::{DeadLetter, DeadLetterId, QueueError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Params, Places};
use crate::openapi::types;
use crate::paging;
use crate::state::ApiState;
use crate::times::{as_rfc3339, now_ms};

/// How many to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// A job that was given up.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct DeadLetterView {
    /// For `redrive`.
    id: String,
    /// `null` where the message cannot be read.
    #[schema(value_type = Option<types::VideoId>)]
    video: Option<VideoId>,
    /// How often it was tried.
    attempts: u32,
    /// The last reason, as far as somebody gave one; of a video that failed, its code.
    reason: Option<String>,
    /// Whether it can be read at all.
    readable: bool,
    #[serde(rename = "sent_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    sent_ms: u64,
    #[serde(rename = "died_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    died_ms: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct DeadLetterList {
    /// The oldest; a queue without an order gives some.
    dead_letters: Vec<DeadLetterView>,
}

/// What a redrive did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Redriven {
    /// How many jobs wait again.
    redriven: u64,
}

/// `GET /v1/dead-letters`
pub(crate) async fn list(
    State(state): State<ApiState>,
    _: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<DeadLetterList>, ApiError> {
    let letters = state.queue.dead_letters(paging::limit(params.limit)?).await?;
    Ok(Json(DeadLetterList { dead_letters: letters.into_iter().map(DeadLetterView::of).collect() }))
}

/// `POST /v1/dead-letters/redrive`: all of them.
pub(crate) async fn redrive_all(
    State(state): State<ApiState>,
    _: Caller,
) -> Result<(StatusCode, Json<Redriven>), ApiError> {
    for letter in state.queue.dead_letters(ALL).await? {
        queue_again(&state, &letter).await?;
    }
    let redriven = state.queue.redrive(None).await?;
    tracing::info!(redriven, "redrove {redriven} dead letters");
    Ok((StatusCode::ACCEPTED, Json(Redriven { redriven })))
}

/// `POST /v1/dead-letters/{id}/redrive`
pub(crate) async fn redrive(
    State(state): State<ApiState>,
    _: Caller,
    Places(id): Places<String>,
) -> Result<(StatusCode, Json<Redriven>), ApiError> {
    let id = DeadLetterId(id);
    let letters = state.queue.dead_letters(ALL).await?;
    if let Some(letter) = letters.iter().find(|it| it.id == id) {
        queue_again(&state, letter).await?;
    }
    let redriven = match state.queue.redrive(Some(&id)).await {
        Ok(redriven) => redriven,
        Err(QueueError::NoSuchDeadLetter(_)) => return Err(ApiError::NoSuchDeadLetter),
        Err(error) => return Err(error.into()),
    };
    Ok((StatusCode::ACCEPTED, Json(Redriven { redriven })))
}

/// More than anybody looks through.
const ALL: u32 = 1_000;

/// Its video is queued again, if it may be: first the video, then the message, as with every job. One that was
/// deleted, or is ready by now, stays as it is; its worker will find that out and settle the message.
async fn queue_again(state: &ApiState, letter: &DeadLetter) -> Result<(), ApiError> {
    // What is no encoding is claimed by its worker as it stands.
    let Some(job) = letter.message.as_ref().ok().and_then(|it| it.job()) else { return Ok(()) };
    match state.catalog.request_work(job, now_ms()).await {
        Ok(_) | Err(CatalogError::NotFound { .. } | CatalogError::Gone { .. }) => Ok(()),
        Err(CatalogError::Conflict { .. } | CatalogError::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl DeadLetterView {
    fn of(letter: DeadLetter) -> Self {
        let readable = letter.message.is_ok();
        let video = letter.message.as_ref().ok().map(|it| it.video());
        let lost = || readable.then(|| FailureCode::WorkerLost.as_str().to_owned());
        Self {
            id: letter.id.0,
            video,
            attempts: letter.receive_count,
            reason: letter.why.or_else(lost),
            readable,
            sent_ms: letter.sent_ms,
            died_ms: letter.died_ms,
        }
    }
}
