//! The embedded S3 server: R2's protocol and rules over one directory.
//!
//! Content is in files, the index in `SQLite`; one transaction makes an object and its event
//! visible. An acknowledged object survives `kill -9` and power failures; an unacknowledged one
//! leaves nothing. The crate `s3s` implements the protocol (signatures, XML); storage, conditions,
//! multipart rules and events are our own.
//!
//! The protocol crate logs every rejected request as an error: programs filter its target `s3s`.

mod backend;
mod blobs;
mod content;
mod cors;
mod digest;
mod epochs;
mod events;
mod gate;
mod headers;
mod index;
mod listing;
mod objects;
mod schema;
mod uploads;

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::error_handling::HandleError;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use rusqlite::{Connection, params};
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub use self::events::{
    Action, EventOutbox, EventRule, OutboxError, QueuedEvent, R2CopySource, R2Event, R2EventObject,
};
pub use self::gate::{Fault, Faults};
use s3s::auth::SecretKey;

/// Configuration of a server.
#[derive(Debug, Clone)]
pub struct S3ServerConfig {
    /// Directory of all stored data; created if it is missing.
    pub data_dir: PathBuf,
    /// Access key id of clients.
    pub access_key_id: String,
    /// Secret access key of clients; never printed.
    pub secret_access_key: SecretKey,
    /// Buckets; created if they are missing.
    pub buckets: Vec<BucketConfig>,
    /// Account id in event messages.
    pub account_id: String,
    /// Rules that select the objects with events. As on R2, two rules may not match the same event.
    pub event_rules: Vec<EventRule>,
    /// Minimum interval between two writes of one name: [`WRITE_INTERVAL`], except in tests of other
    /// behaviours.
    pub write_interval: Duration,
}

/// R2's minimum interval between two writes of one name. It rejects faster writes with status 429
/// and code `ServiceUnavailable`.
pub const WRITE_INTERVAL: Duration = Duration::from_secs(1);

/// Configuration of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketConfig {
    /// Bucket name: 3 to 63 of `a-z`, `0-9`, `-` and `.`.
    pub name: String,
    /// Origins of pages that may upload and read with presigned URLs; `*` allows any. Rules that a
    /// `PutBucketCors` request sets replace these.
    pub cors_origins: Vec<String>,
}

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses the directory; two would destroy each other's files.
    #[error("the directory `{}` is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The directory cannot be created, read or written.
    #[error("cannot use the directory `{}`", .folder.display())]
    Directory {
        /// Path of the directory.
        folder: PathBuf,
        /// The I/O error.
        #[source]
        source: std::io::Error,
    },
    /// The index is damaged, or a later version wrote it.
    #[error("cannot use the index `{}`", .index.display())]
    Index {
        /// Path of the index.
        index: PathBuf,
        /// The database error.
        #[source]
        source: rusqlite::Error,
    },
    /// The bucket name is invalid.
    #[error("`{0}` is not a legal bucket name: 3 to 63 of a-z, 0-9, `-` and `.`")]
    BucketName(String),
    /// Two event rules overlap; R2 rejects them too.
    #[error("two event rules of bucket `{bucket}` overlap: prefixes `{first}` and `{second}`")]
    OverlappingRules {
        /// The bucket of both rules.
        bucket: String,
        /// Prefix of the first rule.
        first: String,
        /// Prefix of the second rule.
        second: String,
    },
}

/// A server over one directory. Clones share it; the directory's lock is released when the last clone,
/// and the last router created from it, is dropped.
#[derive(Clone)]
pub struct S3Server {
    config: Arc<S3ServerConfig>,
    backend: backend::Backend,
    committed: Arc<Notify>,
}

impl S3Server {
    /// Opens or creates the directory, locks it, and removes files that a crash left. Blocks on disk
    /// I/O.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(config: S3ServerConfig) -> Result<Self, OpenError> {
        for bucket in &config.buckets {
            if !s3s::path::check_bucket_name(&bucket.name) {
                return Err(OpenError::BucketName(bucket.name.clone()));
            }
        }
        let rules = Arc::new(objects::Rules {
            events: events::EventRules::new(config.account_id.clone(), config.event_rules.clone())?,
            write_interval: config.write_interval,
        });
        let folder = |source| OpenError::Directory {
            folder: config.data_dir.clone(),
            source,
        };
        std::fs::create_dir_all(&config.data_dir).map_err(folder)?;
        let lock = File::create(config.data_dir.join("lock")).map_err(folder)?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => OpenError::InUse(config.data_dir.clone()),
            std::fs::TryLockError::Error(source) => folder(source),
        })?;
        let blobs = Arc::new(blobs::Blobs::open(&config.data_dir).map_err(folder)?);
        let path = config.data_dir.join("index.db");
        let in_index = |source| OpenError::Index {
            index: path.clone(),
            source,
        };
        let committed = Arc::new(Notify::new());
        let index = index::Index::open(path.clone(), blobs.clone(), committed.clone(), lock)
            .map_err(in_index)?;
        let live = prepare(&path, &config.buckets).map_err(in_index)?;
        let removed = blobs.sweep(&live).map_err(folder)?;
        if removed > 0 {
            tracing::info!(
                removed,
                "removed {removed} files that a crash had left in the S3 directory"
            );
        }
        let cors = Arc::new(cors::Cors::default());
        for bucket in config
            .buckets
            .iter()
            .filter(|it| !it.cors_origins.is_empty())
        {
            cors.set(
                &bucket.name,
                vec![cors::Rule::open_to(&bucket.cors_origins)],
            );
        }
        Connection::open(&path)
            .and_then(|it| backend::cors::load(&it, &cors))
            .map_err(in_index)?;
        let backend = backend::Backend {
            index: Arc::new(index),
            blobs,
            rules,
            cors,
        };
        Ok(Self {
            config: Arc::new(config),
            backend,
            committed,
        })
    }

    /// The service, path-style (`/bucket/key`), to serve alone or as the fallback of another router.
    /// Its listener has to set `TCP_NODELAY`: see [`serve::serve()`].
    pub fn router(&self) -> Router {
        self.router_with_faults(None)
    }

    /// The service with injected faults.
    pub fn router_with_faults(&self, faults: Option<Arc<dyn Faults>>) -> Router {
        let mut service = S3ServiceBuilder::new(self.backend.clone());
        service.set_auth(backend::Owner {
            access_key_id: self.config.access_key_id.clone(),
            secret_access_key: self.config.secret_access_key.clone(),
        });
        let service = HandleError::new(service.build(), |error: s3s::HttpError| async move {
            tracing::error!(error = ?error, "an S3 request failed");
            http::StatusCode::INTERNAL_SERVER_ERROR
        });
        let rules = self.backend.cors.clone();
        Router::new()
            .fallback_service(service)
            .layer(from_fn(move |request: Request, next: Next| {
                gate::gate(faults.clone(), request, next)
            }))
            .layer(from_fn(move |request: Request, next: Next| {
                let rules = rules.clone();
                async move { cors::cors(&rules, request, next).await }
            }))
    }

    /// Serves until `shutdown` completes, then finishes the requests in progress.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        serve::serve(listener, self.router(), shutdown).await
    }

    /// The events that are waiting for their consumer.
    pub fn events(&self) -> EventOutbox {
        EventOutbox {
            index: self.backend.index.clone(),
            committed: self.committed.clone(),
        }
    }
}

/// Creates the buckets, expires old uploads, and lists all files that are in use.
fn prepare(index: &std::path::Path, buckets: &[BucketConfig]) -> rusqlite::Result<HashSet<String>> {
    let connection = Connection::open(index)?;
    connection.execute_batch("PRAGMA foreign_keys = ON; BEGIN IMMEDIATE")?;
    for bucket in buckets {
        connection.execute(
            "INSERT OR IGNORE INTO bucket VALUES (?1, ?2)",
            params![bucket.name, objects::signed(now_ms())],
        )?;
    }
    // Their files are no longer live, so the sweep removes them.
    uploads::expire(&connection, now_ms())?;
    connection.execute_batch("COMMIT")?;
    let mut select = connection.prepare("SELECT blob FROM piece UNION SELECT blob FROM part")?;
    select.query_map([], |row| row.get(0))?.collect()
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// 32 random hex digits, a unique name.
fn random_name() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    base16ct::lower::encode_string(&bytes)
}
