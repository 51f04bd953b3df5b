//! Lambda program, scheduled: marks the videos of dead letters as failed, and starts transcoders if jobs wait.

use api::services::dead_letter::fail_videos;
use catalog::Catalog;
use functions::{database, emf, flushed, log, queue, variables};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let traces = log("edgereel-dead-letter")?;
    let variables = variables().await?;
    let database = database(&variables).await?;
    let queue = queue(&variables, &database).await?;
    let catalog = Catalog::new(&database);
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        let work = async {
            let failed = fail_videos(&*queue, &catalog, platform::clock::now()).await;
            emf::flush(database.metrics());
            let failed = failed?;
            queue.start_workers().await;
            Ok::<_, Error>(json!({ "failed": failed }))
        };
        flushed(&traces, work).await
    }))
    .await
}
