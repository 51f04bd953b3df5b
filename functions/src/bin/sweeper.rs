//! Lambda program, scheduled: cleans up, reports how long the oldest job has waited, and starts transcoders if jobs wait.

use api::services::ingest::Ingest;
use api::services::sweeper::Sweeper;
use functions::{FLUSH_LIMIT, emf, installation, log, variables};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use metrics::table::OLDEST_JOB_WAIT;
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let traces = log("edgereel-sweeper")?;
    let installation = installation(&variables().await?).await?;
    let sweeper = Sweeper::new(&installation, Ingest::new(&installation));
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        let now = platform::clock::now();
        // SQS does not count messages that were received three times or more.
        match sweeper.catalog.oldest_queued().await {
            Ok(oldest) => {
                let wait = oldest.map_or(0, |it| now.since(it).as_secs());
                let metrics = sweeper.catalog.metrics();
                metrics.set(&OLDEST_JOB_WAIT, [], wait as f64);
                // The clean-up may take until the timeout of the function.
                emf::flush(metrics);
            }
            Err(problem) => {
                tracing::warn!(
                    "cannot read the oldest job: {:#}",
                    anyhow::Error::from(problem)
                );
            }
        }
        let swept = sweeper.sweep(now).await;
        sweeper.queue.start_workers().await;
        emf::flush(sweeper.catalog.metrics());
        traces.flush(FLUSH_LIMIT).await;
        Ok::<_, Error>(swept)
    }))
    .await
}
