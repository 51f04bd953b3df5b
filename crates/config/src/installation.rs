//! The services of an installation, connected.

use std::sync::Arc;

use catalog::Catalog;
use catalog::connect::{self, ConnectError, QueueUse};
use catalog::database::Database;
use platform::job_queue::{MAX_RECEIVES, SharedQueue};
use platform::object_store::s3::S3Store;

use crate::services::Services;

/// The services that the API, the background services and the transcoder are built from. `edgereel dev` fills it with
/// services of its own process.
#[derive(Clone)]
pub struct Installation {
    /// The database, for everything but videos and jobs.
    pub database: Database,
    /// Videos.
    pub catalog: Catalog,
    /// Jobs.
    pub queue: SharedQueue,
    /// Both buckets.
    pub store: Arc<S3Store>,
    /// The name of the private bucket, as in events and jobs.
    pub private_bucket: String,
}

impl Installation {
    /// Connects to services. `holder` is the name of the receiver of jobs.
    ///
    /// # Errors
    /// If a service cannot be reached.
    pub async fn connect(services: Services, holder: &str) -> Result<Self, ConnectError> {
        let (database, catalog) = connect::catalog(services.database.expose()).await?;
        let how = QueueUse {
            max_receives: MAX_RECEIVES,
            holder,
        };
        let queue = connect::queue(&services.queue, &database, how).await?;
        let store = Arc::new(S3Store::new(&services.store));
        Ok(Self {
            database,
            catalog,
            queue,
            store,
            private_bucket: services.store.private_bucket,
        })
    }

    /// Closes the database; afterwards the services do not work.
    pub async fn close(self) {
        self.database.close().await;
    }
}
