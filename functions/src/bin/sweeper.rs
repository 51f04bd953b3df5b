//! Lambda program, scheduled: cleans up.

use api::services::ingest::Ingest;
use api::services::sweeper::Sweeper;
use functions::{installation, log};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    log()?;
    let installation = installation().await?;
    let sweeper = Sweeper::new(&installation, Ingest::new(&installation));
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        Ok::<_, Error>(sweeper.sweep(platform::clock::now()).await)
    }))
    .await
}
