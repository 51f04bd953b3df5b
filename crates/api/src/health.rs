//! Liveness and readiness.

use std::time::Duration;

use api_types::health::{Health, Readiness, ServiceState};
use axum::Json;
use axum::extract::State;
use domain::ids::VideoId;
use domain::object_key::ObjectKey;
use http::StatusCode;
use platform::clock;
use platform::object_store::StoreError;

use crate::state::ApiState;

/// Timeout of each service.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) async fn healthz() -> Json<Health> {
    Json(Health {
        status: ServiceState::Ok,
    })
}

pub(crate) async fn readyz(State(state): State<ApiState>) -> (StatusCode, Json<Readiness>) {
    let (catalog, queue, store) = tokio::join!(
        works("catalog", state.catalog.ping(clock::now())),
        works("queue", state.queue.depth()),
        works("store", reach(&state)),
    );
    let ready = catalog && queue && store;
    let state_of = |works: bool| {
        if works {
            ServiceState::Ok
        } else {
            ServiceState::Failing
        }
    };
    let body = Readiness {
        status: state_of(ready),
        catalog: state_of(catalog),
        queue: state_of(queue),
        store: state_of(store),
    };
    (
        if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        },
        Json(body),
    )
}

/// Requests a nonexistent object: the cheapest request to the store.
async fn reach(state: &ApiState) -> Result<(), StoreError> {
    match state
        .store
        .head(&ObjectKey::Master {
            video: VideoId::new(0, [0; 10]),
        })
        .await
    {
        Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn works<T, E: std::error::Error>(
    what: &str,
    answer: impl Future<Output = Result<T, E>>,
) -> bool {
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
