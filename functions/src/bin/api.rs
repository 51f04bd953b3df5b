//! The API as a Lambda function: behind an HTTP API of API Gateway (stage `$default`), or at a function URL.

use api::{ApiSettings, ApiState};
use axum::middleware::{from_fn, from_fn_with_state};
use config::ApiArgs;
use functions::emf::flush_after;
use functions::gateway::set_client_address;
use functions::{installation, log, variables};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    log()?;
    let variables = variables().await?;
    let mut settings = ApiSettings::try_from(variables.read::<ApiArgs>()?)?;
    // API Gateway sends a response when it is complete.
    settings.config.streams = false;
    let installation = installation(&variables).await?;
    let metrics = installation.database.metrics().clone();
    let router = api::router(ApiState::new(&installation, settings)?)
        .layer(from_fn(set_client_address))
        .layer(from_fn_with_state(metrics, flush_after));
    lambda_http::run(router).await
}
