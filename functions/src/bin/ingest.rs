//! Lambda program: turns bucket events from SQS into jobs.

use api::services::ingest::Ingest;
use aws_lambda_events::sqs::SqsEvent;
use functions::{emf, flushed, installation, log, variables};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let traces = log("edgereel-ingest")?;
    let ingest = Ingest::new(&installation(&variables().await?).await?);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let work = functions::batch::ingest(&ingest, event.payload, platform::clock::now());
        let response = flushed(&traces, work).await;
        emf::flush(ingest.catalog.metrics());
        Ok::<_, Error>(response)
    }))
    .await
}
