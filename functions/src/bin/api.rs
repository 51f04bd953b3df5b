//! The API as a Lambda function: behind an HTTP API of API Gateway (stage `$default`), or at a function URL.

use api::{ApiSettings, ApiState};
use axum::middleware::from_fn;
use config::ApiArgs;
use functions::gateway::set_client_address;
use functions::{installation, log, variables};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    log()?;
    let variables = variables().await?;
    let mut settings = ApiSettings::try_from(variables.read::<ApiArgs>()?)?;
    // API Gateway sends a response when it is complete.
    settings.config.streams = false;
    let state = ApiState::new(&installation(&variables).await?, settings)?;
    lambda_http::run(api::router(state).layer(from_fn(set_client_address))).await
}
