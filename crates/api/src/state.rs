//! The state of the API, shared by all routes.

use std::sync::Arc;

use catalog::accounts::Accounts;
use catalog::idempotency::Idempotency;
use catalog::shares::Shares;
use catalog::{Catalog, EdgeEntries};
use config::Installation;
use platform::job_queue::SharedQueue;
use platform::object_store::SharedStore;
use platform::object_store::uploads::UploadSigner;

use crate::auth::ApiToken;
use crate::auth::identity::{IdentityError, IdentityProvider};
use crate::config::{ApiConfig, ApiSettings};
use crate::edge_list::{self, SharedRevocations};
use crate::live::LiveVideos;
use crate::metrics::Metrics;
use crate::playback::Playback;
use crate::services::ingest::Ingest;
use crate::session::SignInLink;
use crate::webhooks::Webhooks;
use web_app::WebApp;

/// The state of the API. Clones share it.
#[derive(Clone)]
pub struct ApiState {
    /// Videos.
    pub catalog: Catalog,
    /// Queried for readiness.
    pub queue: SharedQueue,
    /// Turns sources that arrived into jobs.
    pub ingest: Ingest,
    /// Both buckets.
    pub store: SharedStore,
    /// The same store, to presign uploads.
    pub signer: Arc<dyn UploadSigner>,
    /// The installation token.
    pub token: Arc<ApiToken>,
    /// The identity provider whose JWTs are accepted.
    pub identity: Option<Arc<IdentityProvider>>,
    /// API keys.
    pub accounts: Accounts,
    /// Share links.
    pub shares: Shares,
    /// Requests with an `Idempotency-Key`.
    pub idempotency: Idempotency,
    /// Creates playback URLs.
    pub playback: Arc<Playback>,
    /// The revocation list of the edge.
    pub revocations: SharedRevocations,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// Changes of videos, for clients that listen.
    pub live: LiveVideos,
    /// The pages of the web app.
    pub pages: WebApp,
    /// The link that signs a browser in, for `edgereel dev`.
    pub sign_in: Option<SignInLink>,
    /// Metrics of this process.
    pub metrics: Arc<Metrics>,
    /// Limits and names.
    pub config: Arc<ApiConfig>,
}

impl ApiState {
    /// The state of an API over the services of an installation.
    ///
    /// # Errors
    /// For an invalid identity provider.
    pub fn new(installation: &Installation, settings: ApiSettings) -> Result<Self, IdentityError> {
        let ApiSettings {
            edge_url,
            grant_keys,
            pass_keys,
            config,
            ..
        } = settings;
        let mut ingest = Ingest::new(installation);
        ingest.profile.clone_from(&config.default_profile);
        let own_list = Arc::new(EdgeEntries::new(&installation.database));
        let place = settings.edge_list;
        let revocations = edge_list::configured(place, &edge_url, grant_keys.clone(), own_list);
        let playback = Arc::new(Playback::new(&edge_url, grant_keys, pass_keys));
        let identity = settings.identity.map(IdentityProvider::new).transpose()?;
        let metrics = Arc::new(Metrics::new(&installation.queue, &installation.catalog));
        Ok(Self {
            ingest,
            metrics,
            catalog: installation.catalog.clone(),
            live: LiveVideos::new(&installation.catalog, &playback),
            queue: installation.queue.clone(),
            store: installation.store.clone(),
            signer: installation.store.clone(),
            token: Arc::new(ApiToken::new(&settings.token)),
            identity: identity.map(Arc::new),
            accounts: Accounts::new(&installation.database),
            shares: Shares::new(&installation.database),
            idempotency: Idempotency::new(&installation.database),
            webhooks: Webhooks::new(
                &installation.database,
                settings.webhook_keys,
                settings.webhook_policy,
            ),
            pages: WebApp::new(
                other_origin(&edge_url, &config.public_url),
                installation.store.upload_origin(),
            ),
            sign_in: None,
            revocations,
            playback,
            config: Arc::new(config),
        })
    }
}

/// The origin of a URL; empty if it is that of the public URL.
fn other_origin<'a>(url: &'a str, public_url: &str) -> &'a str {
    let own = origin(public_url);
    Some(origin(url))
        .filter(|it| *it != own)
        .unwrap_or_default()
}

fn origin(url: &str) -> &str {
    let path = url
        .find("://")
        .and_then(|it| url[it + 3..].find('/').map(|at| it + 3 + at));
    path.map_or(url, |at| &url[..at])
}
