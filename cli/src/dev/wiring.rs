//! Builds the components of `edgereel dev`.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;
use api::session::SignInLink;
use api::{ApiConfig, ApiSettings};
use catalog::database::{open, open_sqlite};
use catalog::{Catalog, PriorityQueue};
use config::{EdgeListPlace, Installation, Limits};
use domain::content_key::KeyEncryptionKeys;
use domain::keyring::{GrantKeys, Keyring, PassKeys};
use domain::object_key::UPLOADS_PREFIX;
use domain::profile::Profile;
use platform::job_queue::MAX_RECEIVES;
use platform::net::Policy;
use platform::object_store::s3::S3Store;
use platform::secret::Secret;
use s3_server::{BucketConfig, EventRule, S3Server, S3ServerConfig, WRITE_INTERVAL};
use tokio::net::TcpListener;
use transcoder::Tools;
use transcoder::WorkerConfig;
use transcoder::settings::default_encoders;
use transcoder::setup::verify_codecs;

use super::pump::Pump;
use crate::Result;
use crate::args::DevArgs;
use crate::data_dir::{DataDir, DevInfo, S3Info, Secrets};
use crate::output::{CommandError, Output};
use crate::system::{System, SystemSettings, proxy};

/// Bucket of sources, wrapped keys and manifests.
const PRIVATE_BUCKET: &str = "private";
/// Bucket of published videos.
const MEDIA_BUCKET: &str = "media";
/// Name of the only worker of this directory.
const WORKER: &str = "dev";

/// The inputs of [`build`].
pub(super) struct DevInputs<'a> {
    pub(super) data_dir: &'a DataDir,
    pub(super) listener: &'a TcpListener,
    pub(super) s3_listener: &'a TcpListener,
    pub(super) args: &'a DevArgs,
    pub(super) tools: Tools,
    pub(super) output: Output,
}

/// The components of `edgereel dev`.
pub(super) struct DevSystem {
    pub(super) info: DevInfo,
    pub(super) sign_in: SignInLink,
    pub(super) system: System,
    pub(super) s3: S3Server,
    pub(super) pump: Pump,
}

pub(super) async fn build(inputs: DevInputs<'_>) -> Result<DevSystem> {
    let DevInputs {
        data_dir,
        args,
        tools,
        output,
        ..
    } = inputs;
    let secrets = data_dir.secrets();
    let info = info(
        &crate::listen::url(inputs.listener)?,
        &crate::listen::url(inputs.s3_listener)?,
        secrets,
    );
    let profiles = args.profiles.read()?;
    args.ffmpeg
        .check_memory(profiles.values(), super::CONCURRENT_JOBS)?;
    verify_codecs(&tools, profiles.values()).await?;

    let s3_config = s3_config(data_dir, args.strict_cors);
    let s3 = tokio::task::spawn_blocking(move || S3Server::open(s3_config))
        .await?
        .context("cannot open the store")?;
    let store = Arc::new(S3Store::new(&info.s3.store_config()));
    let database = match &args.database {
        Some(address) => open(address).await?,
        None => open_sqlite(&data_dir.join("edgereel.db")).await?,
    };
    let catalog = Catalog::new(&database);
    let queue = PriorityQueue::new(&database, MAX_RECEIVES, WORKER);
    let installation = Installation {
        database,
        catalog,
        queue: Arc::new(queue),
        store,
        private_bucket: PRIVATE_BUCKET.to_owned(),
    };
    // No other process uses this directory.
    installation.release_stale(WORKER).await?;

    let keyring = keyring(secrets)?;
    let keks = KeyEncryptionKeys::parse(&secrets.key_encryption_keys)
        .context("invalid key-encryption keys")?;
    let settings = ApiSettings {
        token: Secret::new(&secrets.api_token),
        edge_url: info.edge.clone(),
        edge_list: EdgeListPlace::Database,
        grant_keys: keyring.grants.clone(),
        pass_keys: Some(keyring.passes.clone()),
        webhook_keys: KeyEncryptionKeys::parse(&secrets.webhook_keys)
            .context("invalid webhook keys")?,
        // Webhooks in development may use private addresses and plain HTTP.
        webhook_policy: Policy {
            allow_private: true,
            allow_http: true,
        },
        identity: args
            .identity
            .clone()
            .settings()
            .map_err(|it| CommandError::Usage(it.to_string()))?,
        config: api_config(args, &profiles, &info),
    };
    let pages = info.api.clone();
    let announce = move |path: &str| output.line(format!("  For another browser: {pages}{path}"));
    let sign_in = SignInLink::new(Secret::new(&secrets.api_token), announce)?;
    let settings = SystemSettings {
        api: settings,
        passes: keyring.passes,
        wrapping: keks,
        playback: args.playback.config(),
        counts_views: args.playback.counts_views(),
        proxy: proxy(args.rates.address_header(), &args.playback)?,
        tools,
        worker: WorkerConfig {
            name: WORKER.to_owned(),
            jobs: super::CONCURRENT_JOBS,
            encoders: args.encoders.map_or_else(default_encoders, usize::from),
            profiles,
            imports: args.sources.import_policy(),
            max_import_bytes: args.sources.max_bytes(),
            prices: args.prices.prices(),
            transcriber: args.transcriber.transcriber(),
            ..WorkerConfig::default()
        },
        sign_in: Some(sign_in.clone()),
        rebuild: args.rebuild,
    };
    let system = System::build(installation, settings)?;
    let pump = Pump {
        outbox: s3.events(),
        ingest: system.ingest(),
    };
    Ok(DevSystem {
        info,
        sign_in,
        system,
        s3,
        pump,
    })
}

/// The configuration of the API: what was not set is open, because the API serves this machine.
fn api_config(args: &DevArgs, profiles: &HashMap<String, Profile>, info: &DevInfo) -> ApiConfig {
    let largest = profiles
        .values()
        .map(|it| it.limits.max_bytes)
        .chain([Profile::default().limits.max_bytes])
        .max();
    let mut limits = Limits::default();
    if args.listen.ip().is_loopback() {
        // Clients on this machine can read the token, so guessing it needs no limit.
        limits.failures = None;
    }
    let mut config = ApiConfig {
        max_upload_bytes: args.sources.max_bytes().or(largest).unwrap_or(0),
        owner_limits: args.uploads.owner_limits(),
        require_sizes: args.uploads.require_sizes(),
        upload_types: args.uploads.types(),
        imports: args.sources.import_policy(),
        upload_url_life: args.uploads.url_life(),
        limits: args.rates.clone().limits(limits),
        public_url: info.api.clone(),
        cors_origins: args.cors.origins(),
        prices: args.prices.prices(),
        ..ApiConfig::default()
    };
    if config.cors_origins.is_empty() {
        // All origins, as for the store: pages need a token anyway.
        config.cors_origins = vec!["*".to_owned()];
    }
    config.offer(profiles.keys().cloned());
    config
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

fn s3_config(data_dir: &DataDir, strict_cors: bool) -> S3ServerConfig {
    // All origins may upload: a presigned request is the permission.
    let cors_origins = if strict_cors {
        vec![]
    } else {
        vec!["*".to_owned()]
    };
    let bucket = |name: &str| BucketConfig {
        name: name.to_owned(),
        cors_origins: cors_origins.clone(),
    };
    S3ServerConfig {
        data_dir: data_dir.join("s3"),
        access_key_id: data_dir.secrets().s3_access_key_id.clone(),
        secret_access_key: data_dir.secrets().s3_secret_access_key.as_str().into(),
        buckets: vec![bucket(PRIVATE_BUCKET), bucket(MEDIA_BUCKET)],
        account_id: "local".to_owned(),
        event_rules: vec![EventRule {
            bucket: PRIVATE_BUCKET.to_owned(),
            prefix: UPLOADS_PREFIX.to_owned(),
            on_create: true,
            on_delete: false,
        }],
        write_interval: WRITE_INTERVAL,
    }
}

fn keyring(secrets: &Secrets) -> anyhow::Result<Keyring> {
    Ok(Keyring {
        grants: GrantKeys::parse(&secrets.grant_keys).context("invalid grant keys")?,
        passes: PassKeys::parse(&secrets.pass_keys).context("invalid pass keys")?,
    })
}
