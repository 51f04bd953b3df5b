//! The API as a Lambda function: behind an HTTP API of API Gateway (stage `$default`), or at a function URL.

use api::{ApiSettings, ApiState};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use config::ApiArgs;
use functions::emf::flush_after;
use functions::gateway::set_client_address;
use functions::{flushed, installation, log, variables};
use traces::Traces;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let traces = log("edgereel-api")?;
    let variables = variables().await?;
    let mut settings = ApiSettings::try_from(variables.read::<ApiArgs>()?)?;
    // API Gateway sends a response when it is complete.
    settings.config.streams = false;
    let installation = installation(&variables).await?;
    let metrics = installation.database.metrics().clone();
    let router = api::router(ApiState::new(&installation, settings)?)
        .layer(from_fn(set_client_address))
        .layer(from_fn_with_state(traces, send_spans))
        .layer(from_fn_with_state(metrics, flush_after));
    lambda_http::run(router).await
}

/// Sends the spans of a request before its response, after which the function is frozen.
async fn send_spans(State(traces): State<Traces>, request: Request, next: Next) -> Response {
    flushed(&traces, next.run(request)).await
}
