//! Liveness and readiness.

use api_types::health::{Health, Readiness, ServiceState};
use axum::Json;
use axum::extract::State;
use health::Services;
use http::StatusCode;

use crate::state::ApiState;

pub(crate) async fn healthz() -> Json<Health> {
    Json(Health {
        status: ServiceState::Ok,
    })
}

pub(crate) async fn readyz(State(state): State<ApiState>) -> (StatusCode, Json<Readiness>) {
    let states = services(&state).states().await;
    let word = |works: bool| {
        if works {
            ServiceState::Ok
        } else {
            ServiceState::Failing
        }
    };
    let state_of = |name| word(states.iter().all(|it| it.0 != name || it.1));
    let ready = states.iter().all(|it| it.1);
    let body = Readiness {
        status: word(ready),
        catalog: state_of("catalog"),
        queue: state_of("queue"),
        store: state_of("store"),
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body))
}

/// The services of the API.
fn services(state: &ApiState) -> Services {
    Services::default()
        .with_catalog(&state.catalog)
        .with_queue(&state.queue)
        .with_store(state.store.clone())
}
