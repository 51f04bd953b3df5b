//! The services that a program needs, and whether they respond.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use catalog::Catalog;
use config::Installation;
use domain::ids::VideoId;
use domain::object_key::ObjectKey;
use futures::future::{BoxFuture, join_all};
use platform::clock;
use platform::job_queue::SharedQueue;
use platform::object_store::{SharedStore, StoreError};

/// Timeout of each service.
const TIMEOUT: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The services that a program needs. Clones share them.
#[derive(Clone, Default)]
pub struct Services(Vec<(&'static str, Check)>);

impl Services {
    /// The database, the queue and the buckets of an installation.
    pub fn of(installation: &Installation) -> Self {
        Self::default()
            .with_catalog(&installation.catalog)
            .with_queue(&installation.queue)
            .with_store(installation.store.clone())
    }

    /// Adds a service with a name. `check` is a cheap request to it.
    #[must_use]
    pub fn with<F, Answer, T, E>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<T, E>> + Send + 'static,
        E: Display,
    {
        let check = move || -> BoxFuture<'static, Result<(), String>> {
            let answer = check();
            Box::pin(async move { answer.await.map(drop).map_err(|it| it.to_string()) })
        };
        self.0.push((name, Arc::new(check)));
        self
    }

    /// Adds the database as `catalog`. The check writes, so that it also fails when the disk is full.
    #[must_use]
    pub fn with_catalog(self, catalog: &Catalog) -> Self {
        let catalog = catalog.clone();
        self.with("catalog", move || {
            let catalog = catalog.clone();
            async move { catalog.ping(clock::now()).await }
        })
    }

    /// Adds the job queue as `queue`.
    #[must_use]
    pub fn with_queue(self, queue: &SharedQueue) -> Self {
        let queue = queue.clone();
        self.with("queue", move || {
            let queue = queue.clone();
            async move { queue.depth().await }
        })
    }

    /// Adds the buckets as `store`. The check requests an object that never exists: the cheapest request.
    #[must_use]
    pub fn with_store(self, store: SharedStore) -> Self {
        self.with("store", move || {
            let store = store.clone();
            async move {
                let nothing = ObjectKey::Master {
                    video: VideoId::new(0, [0; 10]),
                };
                match store.head(&nothing).await {
                    Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        })
    }

    /// Queries all services at once: whether each responds.
    pub async fn states(&self) -> Vec<(&'static str, bool)> {
        let states = self.0.iter().map(async |(name, check)| {
            let problem = match tokio::time::timeout(TIMEOUT, check()).await {
                Ok(Ok(())) => return (*name, true),
                Ok(Err(problem)) => problem,
                Err(_) => format!("no response within {TIMEOUT:?}"),
            };
            tracing::warn!("{name} is not ready: {problem}");
            (*name, false)
        });
        join_all(states).await
    }
}
