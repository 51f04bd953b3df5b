//! `edgereel api`.

use std::time::Duration;

use api::installation::Installation;
use api::settings::Environment;
use api::{ApiState, upload_cors};
use console::style;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::ServeApiArgs;
use crate::background::Background;
use crate::output::{CommandError, Output};
use crate::signals::{stop_on_signals, stop_when_stdin_ends};
use crate::{Result, listen};

/// How long running requests may take at shutdown: less than supervisors wait before they kill the process.
const GRACE_PERIOD: Duration = Duration::from_secs(8);
/// One in this many file descriptors may be a client connection: the others are for the database, webhooks and a
/// reserve.
const CONNECTIONS_SHARE: usize = 2;

/// Warns at startup if browsers cannot upload from the allowed origins, instead of at their first upload.
async fn check_upload_cors(state: ApiState, stop: CancellationToken) {
    for origin in state.config.cors_origins.iter().filter(|it| *it != "*") {
        let Some(checked) = stop.run_until_cancelled(upload_cors::check(&*state.signer, origin)).await else { return };
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
pub async fn run(args: ServeApiArgs, output: &Output) -> Result {
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let mut environment = Environment::of_process();
    let (services, settings) = (environment.services(), environment.api());
    let read = environment.finish(settings.map(|it| (services, it)));
    let (services, settings) = read.map_err(|it| CommandError::Usage(it.to_string()))?;

    let clients = args.clients.limits(CONNECTIONS_SHARE, settings.limits.address_header.is_some());
    let listener = listen::bind(args.listen).await?;
    let installation = Box::pin(Installation::connect(services, "api")).await?;
    let mut background = JoinSet::new();
    if !args.no_background {
        let dispatcher = installation.dispatcher(settings.webhooks.clone())?;
        let (queue, rebuild) = (installation.queue.clone(), (installation.rebuild(), args.rebuild));
        Background::new(queue, installation.sweeper(), dispatcher, rebuild).start(&mut background, &stop);
    }
    let state = installation.api(settings);
    background.spawn(check_upload_cors(state.clone(), stop.clone()));
    let router = api::router(state);
    let url = listen::url(&listener)?;
    output.object(&json!({ "event": "listening", "api": url }));
    output.line(format!("{}  {url}/v1      (Ctrl-C to stop)", style("API ready.").green().bold()));

    let serving = clients.serve(listener, router, stop.clone().cancelled_owned());
    let grace_period = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE_PERIOD).await;
    };
    tokio::select! {
        ended = serving => ended?,
        () = grace_period => tracing::warn!("aborted requests that did not finish in time"),
    }
    stop.cancel();
    while background.join_next().await.is_some() {}
    installation.close().await;
    output.object(&json!({ "event": "stopped" }));
    Ok(())
}
