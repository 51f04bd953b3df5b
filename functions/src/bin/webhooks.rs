//! Lambda program, scheduled: sends due webhooks until shortly before the timeout of the function.

use api::webhooks::Webhooks;
use config::{WebhookArgs, WebhookKeyArgs};
use domain::time::UnixMillis;
use functions::{database, emf, flushed, log, variables};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let traces = log("edgereel-webhooks")?;
    let variables = variables().await?;
    let keys = variables.read::<WebhookKeyArgs>()?.webhook_keys;
    let policy = variables.read::<WebhookArgs>()?.policy();
    let webhooks = Webhooks::new(&database(&variables).await?, keys, policy);
    let dispatcher = webhooks.dispatcher()?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = UnixMillis::new(event.context.deadline);
        let work = dispatcher.dispatch_before(deadline, platform::clock::now());
        let sent = flushed(&traces, work).await;
        emf::flush(dispatcher.store.metrics());
        Ok::<_, Error>(sent?)
    }))
    .await
}
