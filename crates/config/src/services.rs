//! Where the database, the queue and the buckets are.

use catalog::database::{DatabaseAddress, DatabaseConfig};
use clap::ArgAction;
use platform::object_store::s3::S3StoreConfig;
use platform::secret::Secret;

use crate::parsers::{SecretParser, switch};
use crate::queue::{InvalidQueueSettings, QueueArgs, QueueSettings};

/// Where the database, the queue and the buckets are.
#[derive(Debug, Clone, clap::Args)]
pub struct ServiceArgs {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// The queue.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// The buckets.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// The database.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Services")]
pub struct DatabaseArgs {
    /// The database: `postgres://USER:PASSWORD@HOST/NAME`, or `sqlite:PATH`. Prefer the variable: other users can see
    /// the command line.
    #[arg(
        long,
        env = "EDGEREEL_DATABASE",
        value_name = "ADDRESS",
        hide_env_values = true
    )]
    #[arg(value_parser = SecretParser(str::parse::<DatabaseAddress>))]
    database: DatabaseAddress,
    /// Maximum number of connections of this process to a PostgreSQL server.
    #[arg(
        long,
        env = "EDGEREEL_DATABASE_CONNECTIONS",
        value_name = "N",
        default_value_t = catalog::database::CONNECTIONS
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    database_connections: u32,
    /// Whether to run missing migrations at startup (1), instead of refusing to start: `edgereel migrate` runs them.
    #[arg(long, env = "EDGEREEL_MIGRATE", value_name = "0|1", default_value = "0", value_parser = switch)]
    #[arg(action = ArgAction::Set)]
    migrate: bool,
}

impl DatabaseArgs {
    /// Whether it is a SQLite file, which one process uses.
    pub fn is_file(&self) -> bool {
        self.database.is_file()
    }
}

impl From<DatabaseArgs> for DatabaseConfig {
    fn from(args: DatabaseArgs) -> Self {
        Self {
            address: args.database,
            connections: args.database_connections,
            migrate: args.migrate,
        }
    }
}

/// Both buckets.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Services")]
pub struct StoreArgs {
    /// The URL of the S3 API.
    #[arg(long, env = "EDGEREEL_S3_ENDPOINT", value_name = "URL")]
    s3_endpoint: String,
    /// The URL of the same API for browsers, in presigned requests. Default: the endpoint.
    #[arg(long, env = "EDGEREEL_S3_PUBLIC_ENDPOINT", value_name = "URL")]
    s3_public_endpoint: Option<String>,
    /// The region of the buckets.
    #[arg(
        long,
        env = "EDGEREEL_S3_REGION",
        value_name = "NAME",
        default_value = "auto"
    )]
    s3_region: String,
    /// The id of the S3 access key.
    #[arg(long, env = "EDGEREEL_S3_ACCESS_KEY_ID", value_name = "ID")]
    s3_access_key_id: String,
    /// The secret of the S3 access key. Prefer the variable.
    #[arg(
        long,
        env = "EDGEREEL_S3_SECRET_ACCESS_KEY",
        value_name = "SECRET",
        hide_env_values = true
    )]
    s3_secret_access_key: Secret,
    /// Whether URLs have the name of the bucket in their path (1) or in their host name (0).
    #[arg(long, env = "EDGEREEL_S3_PATH_STYLE", value_name = "0|1", default_value = "1", value_parser = switch)]
    #[arg(action = ArgAction::Set)]
    s3_path_style: bool,
    /// The bucket of sources and wrapped keys.
    #[arg(long, env = "EDGEREEL_PRIVATE_BUCKET", value_name = "NAME")]
    private_bucket: String,
    /// The bucket of published videos.
    #[arg(long, env = "EDGEREEL_MEDIA_BUCKET", value_name = "NAME")]
    media_bucket: String,
}

impl From<StoreArgs> for S3StoreConfig {
    fn from(args: StoreArgs) -> Self {
        Self {
            endpoint: args.s3_endpoint,
            public_endpoint: args.s3_public_endpoint,
            region: args.s3_region,
            access_key_id: args.s3_access_key_id,
            secret_access_key: args.s3_secret_access_key,
            private_bucket: args.private_bucket,
            media_bucket: args.media_bucket,
            force_path_style: args.s3_path_style,
        }
    }
}

/// The services of an installation.
#[derive(Debug, Clone)]
pub struct Services {
    /// The database.
    pub database: DatabaseConfig,
    /// The queue of jobs.
    pub queue: QueueSettings,
    /// Both buckets.
    pub store: S3StoreConfig,
}

impl TryFrom<ServiceArgs> for Services {
    type Error = InvalidQueueSettings;

    fn try_from(args: ServiceArgs) -> Result<Self, InvalidQueueSettings> {
        Ok(Self {
            database: args.database.into(),
            queue: args.queue.try_into()?,
            store: args.store.into(),
        })
    }
}
