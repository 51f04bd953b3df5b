//! Lambda program: turns bucket events from SQS into jobs.

use api::installation::{Installation, log};
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    log();
    let ingest = Installation::from_env().await?.ingest();
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(functions::batch::ingest(&ingest, event.payload, platform::clock::now_ms()).await)
    }))
    .await
}
