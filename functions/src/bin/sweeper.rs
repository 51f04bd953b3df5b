//! Lambda program, scheduled: cleans up.

use api::installation::{Installation, log};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    log();
    let sweeper = Installation::from_env().await?.sweeper();
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        Ok::<_, Error>(sweeper.sweep(platform::clock::now_ms()).await)
    }))
    .await
}
