//! The API as a Lambda function: behind an HTTP API of API Gateway (stage `$default`), or at a function URL.

use api::installation::{Installation, api_settings, log};
use axum::middleware::from_fn;
use functions::gateway::set_client_address;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    log();
    let settings = api_settings()?;
    let installation = Installation::from_env().await?;
    lambda_http::run(api::router(installation.api(settings)).layer(from_fn(set_client_address))).await
}
