//! Liveness and readiness.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::ids::VideoId;
use domain::object_key::ObjectKey;
use http::StatusCode;
use platform::object_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::ApiState;
use platform::clock::now_ms;

/// Timeout of each service.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The state of a service.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Word {
    Ok,
    Failing,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    status: Word,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// The combined state.
    status: Word,
    catalog: Word,
    queue: Word,
    store: Word,
}

pub(crate) async fn healthz() -> Json<Health> {
    Json(Health { status: Word::Ok })
}

pub(crate) async fn readyz(State(state): State<ApiState>) -> (StatusCode, Json<Readiness>) {
    let (catalog, queue, store) = tokio::join!(
        works("catalog", state.catalog.ping(now_ms())),
        works("queue", state.queue.depth()),
        works("store", reach(&state)),
    );
    let ready = catalog && queue && store;
    let word = |works: bool| if works { Word::Ok } else { Word::Failing };
    let body = Readiness { status: word(ready), catalog: word(catalog), queue: word(queue), store: word(store) };
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}

/// Requests a nonexistent object: the cheapest request that the store must answer.
async fn reach(state: &ApiState) -> Result<(), StoreError> {
    match state.store.head(&ObjectKey::Master { video: VideoId::new(0, [0; 10]) }).await {
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn works<T, E: std::error::Error>(what: &str, answer: impl Future<Output = Result<T, E>>) -> bool {
    match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            tracing::warn!("{what} is not ready: {error}");
            false
        }
        Err(_) => {
            tracing::warn!("{what} is not ready: no response within {TIMEOUT:?}");
            false
        }
    }
}
