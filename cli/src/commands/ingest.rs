//! `edgereel ingest`.

use std::sync::Arc;

use api::services::ingest::Ingest;
use config::Installation;
use console::style;
use health::{Health, HealthServer, Services};
use metrics::Program;
use metrics::otlp::Exporter;
use platform::job_queue::sqs::SqsEvents;
use platform::signals::{stop_on_signals, stop_when_stdin_ends};
use serde_json::json;

use crate::Result;
use crate::args::IngestArgs;
use crate::background::events::EventsTask;
use crate::output::{CommandError, Output};

/// Processes events until a signal.
///
/// # Errors
/// A service that cannot be reached.
pub async fn run(args: IngestArgs, output: &Output) -> Result {
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let Some(queue) = args.events.events_queue else {
        return Err(CommandError::Usage(
            "EDGEREEL_EVENTS_QUEUE is not set".to_owned(),
        ));
    };
    let services = config::Services::try_from(args.services)
        .map_err(|it| CommandError::Usage(it.to_string()))?;
    let queue = Box::pin(SqsEvents::open(&queue.0)).await?;
    let installation = Box::pin(Installation::connect(services, "ingest")).await?;
    let ingest = Ingest::new(&installation);
    let metrics = Arc::new(installation.database.metrics().clone());
    metrics.begin(Program::Ingest);
    let health = Health {
        services: Services::of(&installation),
        metrics: metrics.clone(),
    };
    let health = args.health.start(health).await?;
    let exporter = Exporter::start(Program::Ingest, metrics);
    let address = health.as_ref().map(HealthServer::address);
    output.object(&json!({ "event": "working", "health": address }));
    let ready = style("Ingest ready.").green().bold();
    output.line(format!(
        "{ready}  Receives the events of the bucket.      (Ctrl-C to stop)"
    ));
    EventsTask { queue, ingest }.run(stop).await;
    exporter.finish().await;
    drop(health);
    installation.close().await;
    output.object(&json!({ "event": "stopped" }));
    Ok(())
}
