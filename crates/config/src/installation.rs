//! The services of an installation, connected.

use std::sync::Arc;

use catalog::connect::{ConnectError, QueueUse};
use catalog::database::Database;
use catalog::{Catalog, CatalogError, PriorityQueue};
use platform::clock;
use platform::job_queue::{MAX_RECEIVES, QueueError, SharedQueue};
use platform::object_store::s3::{S3Store, S3StoreConfig};

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

/// Why leases could not be released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Those on videos.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Those on messages.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Installation {
    /// Connects to services. `holder` is the name of the receiver of jobs.
    ///
    /// # Errors
    /// If a service cannot be reached.
    pub async fn connect(services: Services, holder: &str) -> Result<Self, ConnectError> {
        let database = services.database.open().await?;
        let how = QueueUse {
            max_receives: MAX_RECEIVES,
            holder,
        };
        let queue = services.queue.open(&database, how).await?;
        Ok(Self::new(database, queue, services.store))
    }

    /// As `connect`, for senders of jobs: connects to PostgreSQL and SQS at the first use.
    ///
    /// # Errors
    /// If a setting is invalid, or a SQLite file cannot be opened.
    pub async fn connect_lazily(services: Services) -> Result<Self, ConnectError> {
        let database = services.database.open_lazily().await?;
        let queue = services.queue.open_lazily(&database).await?;
        Ok(Self::new(database, queue, services.store))
    }

    /// Releases what a worker of this name held when it was killed, so that its jobs continue at once
    /// and not when the leases end. No running worker may have this name. In SQS, messages stay with
    /// the killed worker until their visibility timeout.
    ///
    /// # Errors
    /// If the database does not respond.
    pub async fn release_stale(&self, holder: &str) -> Result<(), ReleaseError> {
        // First the videos, then the messages: the receiver of a message must be able to claim its
        // video.
        let videos = self
            .catalog
            .release_all_of_worker(holder, clock::now())
            .await?;
        let messages = PriorityQueue::new(&self.database, MAX_RECEIVES, holder)
            .release_held()
            .await?;
        if videos + messages > 0 {
            tracing::info!(
                videos,
                messages,
                "an earlier run was interrupted: resuming its jobs"
            );
        }
        Ok(())
    }

    fn new(database: Database, queue: SharedQueue, store: S3StoreConfig) -> Self {
        Self {
            catalog: Catalog::new(&database),
            database,
            queue,
            store: Arc::new(S3Store::new(&store)),
            private_bucket: store.private_bucket,
        }
    }

    /// Closes the database; afterwards the services do not work.
    pub async fn close(self) {
        self.database.close().await;
    }
}
