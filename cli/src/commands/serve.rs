//! `edgereel serve`.

use std::time::Duration;

use api::ApiSettings;
use config::{EdgeListChoice, Installation};
use console::style;
use health::{Health, HealthServer, Services};
use metrics::Program;
use metrics::otlp::Exporter;
use platform::job_queue::sqs::SqsEvents;
use platform::signals::{stop_on_signals, stop_when_stdin_ends};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transcoder::WorkerConfig;
use transcoder::setup::{verified_tools, verify_codecs};

use super::api::check_upload_cors;
use crate::args::ServeArgs;
use crate::background::events::EventsTask;
use crate::output::{CommandError, Output};
use crate::system::{Beside, Front, System, SystemSettings, proxy};
use crate::{Result, listen};

/// How long running requests may take at shutdown: less than supervisors wait before they kill the process.
const GRACE_PERIOD: Duration = Duration::from_secs(8);
/// The name of its worker, if the database belongs to this process alone.
const WORKER: &str = "serve";
/// One in this many file descriptors may be a client connection: a request of a player may use one more for the store,
/// and the transcoder needs some.
const CONNECTIONS_SHARE: usize = 4;

/// Serves until a signal.
///
/// # Errors
/// A usage error for an invalid configuration; no FFmpeg; a service that cannot be reached; a port that is in use.
pub async fn run(mut args: ServeArgs, output: &Output) -> Result {
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let usage = |it: &dyn std::fmt::Display| CommandError::Usage(it.to_string());
    if args.api.edge_list.edge_list == EdgeListChoice::WorkersKv {
        let problem =
            "EDGEREEL_EDGE_LIST: `edgereel serve` is the edge and keeps the list in its database";
        return Err(usage(&problem));
    }
    let Some(passes) = args.api.pass_keys.clone() else {
        return Err(usage(&"EDGEREEL_PASS_KEYS is not set"));
    };
    let wrapping = args.keys.key_encryption_keys;
    // One server has one `serve` over a SQLite file, so the name of its worker need not be unique.
    let own_file = args.services.database.is_file();
    let keeps_name = own_file || args.worker.name.is_some();
    if own_file && args.worker.name.is_none() {
        args.worker.name = Some(WORKER.to_owned());
    }
    let worker = WorkerConfig {
        prices: args.api.prices.prices(),
        ..args.worker.config(&args.api.profiles, &args.api.sources)?
    };
    let mut api = ApiSettings::try_from(args.api).map_err(|it| usage(&it))?;
    let listener = listen::bind(args.listen).await?;
    let url = listen::url(&listener)?;
    if api.config.public_url.is_empty() {
        api.config.public_url.clone_from(&url);
    }
    if api.edge_url.is_empty() {
        api.edge_url.clone_from(&api.config.public_url);
    }
    let has_proxy = api.config.limits.address_header.is_some();
    let proxy = proxy(api.config.limits.address_header.clone(), &args.playback)?;
    args.ffmpeg
        .check_memory(worker.profiles.values(), worker.jobs)?;
    let tools = verified_tools(&args.ffmpeg, worker.jobs).await?;
    verify_codecs(&tools, worker.profiles.values()).await?;
    let events = match args.events.events_queue {
        Some(queue) => Some(Box::pin(SqsEvents::open(&queue.0)).await?),
        None => None,
    };
    let services = config::Services::try_from(args.services)
        .map_err(|it| CommandError::Usage(it.to_string()))?;
    let connected = Installation::connect(services, &worker.name);
    let installation = Box::pin(connected).await?;
    if keeps_name {
        installation.release_stale(&worker.name).await?;
    }
    let services = Services::of(&installation);
    let (pages, ffmpeg) = (api.config.public_url.clone(), tools.version.clone());
    let settings = SystemSettings {
        api,
        passes,
        wrapping,
        playback: args.playback.config(),
        counts_views: args.playback.counts_views(),
        proxy,
        tools,
        worker,
        sign_in: None,
        rebuild: args.rebuild,
    };
    let system = System::build(installation, settings)?;
    let health = Health {
        services,
        metrics: system.state.metrics.clone(),
    };
    let health = args.health.start(health).await?;
    let exporter = Exporter::start(Program::Serve, system.state.metrics.clone());
    let mut beside = Beside {
        tasks: JoinSet::new(),
        stop: CancellationToken::new(),
    };
    if let Some(queue) = events {
        let ingest = system.ingest();
        let (task, stop) = (EventsTask { queue, ingest }, beside.stop.clone());
        beside.tasks.spawn(async move {
            task.run(stop).await;
            Ok(())
        });
    }
    let mut checks = JoinSet::new();
    checks.spawn(check_upload_cors(system.state.clone(), stop.clone()));

    let address = health.as_ref().map(HealthServer::address);
    output.object(&json!({ "event": "listening", "api": url, "edge": url, "public": pages, "health": address }));
    let ready = style("Edgereel is running.").green().bold();
    output.line(format!("{ready}  {ffmpeg}"));
    output.line(format!("  Listens  {url}"));
    output.line(format!("  Web      {pages}"));
    output.line(format!("  API      {pages}/v1      (Ctrl-C to stop)"));
    let front = Front {
        listener,
        limits: args.clients.limits(CONNECTIONS_SHARE, has_proxy),
        grace: GRACE_PERIOD,
    };
    let ended = Box::pin(system.run(front, beside, stop)).await;
    exporter.finish().await;
    drop(health);
    output.object(&json!({ "event": "stopped" }));
    Ok(ended?)
}
