//! Lambda program, scheduled: sends due webhooks until shortly before the timeout of the function.

use api::installation::{Installation, log, webhook_settings};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    log();
    let settings = webhook_settings()?;
    let dispatcher = Installation::from_env().await?.dispatcher(settings)?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline_ms = event.context.deadline;
        Ok::<_, Error>(dispatcher.dispatch_before(deadline_ms, platform::clock::now_ms()).await?)
    }))
    .await
}
