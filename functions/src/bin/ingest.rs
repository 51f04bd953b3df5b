//! Lambda program: turns bucket events from SQS into jobs.

use api::services::ingest::Ingest;
use aws_lambda_events::sqs::SqsEvent;
use functions::{emf, installation, log, variables};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    log()?;
    let ingest = Ingest::new(&installation(&variables().await?).await?);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let now = platform::clock::now();
        let response = functions::batch::ingest(&ingest, event.payload, now).await;
        emf::flush(ingest.catalog.metrics());
        Ok::<_, Error>(response)
    }))
    .await
}
