//! The API as a Lambda function: behind an HTTP API of API Gateway (stage `$default`), or at a function URL.

use api::{ApiSettings, ApiState};
use axum::middleware::from_fn;
use config::ApiArgs;
use functions::gateway::set_client_address;
use functions::{installation, log};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    log()?;
    let mut settings = ApiSettings::try_from(config::read::<ApiArgs>()?)?;
    // API Gateway sends a response when it is complete.
    settings.config.streams = false;
    let state = ApiState::new(&installation().await?, settings)?;
    lambda_http::run(api::router(state).layer(from_fn(set_client_address))).await
}
