//! The embedded S3 server on a free loopback port, and a store that uses it, for tests.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use s3_server::{BucketConfig, EventRule, Faults, S3Server, S3ServerConfig, WRITE_INTERVAL};

use crate::object_store::s3::{S3Store, S3StoreConfig};
use crate::secret::Secret;

/// Name of the private bucket; events are sent for its `uploads/`.
pub const PRIVATE: &str = "private";
/// Name of the media bucket.
pub const MEDIA: &str = "media";
/// The origin of pages that may upload.
pub const ORIGIN: &str = "http://localhost:5173";

const ACCESS_KEY_ID: &str = "AKTEST";
const SECRET: &str = "secret-of-tests";

/// A test configuration over `data_dir`.
pub fn config(data_dir: &Path) -> S3ServerConfig {
    let bucket = |name: &str| BucketConfig {
        name: name.to_owned(),
        cors_origins: vec![ORIGIN.to_owned()],
    };
    S3ServerConfig {
        data_dir: data_dir.to_owned(),
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: SECRET.into(),
        buckets: vec![bucket(PRIVATE), bucket(MEDIA)],
        account_id: "account".to_owned(),
        event_rules: vec![EventRule {
            bucket: PRIVATE.to_owned(),
            prefix: "uploads/".to_owned(),
            on_create: true,
            on_delete: true,
        }],
        write_interval: WRITE_INTERVAL,
    }
}

/// The configuration of a client for a server of [`config`] at `endpoint`.
pub fn store_config(endpoint: &str) -> S3StoreConfig {
    S3StoreConfig {
        endpoint: endpoint.to_owned(),
        public_endpoint: None,
        region: "auto".to_owned(),
        access_key_id: ACCESS_KEY_ID.to_owned(),
        secret_access_key: Secret::new(SECRET),
        private_bucket: PRIVATE.to_owned(),
        media_bucket: MEDIA.to_owned(),
        force_path_style: true,
    }
}

/// A running server.
pub struct RunningServer {
    /// Its URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The served store.
    pub server: S3Server,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl RunningServer {
    /// Opens `data_dir` and listens on a free port.
    ///
    /// # Panics
    /// If it fails.
    pub async fn start(data_dir: &Path) -> Self {
        Self::start_with_faults(data_dir, None).await
    }

    /// Starts a server with injected faults.
    ///
    /// # Panics
    /// If it fails.
    pub async fn start_with_faults(data_dir: &Path, faults: Option<Arc<dyn Faults>>) -> Self {
        Self::start_configured(config(data_dir), faults).await
    }

    /// Starts a server without the limit of one write per second and name, for tests that write a
    /// name again and again.
    ///
    /// # Panics
    /// If it fails.
    pub async fn start_without_write_limit(data_dir: &Path) -> Self {
        let config = S3ServerConfig {
            write_interval: Duration::ZERO,
            ..config(data_dir)
        };
        Self::start_configured(config, None).await
    }

    async fn start_configured(config: S3ServerConfig, faults: Option<Arc<dyn Faults>>) -> Self {
        let server = S3Server::open(config).expect("a test's directory can be opened");
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .expect("loopback has free ports");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, stopped) = oneshot::channel();
        let serving = serve::serve(listener, server.router_with_faults(faults), async {
            let _ = stopped.await;
        });
        Self {
            endpoint: format!("http://{address}"),
            server,
            stop,
            task: tokio::spawn(serving),
        }
    }

    /// A store client for this server.
    pub fn store(&self) -> S3Store {
        S3Store::new(&self.store_config())
    }

    /// The configuration of a client for this server.
    pub fn store_config(&self) -> S3StoreConfig {
        store_config(&self.endpoint)
    }

    /// Stops the server; afterwards its directory can be opened again.
    ///
    /// # Panics
    /// If the server had failed.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.task
            .await
            .expect("the server did not panic")
            .expect("the server did not fail");
    }
}
