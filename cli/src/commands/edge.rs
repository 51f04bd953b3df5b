//! `edgereel edge`.

use catalog::Catalog;
use catalog::database::DatabaseConfig;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use console::style;
use edge_server::Views;
use health::{Health, HealthServer, Services};
use metrics::Program;
use metrics::otlp::Exporter;
use platform::object_store::s3::S3Store;
use platform::signals::{stop_on_signals, stop_when_stdin_ends};
use serde_json::json;

use crate::args::EdgeServerArgs;
use crate::output::Output;
use crate::views::ViewTask;
use crate::{Result, listen, system};

/// How long running requests may take at shutdown: less than supervisors wait before they kill the process.
const GRACE_PERIOD: Duration = Duration::from_secs(8);
/// One in this many file descriptors may be a client connection: each request may use one more for the store.
const CONNECTIONS_SHARE: usize = 3;

/// Serves until a signal.
///
/// # Errors
/// A database that cannot be reached; a port that is in use.
pub async fn run(args: EdgeServerArgs, output: &Output) -> Result {
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let has_proxy = args.edge.client_address_header.is_some();
    let clients = args.clients.limits(CONNECTIONS_SHARE, has_proxy);
    let listener = listen::bind(args.listen).await?;
    let database = DatabaseConfig::from(args.services.database).open().await?;
    let catalog = Catalog::new(&database);
    let store = Arc::new(S3Store::new(&args.services.store.into()));
    let services = Services::default()
        .with_catalog(&catalog)
        .with_store(store.clone());
    let views = args.edge.playback.counts_views().then(|| ViewTask {
        views: Arc::new(Views::default()),
        catalog,
    });
    let counter = views.as_ref().map(|it| it.views.clone());
    let edge = system::edge(&args.edge, store, system::list(&database), counter)?;
    let metrics = Arc::new(database.metrics().clone());
    metrics.begin(Program::Edge);
    let health = Health {
        services: services.clone(),
        metrics: metrics.clone(),
    };
    let health = args.health.start(health).await?;
    let exporter = Exporter::start(Program::Edge, metrics.clone());
    let count = from_fn_with_state((*metrics).clone(), system::count_edge_response);
    let router = edge_server::router(edge)
        .layer(count)
        .merge(health::routes(services));
    let url = listen::url(&listener)?;
    let address = health.as_ref().map(HealthServer::address);
    output.object(&json!({ "event": "listening", "edge": url, "health": address }));
    let ready = style("Edge ready.").green().bold();
    output.line(format!("{ready}  {url}/v/...      (Ctrl-C to stop)"));

    let storing = views
        .clone()
        .map(|it| tokio::spawn(it.run(stop.child_token())));
    let serving = clients.serve(listener, router, stop.clone().cancelled_owned());
    let grace_period = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE_PERIOD).await;
    };
    tokio::select! {
        ended = serving => ended?,
        () = grace_period => tracing::warn!("aborted requests that did not finish in time"),
    }
    if let Some(storing) = storing {
        // It may be storing: what it cannot store, it puts back.
        let _ = storing.await;
    }
    if let Some(views) = views {
        views.store().await;
    }
    exporter.finish().await;
    drop(health);
    database.close().await;
    output.object(&json!({ "event": "stopped" }));
    Ok(())
}
