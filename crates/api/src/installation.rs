//! Builds an installation from environment variables.

use std::sync::Arc;

use catalog::Catalog;
use catalog::accounts::Accounts;
use catalog::connect::{self, QueueUse};
use catalog::database::Database;
use catalog::idempotency::Idempotency;
use catalog::shares::Shares;
use domain::job::Mode;
use platform::job_queue::{MAX_RECEIVES, QueueName, SharedQueue};
use platform::net::Guard;
use platform::object_store::s3::S3Store;

use crate::auth::ApiToken;
use crate::edge_list::HttpEdgeList;
use crate::playback::Playback;
use crate::services::ingest::{EventCounts, Ingest};
use crate::services::rebuild::Rebuild;
use crate::services::sweeper::{SweepConfig, Sweeper};
use crate::settings::{ApiSettings, Environment, InvalidSettings, Services, WebhookSettings};
use crate::webhooks::{Dispatcher, DispatcherConfig, Sender, SenderError, TIMEOUT, Webhooks};
use crate::{ApiConfig, ApiState};

/// The services of an installation.
pub struct Installation {
    /// Their addresses.
    pub services: Services,
    /// Videos.
    pub catalog: Catalog,
    /// Jobs.
    pub queue: SharedQueue,
    /// Both buckets.
    pub store: Arc<S3Store>,
    database: Database,
}

impl Installation {
    /// Connects to the services that the environment names.
    ///
    /// # Errors
    /// If variables are missing or invalid, or a service cannot be reached.
    pub async fn from_env() -> anyhow::Result<Self> {
        let mut environment = Environment::of_process();
        let services = environment.services();
        // The functions receive no messages, so the name of the holder does not matter.
        Self::connect(environment.finish(Some(services))?, "functions").await
    }

    /// Connects to services. `holder` is the name of the receiver of jobs.
    ///
    /// # Errors
    /// If a service cannot be reached.
    pub async fn connect(services: Services, holder: &str) -> anyhow::Result<Self> {
        let (database, catalog) = connect::catalog(&services.database).await?;
        let how = QueueUse { name: QueueName::Interactive, max_receives: MAX_RECEIVES, holder };
        let queue = connect::queue(&services.queue, &database, how).await?;
        let store = Arc::new(S3Store::new(&services.store));
        Ok(Self { catalog, queue, store, database, services })
    }

    /// The service that processes bucket events.
    pub fn ingest(&self) -> Ingest {
        let config = ApiConfig::new(&self.services.store.private_bucket);
        Ingest {
            catalog: self.catalog.clone(),
            queue: self.queue.clone(),
            store: self.store.clone(),
            private_bucket: config.private_bucket,
            profile: config.default_profile,
            mode: Mode::Abr,
            counts: EventCounts::default(),
        }
    }

    /// The service that cleans up.
    pub fn sweeper(&self) -> Sweeper {
        Sweeper {
            catalog: self.catalog.clone(),
            queue: self.queue.clone(),
            store: self.store.clone(),
            signer: self.store.clone(),
            webhooks: catalog::webhooks::Webhooks::new(&self.database),
            shares: Shares::new(&self.database),
            ingest: self.ingest(),
            config: SweepConfig::default(),
        }
    }

    /// The service that rebuilds a lost catalog.
    pub fn rebuild(&self) -> Rebuild {
        Rebuild {
            catalog: self.catalog.clone(),
            store: self.store.clone(),
            private_bucket: self.services.store.private_bucket.clone(),
        }
    }

    /// The state of the API.
    pub fn api(&self, settings: ApiSettings) -> ApiState {
        let mut config = ApiConfig::new(&self.services.store.private_bucket);
        config.profiles.extend(settings.profiles);
        config.max_upload_bytes = settings.max_upload_bytes.unwrap_or(config.max_upload_bytes);
        config.public_url = settings.api_url;
        let owner_default = &mut config.owner_limits;
        owner_default.open_uploads = settings.max_open_uploads.or(owner_default.open_uploads).filter(|it| *it > 0);
        owner_default.videos = settings.owner_videos.filter(|it| *it > 0);
        owner_default.source_bytes = settings.owner_bytes.filter(|it| *it > 0);
        config.require_sizes = settings.require_sizes;
        config.upload_types = settings.upload_types.unwrap_or(config.upload_types);
        config.upload_url_life = settings.upload_url_life.unwrap_or(config.upload_url_life);
        config.identity_provider = settings.identity_provider;
        config.cors_origins = settings.cors_origins;
        config.limits = settings.limits;
        ApiState {
            ingest: self.ingest(),
            catalog: self.catalog.clone(),
            queue: self.queue.clone(),
            store: self.store.clone(),
            signer: self.store.clone(),
            token: Arc::new(ApiToken::new(&settings.token)),
            accounts: Accounts::new(&self.database),
            shares: Shares::new(&self.database),
            idempotency: Idempotency::new(&self.database),
            webhooks: self.webhooks(settings.webhooks),
            edge_list: Arc::new(HttpEdgeList::new(&settings.edge_url, settings.grant_keys.clone())),
            playback: Arc::new(Playback::new(&settings.edge_url, settings.grant_keys, settings.pass_keys)),
            config: Arc::new(config),
        }
    }

    /// The state of the webhook routes.
    fn webhooks(&self, settings: WebhookSettings) -> Webhooks {
        let (store, guard) = (catalog::webhooks::Webhooks::new(&self.database), Guard::new(settings.policy));
        Webhooks { store, keys: Arc::new(settings.keys), guard }
    }

    /// The service that sends webhooks.
    ///
    /// # Errors
    /// If the HTTP client cannot be created.
    pub fn dispatcher(&self, settings: WebhookSettings) -> Result<Dispatcher, SenderError> {
        let Webhooks { store, keys, guard } = self.webhooks(settings);
        Ok(Dispatcher { store, keys, sender: Sender::new(guard, TIMEOUT)?, config: DispatcherConfig::default() })
    }

    /// Closes the database; afterwards the services do not work.
    pub async fn close(self) {
        self.database.close().await;
    }
}

/// Reads the settings of the API from the environment.
///
/// # Errors
/// All missing or invalid variables.
pub fn api_settings() -> Result<ApiSettings, InvalidSettings> {
    let mut environment = Environment::of_process();
    let settings = environment.api();
    environment.finish(settings)
}

/// Reads the settings of webhooks from the environment.
///
/// # Errors
/// All missing or invalid variables.
pub fn webhook_settings() -> Result<WebhookSettings, InvalidSettings> {
    let mut environment = Environment::of_process();
    let settings = environment.webhooks();
    environment.finish(settings)
}

/// Initialises logging to standard error, one JSON object per line.
pub fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    // PostgreSQL sends a notice at each start that the tables exist.
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx::postgres::notice=warn"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}
