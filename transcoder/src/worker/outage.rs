//! A worker that cannot reach a service waits for it, instead of using up the deliveries of one job
//! after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use catalog::CatalogError;
use domain::ids::VideoId;
use domain::object_key::ObjectKey;
use domain::retry::RetryPolicy;
use platform::clock;
use platform::object_store::StoreError;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Worker;

/// Pauses before the checks whether the services respond again. The longest one is how long a
/// service that has returned may stay unnoticed.
const CHECKS: RetryPolicy = RetryPolicy {
    first: Duration::from_secs(1),
    factor: 2,
    longest: Duration::from_secs(30),
};

/// A service that takes longer to respond counts as unavailable.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of tries of one change that fails although the catalog responds to checks.
const ATTEMPTS: u32 = 10;

/// Whether a service is unavailable, as far as the jobs of one worker have noticed. Clones share
/// it.
#[derive(Debug, Clone, Default)]
pub struct Outage(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_on: AtomicBool,
    /// Checks since a job was last claimed: services that respond only now and then get increasing
    /// pauses.
    checks: AtomicU32,
}

impl Outage {
    /// Records that a service did not respond.
    pub(crate) fn begin(&self, what: &str) {
        if !self.0.is_on.swap(true, Ordering::Relaxed) {
            warn!("waiting for services: {what}");
        }
    }

    /// Records that everything works.
    pub(super) fn reset_pauses(&self) {
        self.0.checks.store(0, Ordering::Relaxed);
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.is_on.load(Ordering::Relaxed)
    }

    fn end(&self) {
        if self.0.is_on.swap(false, Ordering::Relaxed) {
            info!("the services respond again");
        }
    }

    fn pause(&self) -> Duration {
        CHECKS.pause_after(
            self.0
                .checks
                .fetch_add(1, Ordering::Relaxed)
                .saturating_add(1),
        )
    }
}

impl Worker {
    /// Waits until no service is known to be unavailable, or until cancelled.
    pub(super) async fn wait_for_services(&self, cancel: &CancellationToken) {
        while self.outage.is_on() {
            let Some(()) = cancel
                .run_until_cancelled(tokio::time::sleep(self.outage.pause()))
                .await
            else {
                return;
            };
            match cancel.run_until_cancelled(self.probe()).await {
                Some(Ok(())) => self.outage.end(),
                Some(Err(problem)) => info!("still waiting: {problem:#}"),
                None => return,
            }
        }
    }

    /// Checks whether the services that every job needs respond.
    async fn probe(&self) -> anyhow::Result<()> {
        let catalog = within(self.catalog.ping(clock::now()));
        // Requests an object that never exists: the cheapest request to the store.
        let nothing = ObjectKey::Master {
            video: VideoId::new(0, [0; 10]),
        };
        let store = tokio::time::timeout(SERVICE_TIMEOUT, self.store.head(&nothing));
        let (catalog, store) = tokio::join!(catalog, store);
        catalog?;
        match store {
            Ok(Ok(_) | Err(StoreError::NotFound { .. })) => Ok(()),
            Ok(Err(problem)) => Err(problem.into()),
            Err(_) => anyhow::bail!("the store did not respond within {SERVICE_TIMEOUT:?}"),
        }
    }

    /// Reads or changes the catalog, and waits while it is unavailable: an outage costs no attempt.
    ///
    /// # Errors
    /// Those of the catalog; `Unavailable` once cancelled, or if the operation fails although the
    /// catalog responds.
    pub(crate) async fn retry_while_unavailable<T, F>(
        &self,
        cancel: &CancellationToken,
        action: impl Fn() -> F,
    ) -> Result<T, CatalogError>
    where
        F: Future<Output = Result<T, CatalogError>>,
    {
        for _ in 1..ATTEMPTS {
            match within(action()).await {
                Err(problem @ CatalogError::Unavailable { .. }) if cancel.is_cancelled() => {
                    return Err(problem);
                }
                Err(CatalogError::Unavailable { source }) => {
                    self.outage
                        .begin(&format!("the catalog could not be reached: {source}"));
                    self.wait_for_services(cancel).await;
                }
                result => return result,
            }
        }
        within(action()).await
    }
}

/// A time limit for the catalog: a database behind a network that drops packets never responds.
pub(super) async fn within<T>(
    answer: impl Future<Output = Result<T, CatalogError>>,
) -> Result<T, CatalogError> {
    let late = |_| CatalogError::Unavailable {
        source: format!("no response in {SERVICE_TIMEOUT:?}").into(),
    };
    tokio::time::timeout(SERVICE_TIMEOUT, answer)
        .await
        .unwrap_or_else(|it| Err(late(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_job_is_claimed() {
        let outage = Outage::default();
        let pauses: Vec<_> = (0..8).map(|_| outage.pause().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
        (0..100).for_each(|_| assert_eq!(outage.pause(), CHECKS.longest));
        outage.reset_pauses();
        assert_eq!(outage.pause(), CHECKS.first);
    }

    #[test]
    fn all_jobs_of_a_worker_share_an_outage() {
        let outage = Outage::default();
        let other = outage.clone();
        assert!(!other.is_on());
        outage.begin("the store");
        outage.begin("the queue");
        assert!(other.is_on());
        other.reset_pauses();
        assert!(
            outage.is_on(),
            "to claim a job is not to reach all services"
        );
        other.end();
        assert!(!outage.is_on());
    }

    #[tokio::test]
    async fn an_answer_comes_as_it_is() {
        assert_eq!(within(async { Ok(7) }).await.unwrap(), 7);
        let gone = || CatalogError::Gone {
            video: VideoId::new(1, [0; 10]),
        };
        assert!(matches!(
            within(async { Err::<(), _>(gone()) }).await,
            Err(CatalogError::Gone { .. })
        ));
    }
}
