//! `POST /v1/events`: receives events of the private bucket by HTTP.
//!
//! Used by stores that call a webhook (`MinIO`, Ceph) and by the edge worker, which sends the jobs that it creates from
//! R2's events. On AWS, the function `ingest` receives the same bodies from SQS.

use api_types::events::{BucketEvent, EventResult};
use axum::Json;
use axum::extract::State;
use domain::event::SkipReason;
use platform::clock;

use crate::auth::{Caller, InsufficientScope, Scope};
use crate::error::ApiError;
use crate::extract::Body;
use crate::services::ingest::{IngestError, Ingested};
use crate::state::ApiState;

/// Processes an event; repeating it is not an error. After any status other than 2xx, the sender retries.
pub(crate) async fn receive(
    State(state): State<ApiState>,
    caller: Caller,
    Body(BucketEvent(event)): Body<BucketEvent>,
) -> Result<Json<EventResult>, ApiError> {
    if caller.owner.is_some() {
        // An event may refer to a video of any owner.
        return Err(InsufficientScope(Scope::Admin).into());
    }
    let body = serde_json::Value::Object(event).to_string();
    let mut result = EventResult::default();
    for outcome in state.ingest.process(&body, clock::now()).await? {
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
                    "the body: not a bucket notification: {detail}"
                )));
            }
            Ingested::Ignored(ignored) => result.ignored.push(ignored.to_string()),
        }
    }
    state.queue.finish_sends().await;
    Ok(Json(result))
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Catalog(error) => error.into(),
            IngestError::Queue(error) => error.into(),
            IngestError::Store(error) => error.into(),
            IngestError::UnreadableJob(detail) => Self::invalid(format!(
                "the body: this version cannot parse the job: {detail}"
            )),
        }
    }
}
