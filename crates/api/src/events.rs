//! `POST /v1/events`: receives events of the private bucket by HTTP, one or a list.
//!
//! Used by stores that call a webhook (`MinIO`, Ceph) and by the edge worker, which sends the jobs that it creates from
//! R2's events. On AWS, the function `ingest` receives the same bodies from SQS.

mod body;

use std::time::Duration;

use api_types::events::{
    BucketEvent, BucketEventsResult, EventError, EventItemResult, EventResult, EventResults,
    FailedEvent,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::event::SkipReason;
use futures::StreamExt as _;
use platform::clock;
use tokio::time::{Instant, timeout_at};

use self::body::EventsBody;
use crate::auth::{Caller, InsufficientScope, Scope};
use crate::error::ApiError;
use crate::extract::Raw;
use crate::idempotency::Unfinished;
use crate::problem::Problem;
use crate::services::ingest::{Ingest, IngestError, Ingested};
use crate::state::ApiState;

pub(crate) use self::body::BODY_LIMIT;

/// Number of items of a list that are processed at once: as many as a small pool of database connections serves.
const CONCURRENT_ITEMS: usize = 4;
/// Time limit of a list. The edge worker waits for 10 s; without a response, it would send also the processed items
/// again.
const LIST_TIME_LIMIT: Duration = Duration::from_secs(8);

/// Processes one event or a list; repeating them is not an error. After any status other than 2xx, the sender retries.
/// A list has status 200 whatever the results of its items are.
pub(crate) async fn receive(
    State(state): State<ApiState>,
    caller: Caller,
    Raw(bytes): Raw,
) -> Result<Response, ApiError> {
    let body = EventsBody::parse(&bytes)?;
    if caller.owner.is_some() {
        // An event may refer to a video of any owner.
        return Err(InsufficientScope(Scope::Admin).into());
    }
    match body {
        EventsBody::One(event) => {
            let processed = process(&state.ingest, event, "the body").await;
            let result = processed.map_err(|it| it.error)?;
            state.queue.finish_sends().await;
            Ok(Json(BucketEventsResult::One(result)).into_response())
        }
        EventsBody::List(items) => {
            let results = process_list(&state.ingest, items).await;
            state.queue.finish_sends().await;
            let is_unfinished = results.iter().any(is_to_be_repeated);
            let results = BucketEventsResult::List(EventResults { results });
            let mut response = Json(results).into_response();
            if is_unfinished {
                response.extensions_mut().insert(Unfinished);
            }
            Ok(response)
        }
    }
}

/// The results of the items, in their order.
async fn process_list(
    ingest: &Ingest,
    items: Vec<Result<BucketEvent, ApiError>>,
) -> Vec<EventItemResult> {
    let deadline = Instant::now() + LIST_TIME_LIMIT;
    let process_item = |item: Result<BucketEvent, ApiError>| async move {
        let late = || anyhow::anyhow!("a list of events took too long");
        let processed = timeout_at(deadline, process(ingest, item?, "the item")).await;
        processed.unwrap_or_else(|_| Err(ApiError::unavailable(late()).into()))
    };
    futures::stream::iter(items)
        .map(process_item)
        .buffered(CONCURRENT_ITEMS)
        .map(|processed| match processed {
            Ok(result) => EventItemResult::Processed(result),
            Err(failure) => EventItemResult::Failed(FailedEvent {
                error: failure.report(),
            }),
        })
        .collect()
        .await
}

/// Processes one event; `place` names it in errors.
async fn process(
    ingest: &Ingest,
    BucketEvent(event): BucketEvent,
    place: &str,
) -> Result<EventResult, ItemFailure> {
    let body = serde_json::Value::Object(event).to_string();
    let outcomes = match ingest.process(&body, clock::now()).await {
        Ok(outcomes) => outcomes,
        Err(error @ IngestError::UnreadableJob(_)) => {
            // A newer version of the API can read it.
            return Err(ItemFailure {
                error: ApiError::invalid(format!("{place}: {error}")),
                retry: true,
            });
        }
        Err(error) => return Err(ApiError::from(error).into()),
    };
    let mut result = EventResult::default();
    for outcome in outcomes {
        match outcome {
            Ingested::Queued(_) => result.queued += 1,
            Ingested::Duplicate(_)
            | Ingested::Waiting(_)
            | Ingested::AlreadyDone(_)
            | Ingested::VideoGone(_)
            | Ingested::SourceAfterReady(_) => {
                result.known += 1;
            }
            Ingested::Ignored(SkipReason::Malformed { detail }) => {
                return Err(ApiError::invalid(format!(
                    "{place}: not a bucket notification: {detail}"
                ))
                .into());
            }
            Ingested::Ignored(ignored) => result.ignored.push(ignored.to_string()),
        }
    }
    Ok(result)
}

/// Why an item was not processed.
struct ItemFailure {
    error: ApiError,
    /// Whether the sender should send it again.
    retry: bool,
}

impl From<ApiError> for ItemFailure {
    fn from(error: ApiError) -> Self {
        let retry = may_succeed_later(error.problem());
        Self { error, retry }
    }
}

impl ItemFailure {
    fn report(&self) -> EventError {
        self.error.log_cause();
        EventError {
            code: self.error.problem().code().to_owned(),
            detail: self.error.to_string(),
            retry: self.retry,
        }
    }
}

/// Whether the same item may succeed later: unless the item itself is at fault.
fn may_succeed_later(problem: Problem) -> bool {
    !matches!(
        problem,
        Problem::MalformedRequest | Problem::InvalidField | Problem::BodyTooLarge
    )
}

fn is_to_be_repeated(result: &EventItemResult) -> bool {
    matches!(result, EventItemResult::Failed(FailedEvent { error }) if error.retry)
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Catalog(error) => error.into(),
            IngestError::Queue(error) => error.into(),
            IngestError::Store(error) => error.into(),
            IngestError::UnreadableJob(_) => Self::invalid(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_item_at_fault_is_not_sent_again() {
        let table = [
            (Problem::MalformedRequest, false),
            (Problem::InvalidField, false),
            (Problem::BodyTooLarge, false),
            (Problem::Unavailable, true),
            (Problem::Internal, true),
            // The video changed at the same time.
            (Problem::Conflict, true),
        ];
        for (problem, expected) in table {
            let error = ItemFailure::from(ApiError::new(problem, "why")).report();
            let expected = EventError {
                code: problem.code().to_owned(),
                detail: "why".to_owned(),
                retry: expected,
            };
            assert_eq!(error, expected);
        }
    }
}
