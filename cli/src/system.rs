//! API, events, background tasks, transcoder and edge in one process: what `edgereel serve` and `edgereel dev` share.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::edge_list::OwnList;
use api::services::ingest::Ingest;
use api::services::rebuild::Rebuild;
use api::services::sweeper::Sweeper;
use api::session::SignInLink;
use api::{ApiSettings, ApiState};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use catalog::EdgeEntries;
use catalog::database::Database;
use config::Installation;
use domain::content_key::KeyEncryptionKeys;
use domain::keyring::{Keyring, PassKeys};
use domain::playback::Config;
use edge_server::{CachedList, Edge, TrustedProxy, Views};
use metrics::table::EDGE_RESPONSES;
use metrics::{Program, Registry};
use platform::edge_list::SharedEdgeList;
use platform::object_store::SharedStore;
use serve::ServeLimits;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use transcoder::{Tools, Worker, WorkerConfig};

use crate::Result;
use crate::background::Background;
use crate::output::CommandError;
use crate::views::ViewTask;

/// The settings of a [`System`], besides its services.
pub(crate) struct SystemSettings {
    pub(crate) api: ApiSettings,
    /// The keys of passes, which the API may lack but the edge may not.
    pub(crate) passes: PassKeys,
    /// The keys that wrap content keys.
    pub(crate) wrapping: KeyEncryptionKeys,
    pub(crate) playback: Config,
    pub(crate) proxy: Option<TrustedProxy>,
    /// Whether the edge counts views.
    pub(crate) counts_views: bool,
    pub(crate) tools: Tools,
    pub(crate) worker: WorkerConfig,
    /// Signs the first browser in.
    pub(crate) sign_in: Option<SignInLink>,
    /// Whether to rebuild the catalog from the buckets.
    pub(crate) rebuild: bool,
}

/// All components, connected.
pub(crate) struct System {
    pub(crate) state: ApiState,
    database: Database,
    router: axum::Router,
    background: Background,
    worker: Worker,
    views: Option<ViewTask>,
}

/// What clients connect to.
pub(crate) struct Front {
    pub(crate) listener: TcpListener,
    pub(crate) limits: ServeLimits,
    /// How long running requests may take at shutdown.
    pub(crate) grace: Duration,
}

/// Tasks that run as long as requests are served.
pub(crate) struct Beside {
    pub(crate) tasks: JoinSet<std::io::Result<()>>,
    /// Ends them, after the worker has ended.
    pub(crate) stop: CancellationToken,
}

impl System {
    /// Connects the components over the services of an installation.
    ///
    /// # Errors
    /// For an invalid identity provider or webhook client.
    pub(crate) fn build(installation: Installation, settings: SystemSettings) -> Result<Self> {
        let SystemSettings {
            api,
            passes,
            wrapping,
            playback,
            proxy,
            counts_views,
            tools,
            worker,
            sign_in,
            rebuild,
        } = settings;
        let keyring = Keyring {
            grants: api.grant_keys.clone(),
            passes,
        };
        let mut state = ApiState::new(&installation, api)?;
        state.sign_in = sign_in;
        // One list for both, so that the edge of this process knows a revocation at once.
        let list = list(&installation.database);
        state.revocations = Arc::new(OwnList(list.clone()));
        let background = Background::new(
            installation.queue.clone(),
            Sweeper::new(&installation, state.ingest.clone()),
            state.webhooks.dispatcher()?,
            (Rebuild::new(&installation), rebuild),
        );
        let views = counts_views.then(|| ViewTask {
            views: Arc::new(Views::default()),
            catalog: state.catalog.clone(),
        });
        let edge = Edge {
            store: installation.store.clone(),
            keys: keyring,
            key_encryption_keys: wrapping.clone(),
            config: playback,
            proxy,
            now: Box::new(edge_server::system_time),
            list,
            views: views.as_ref().map(|it| it.views.clone()),
        };
        let worker = Worker::new(&installation, wrapping, tools, worker);
        let metrics = installation.database.metrics();
        metrics.begin(Program::Serve);
        let count = from_fn_with_state(metrics.clone(), count_edge_response);
        let edge = edge_server::routes(edge).route_layer(count);
        Ok(Self {
            router: edge.merge(api::router(state.clone())),
            database: installation.database,
            state,
            background,
            worker,
            views,
        })
    }

    /// Turns events into jobs.
    pub(crate) fn ingest(&self) -> Ingest {
        self.state.ingest.clone()
    }

    /// Runs until `stop` is cancelled, then shuts down in order: the worker releases its job, running requests finish,
    /// and the database is closed.
    ///
    /// # Errors
    /// If a component ended unexpectedly.
    pub(crate) async fn run(
        self,
        front: Front,
        beside: Beside,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let Beside {
            tasks: mut serving,
            stop: stop_serving,
        } = beside;
        let mut work = JoinSet::new();
        let ends = stop_serving.clone().cancelled_owned();
        serving.spawn(front.limits.serve(front.listener, self.router, ends));
        let (worker, worker_stop) = (self.worker, stop.child_token());
        work.spawn(async move { worker.run(worker_stop).await });
        self.background.start(&mut work, &stop.child_token());
        if let Some(views) = self.views.clone() {
            work.spawn(views.run(stop.child_token()));
        }

        tokio::select! {
            // First: components that end after `stop` have not ended unexpectedly.
            biased;
            () = stop.cancelled() => {}
            ended = serving.join_next() => unexpected("the API", ended)?,
            ended = work.join_next() => unexpected("the worker", ended.map(|it| it.map(Ok)))?,
        }
        stop.cancel();
        while work.join_next().await.is_some() {}
        stop_serving.cancel();
        self.state.live.end();
        // Dropping the set aborts the remaining tasks.
        let _ = tokio::time::timeout(front.grace, async {
            while serving.join_next().await.is_some() {}
        })
        .await;
        if let Some(views) = self.views {
            views.store().await;
        }
        self.database.close().await;
        Ok(())
    }
}

/// Middleware that counts responses to viewers by status.
pub(crate) async fn count_edge_response(
    State(metrics): State<Registry>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    metrics.count(&EDGE_RESPONSES, [response.status().as_str()]);
    response
}

/// The edge's list in a database, for the edge of this process.
pub(crate) fn list(database: &Database) -> SharedEdgeList {
    Arc::new(CachedList::new(Arc::new(EdgeEntries::new(database))))
}

/// An edge over a store, as a program of its own.
///
/// # Errors
/// A usage error for the header of a proxy that sends no address.
pub(crate) fn edge(
    args: &config::EdgeArgs,
    store: SharedStore,
    list: SharedEdgeList,
    views: Option<Arc<Views>>,
) -> Result<Edge> {
    Ok(Edge {
        store,
        keys: args.keyring(),
        key_encryption_keys: args.keys.key_encryption_keys.clone(),
        config: args.playback.config(),
        proxy: proxy(args.client_address_header.clone(), &args.playback)?,
        now: Box::new(edge_server::system_time),
        list,
        views,
    })
}

/// The trusted proxy, if the settings name its headers.
///
/// # Errors
/// A usage error for the header of a proxy that sends no address.
pub(crate) fn proxy(
    address_header: Option<http::HeaderName>,
    playback: &config::PlaybackArgs,
) -> Result<Option<TrustedProxy>> {
    let country_header = playback.client_country_header.clone();
    match address_header {
        Some(address_header) => Ok(Some(TrustedProxy {
            address_header,
            country_header,
        })),
        None if country_header.is_some() => Err(CommandError::Usage(
            "EDGEREEL_CLIENT_COUNTRY_HEADER needs EDGEREEL_CLIENT_ADDRESS_HEADER".to_owned(),
        )),
        None => Ok(None),
    }
}

/// A component must not end before `stop` is cancelled.
///
/// # Errors
/// Always.
pub(crate) fn unexpected(
    what: &str,
    ended: Option<std::result::Result<std::io::Result<()>, JoinError>>,
) -> anyhow::Result<()> {
    match ended {
        Some(Ok(Err(error))) => Err(error).with_context(|| format!("{what} failed")),
        Some(Err(panic)) => Err(panic).with_context(|| format!("{what} failed")),
        Some(Ok(Ok(()))) | None => Err(anyhow::anyhow!("{what} ended unexpectedly")),
    }
}
