//! `edgereel api`.

use std::time::Duration;

use api::services::rebuild::Rebuild;
use api::services::sweeper::Sweeper;
use api::{ApiSettings, ApiState, upload_cors};
use config::Installation;
use console::style;
use health::{Health, HealthServer, Services};
use metrics::otlp::Exporter;
use metrics::{Program, Source as _};
use platform::signals::{stop_on_signals, stop_when_stdin_ends};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::ApiServerArgs;
use crate::background::Background;
use crate::output::{CommandError, Output};
use crate::{Result, listen};

/// How long running requests may take at shutdown: less than supervisors wait before they kill the process.
const GRACE_PERIOD: Duration = Duration::from_secs(8);
/// One in this many file descriptors may be a client connection: the others are for the database, webhooks and a
/// reserve.
const CONNECTIONS_SHARE: usize = 2;

/// Warns at startup if browsers cannot upload from the allowed origins, instead of at their first upload.
pub(super) async fn check_upload_cors(state: ApiState, stop: CancellationToken) {
    for origin in state.config.cors_origins.iter().filter(|it| *it != "*") {
        let Some(checked) = stop
            .run_until_cancelled(upload_cors::check(&*state.signer, origin))
            .await
        else {
            return;
        };
        if let Err(problem) = checked {
            let problem = anyhow::Error::from(problem);
            tracing::warn!(
                "browsers cannot upload from {origin}: {problem:#}; see docs/uploads.md for the bucket's CORS rule"
            );
        }
    }
}

/// Serves until a signal.
///
/// # Errors
/// A usage error for an invalid configuration; a service that cannot be reached; a port that is in use.
pub async fn run(args: ApiServerArgs, output: &Output) -> Result {
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let settings =
        ApiSettings::try_from(args.api).map_err(|it| CommandError::Usage(it.to_string()))?;
    let has_proxy = settings.config.limits.address_header.is_some();
    let services = config::Services::try_from(args.services)
        .map_err(|it| CommandError::Usage(it.to_string()))?;
    let clients = args.clients.limits(CONNECTIONS_SHARE, has_proxy);
    let listener = listen::bind(args.listen).await?;
    let installation = Box::pin(Installation::connect(services, "api")).await?;
    let state = ApiState::new(&installation, settings)?;
    let mut background = JoinSet::new();
    if !args.no_background {
        let dispatcher = state.webhooks.dispatcher()?;
        let (queue, rebuild) = (
            installation.queue.clone(),
            (Rebuild::new(&installation), args.rebuild),
        );
        let sweeper = Sweeper::new(&installation, state.ingest.clone());
        Background::new(queue, sweeper, dispatcher, rebuild).start(&mut background, &stop);
    }
    background.spawn(check_upload_cors(state.clone(), stop.clone()));
    let health = Health {
        services: Services::of(&installation),
        metrics: state.metrics.clone(),
    };
    state.metrics.registry().begin(Program::Api);
    let health = args.health.start(health).await?;
    let exporter = Exporter::start(Program::Api, state.metrics.clone());
    let live = state.live.clone();
    let router = api::router(state);
    let url = listen::url(&listener)?;
    let address = health.as_ref().map(HealthServer::address);
    output.object(&json!({ "event": "listening", "api": url, "health": address }));
    output.line(format!(
        "{}  {url}/v1      (Ctrl-C to stop)",
        style("API ready.").green().bold()
    ));

    let serving = clients.serve(listener, router, stop.clone().cancelled_owned());
    let grace_period = async {
        stop.cancelled().await;
        live.end();
        tokio::time::sleep(GRACE_PERIOD).await;
    };
    tokio::select! {
        ended = serving => ended?,
        () = grace_period => tracing::warn!("aborted requests that did not finish in time"),
    }
    stop.cancel();
    while background.join_next().await.is_some() {}
    exporter.finish().await;
    drop(health);
    installation.close().await;
    output.object(&json!({ "event": "stopped" }));
    Ok(())
}
