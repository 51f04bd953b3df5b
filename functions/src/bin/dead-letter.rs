//! Lambda program, scheduled: marks the videos of dead letters as failed.

use api::installation::{Installation, log};
use api::services::dead_letter::fail_videos;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    log();
    let installation = Installation::from_env().await?;
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        let failed = fail_videos(&*installation.queue, &installation.catalog, platform::clock::now_ms()).await?;
        Ok::<_, Error>(json!({ "failed": failed }))
    }))
    .await
}
