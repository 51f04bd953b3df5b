//! Builds the components of `edgereel dev`.

use std::sync::Arc;

use anyhow::Context as _;
use api::auth::ApiToken;
use api::edge_list::HttpEdgeList;
use api::playback::Playback;
use api::services::ingest::{EventCounts, Ingest};
use api::services::rebuild::Rebuild;
use api::services::sweeper::{SweepConfig, Sweeper};
use api::webhooks::{Dispatcher, DispatcherConfig, Sender, Webhooks};
use api::{ApiConfig, ApiState};
use axum::Router;
use catalog::Catalog;
use catalog::SqlQueue;
use catalog::accounts::Accounts;
use catalog::database::{Database, open, open_sqlite};
use catalog::idempotency::Idempotency;
use catalog::shares::Shares;
use domain::content_key::KeyEncryptionKeys;
use domain::job::Mode;
use domain::keyring::{GrantKeys, Keyring, PassKeys};
use domain::object_key::UPLOADS_PREFIX;
use domain::profile::Profile;
use platform::clock::now_ms;
use platform::job_queue::{MAX_RECEIVES, QueueName, SharedQueue};
use platform::net::{Guard, Policy};
use platform::object_store::SharedStore;
use platform::object_store::s3::S3Store;
use platform::secret::Secret;
use s3_server::{BucketConfig, EventRule, S3Server, S3ServerConfig};
use tokio::net::TcpListener;
use transcoder::ffmpeg::Tools;
use transcoder::worker::{InHand, Outage, Worker, WorkerConfig};

use super::pump::Pump;
use crate::Result;
use crate::args::DevArgs;
use crate::background::Background;
use crate::commands::transcode::read_profiles;
use crate::data_dir::{DataDir, DevInfo, S3Info, Secrets};
use edge_server::{Edge, MemoryList};

/// Bucket of sources, wrapped keys and manifests.
const PRIVATE_BUCKET: &str = "private";
/// Bucket of published videos.
const MEDIA_BUCKET: &str = "media";
/// Name of the only worker of this folder.
const WORKER: &str = "dev";

/// The inputs of [`build`].
pub(super) struct DevInputs<'a> {
    pub(super) folder: &'a DataDir,
    pub(super) listener: &'a TcpListener,
    pub(super) s3_listener: &'a TcpListener,
    pub(super) args: &'a DevArgs,
    pub(super) tools: Tools,
}

/// The components of `edgereel dev`.
pub(super) struct DevSystem {
    pub(super) info: DevInfo,
    pub(super) database: Database,
    pub(super) s3: S3Server,
    pub(super) router: Router,
    pub(super) pump: Pump,
    pub(super) background: Background,
    pub(super) worker: Worker,
}

pub(super) async fn build(inputs: DevInputs<'_>) -> Result<DevSystem> {
    let DevInputs { folder, args, tools, .. } = inputs;
    let secrets = folder.secrets();
    let info = info(&crate::listen::url(inputs.listener)?, &crate::listen::url(inputs.s3_listener)?, secrets);
    let profiles = read_profiles(&args.profiles)?;

    let s3_config = s3_config(folder, args.strict_cors);
    let s3 = tokio::task::spawn_blocking(move || S3Server::open(s3_config)).await?.context("cannot open the store")?;
    let store = Arc::new(S3Store::new(&info.s3.store_config()));
    let database = match &args.database {
        Some(address) => open(address).await?,
        None => open_sqlite(&folder.join("edgereel.db")).await?,
    };
    let catalog = Catalog::new(&database);
    let queue = SqlQueue::new(&database, QueueName::Interactive, MAX_RECEIVES, WORKER);
    release_stale_leases(&catalog, &queue).await?;
    let queue: SharedQueue = Arc::new(queue);

    let keyring = keyring(secrets)?;
    let keks = KeyEncryptionKeys::parse(&secrets.key_encryption_keys).context("invalid key-encryption keys")?;
    let mut config = ApiConfig::new(PRIVATE_BUCKET);
    config.max_upload_bytes =
        profiles.values().map(|it| it.limits.max_bytes).chain([Profile::default().limits.max_bytes]).max().unwrap_or(0);
    config.imports.allow_private = args.allow_private_imports;
    let imports = config.imports;
    // All origins, as for the store: pages need a token anyway.
    config.cors_origins = vec!["*".to_owned()];
    if args.listen.ip().is_loopback() {
        // Clients on this machine can read the token, so guessing it needs no limit.
        config.limits.failures = None;
    }
    config.public_url.clone_from(&info.api);
    config.profiles.extend(profiles.keys().filter(|it| *it != "default").cloned());
    let ingest = Ingest {
        catalog: catalog.clone(),
        queue: queue.clone(),
        store: store.clone(),
        private_bucket: PRIVATE_BUCKET.to_owned(),
        profile: config.default_profile.clone(),
        mode: Mode::Abr,
        counts: EventCounts::default(),
    };
    let webhooks = webhooks(&database, &keks);
    let shares = Shares::new(&database);
    let sweeper = Sweeper {
        catalog: catalog.clone(),
        queue: queue.clone(),
        store: store.clone(),
        signer: store.clone(),
        webhooks: webhooks.store.clone(),
        shares: shares.clone(),
        ingest: ingest.clone(),
        config: SweepConfig::default(),
    };
    let rebuild = Rebuild { catalog: catalog.clone(), store: store.clone(), private_bucket: PRIVATE_BUCKET.to_owned() };
    let background = Background::new(queue.clone(), sweeper, dispatcher(&webhooks)?, (rebuild, args.rebuild));
    let state = ApiState {
        ingest: ingest.clone(),
        catalog: catalog.clone(),
        queue: queue.clone(),
        store: store.clone(),
        signer: store.clone(),
        token: Arc::new(ApiToken::new(&Secret::new(&secrets.api_token))),
        accounts: Accounts::new(&database),
        shares,
        idempotency: Idempotency::new(&database),
        edge_list: Arc::new(HttpEdgeList::new(&info.edge, keyring.grants.clone())),
        playback: Arc::new(Playback::new(&info.edge, keyring.grants.clone(), Some(keyring.passes.clone()))),
        webhooks,
        config: Arc::new(config),
    };
    let list = MemoryList::kept_in(folder.join("edge-list.json"));
    let list = list.context("cannot read the revocation list of the edge (edge-list.json)")?;
    let router =
        edge_server::routes(edge(store.clone(), keyring, keks.clone(), (list, args))).merge(api::router(state));
    let encoders = args.encoders.map_or_else(crate::commands::transcode::default_encoders, usize::from);
    let worker = Worker {
        queue: queue.clone(),
        catalog: catalog.clone(),
        uploads: store.clone(),
        store,
        keys: Arc::new(keks),
        tools,
        config: WorkerConfig {
            name: WORKER.to_owned(),
            encoders,
            profiles,
            imports,
            private_bucket: PRIVATE_BUCKET.to_owned(),
            ..WorkerConfig::default()
        },
        outage: Outage::default(),
        in_hand: InHand::default(),
    };
    let pump = Pump { outbox: s3.events(), ingest };
    Ok(DevSystem { info, database, s3, router, pump, background, worker })
}

/// Releases the leases of a killed process immediately: no other process uses its name.
async fn release_stale_leases(catalog: &Catalog, queue: &SqlQueue) -> Result {
    // First the videos, then the messages: the receiver of a message must be able to claim its video.
    let videos = catalog.release_all_of_worker(WORKER, now_ms()).await?;
    let messages = queue.release_held().await?;
    if videos + messages > 0 {
        tracing::info!(videos, messages, "an earlier run was interrupted: resuming its jobs");
    }
    Ok(())
}

/// Webhooks in development may use private addresses and plain HTTP.
fn webhooks(database: &Database, keys: &KeyEncryptionKeys) -> Webhooks {
    let guard = Guard::new(Policy { allow_private: true, allow_http: true });
    Webhooks { store: catalog::webhooks::Webhooks::new(database), keys: Arc::new(keys.clone()), guard }
}

fn dispatcher(webhooks: &Webhooks) -> anyhow::Result<Dispatcher> {
    let sender = Sender::new(webhooks.guard.clone(), api::webhooks::TIMEOUT)?;
    let (store, keys) = (webhooks.store.clone(), webhooks.keys.clone());
    Ok(Dispatcher { store, keys, sender, config: DispatcherConfig::default() })
}

fn edge(
    store: SharedStore,
    keys: Keyring,
    key_encryption_keys: KeyEncryptionKeys,
    (list, args): (MemoryList, &DevArgs),
) -> Edge {
    let credential_origins = args.credential_origins.clone();
    let config = domain::playback::Config { credential_origins, ..domain::playback::Config::default() };
    let now = Box::new(edge_server::system_time);
    Edge { store, keys, key_encryption_keys, config, front: None, now, list }
}

fn info(api: &str, s3: &str, secrets: &Secrets) -> DevInfo {
    DevInfo {
        api: api.to_owned(),
        edge: api.to_owned(),
        s3: S3Info {
            endpoint: s3.to_owned(),
            access_key_id: secrets.s3_access_key_id.clone(),
            secret_access_key: secrets.s3_secret_access_key.clone(),
            private_bucket: PRIVATE_BUCKET.to_owned(),
            media_bucket: MEDIA_BUCKET.to_owned(),
        },
        token: secrets.api_token.clone(),
    }
}

fn s3_config(folder: &DataDir, strict_cors: bool) -> S3ServerConfig {
    // All origins may upload: a presigned request is the permission.
    let cors_origins = if strict_cors { vec![] } else { vec!["*".to_owned()] };
    let bucket = |name: &str| BucketConfig { name: name.to_owned(), cors_origins: cors_origins.clone() };
    S3ServerConfig {
        data_dir: folder.join("s3"),
        access_key_id: folder.secrets().s3_access_key_id.clone(),
        secret_access_key: folder.secrets().s3_secret_access_key.as_str().into(),
        buckets: vec![bucket(PRIVATE_BUCKET), bucket(MEDIA_BUCKET)],
        account_id: "local".to_owned(),
        event_rules: vec![EventRule {
            bucket: PRIVATE_BUCKET.to_owned(),
            prefix: UPLOADS_PREFIX.to_owned(),
            on_create: true,
            on_delete: false,
        }],
    }
}

fn keyring(secrets: &Secrets) -> anyhow::Result<Keyring> {
    Ok(Keyring {
        grants: GrantKeys::parse(&secrets.grant_keys).context("invalid grant keys")?,
        passes: PassKeys::parse(&secrets.pass_keys).context("invalid pass keys")?,
    })
}
