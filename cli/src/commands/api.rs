//! `edgereel api`.

use std::time::Duration;

use console::style;
use functions::installation::Installation;
use functions::settings::{Environment, process_variable};
use functions::{ApiState, upload_cors};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::ServeApiArgs;
use crate::background::Background;
use crate::output::{Output, Stop};
use crate::signals::{stop_on_signals, stop_when_stdin_ends};
use crate::{Result, listen};

/// How long requests that have begun may take once everything stops: less than whoever stops us waits.
const LAST_REQUESTS: Duration = Duration::from_secs(8);
/// One in so many descriptors may be a client's connection: the others are the database, webhooks, and room.
const CONNECTIONS_SHARE: usize = 2;

/// Warns where pages that may call the API cannot upload: the first upload of a browser is a bad moment to learn it.
async fn ask_bucket(state: ApiState, stop: CancellationToken) {
    for origin in state.config.cors_origins.iter().filter(|it| *it != "*") {
        let Some(asked) = stop.run_until_cancelled(upload_cors::check(&*state.signer, origin)).await else { return };
        if let Err(problem) = asked {
            let problem = anyhow::Error::from(problem);
            tracing::warn!(
                "browsers cannot upload from {origin}: {problem:#}; see docs/uploads.md for the bucket's CORS rule"
            );
        }
    }
}

/// Answers until a signal.
///
/// # Errors
/// `Usage` for an environment that is not complete; what cannot be reached; a port that is taken.
pub async fn run(args: ServeApiArgs, output: &Output) -> Result {
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let mut environment = Environment::new(&process_variable);
    let (services, settings) = (environment.services(), environment.api());
    let read = environment.finish(settings.map(|it| (services, it)));
    let (services, settings) = read.map_err(|it| Stop::Usage(it.to_string()))?;

    let clients = args.clients.limits(CONNECTIONS_SHARE, settings.limits.address_header.is_some());
    let listener = listen::at(args.listen).await?;
    let installation = Box::pin(Installation::connect(services, "api")).await?;
    let mut background = JoinSet::new();
    if !args.no_background {
        let dispatcher = installation.dispatcher(settings.webhooks.clone())?;
        let (queue, rebuild) = (installation.queue.clone(), (installation.rebuild(), args.rebuild));
        Background::new(queue, installation.sweeper(), dispatcher, rebuild).start(&mut background, &stop);
    }
    let state = installation.api(settings);
    background.spawn(ask_bucket(state.clone(), stop.clone()));
    let router = functions::router(state);
    let url = listen::url(&listener)?;
    output.object(&json!({ "event": "listening", "api": url }));
    output.line(format!("{}  {url}/v1      (Ctrl-C to stop)", style("API ready.").green().bold()));

    let serving = clients.serve(listener, router, stop.clone().cancelled_owned());
    let patience = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_REQUESTS).await;
    };
    tokio::select! {
        ended = serving => ended?,
        () = patience => tracing::warn!("aborted requests that did not finish in time"),
    }
    stop.cancel();
    while background.join_next().await.is_some() {}
    installation.close().await;
    output.object(&json!({ "event": "stopped" }));
    Ok(())
}
