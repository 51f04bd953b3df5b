//! Background tasks: send webhooks, process dead letters, clean up, and ingest sources without events. In the cloud,
//! scheduled functions do the same; running both at the same time is safe.

mod arrivals;
mod dead_letters;
pub(crate) mod events;
mod rebuild;
mod sweeper;
mod webhooks;

use api::services::arrivals::Arrivals;
use api::services::rebuild::Rebuild;
use api::services::sweeper::Sweeper;
use api::webhooks::Dispatcher;
use metrics::Registry;
use metrics::table::LAST_SUCCESS;
use platform::clock;
use platform::job_queue::SharedQueue;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use arrivals::ArrivalTask;
use dead_letters::DeadLetterTask;
use rebuild::RebuildTask;
use sweeper::SweeperTask;
use webhooks::WebhookTask;

/// Records that a run of a periodic task ended without a failure.
fn succeeded(metrics: &Registry, schedule: &str) {
    let now = clock::now().as_secs();
    metrics.set(&LAST_SUCCESS, [schedule], now as f64);
}

/// All background tasks.
pub(crate) struct Background {
    dead_letters: DeadLetterTask,
    rebuild: RebuildTask,
    sweeper: SweeperTask,
    webhooks: WebhookTask,
    arrivals: ArrivalTask,
}

impl Background {
    /// `rebuild`: the service and whether to rebuild the catalog from the buckets.
    pub(crate) fn new(
        queue: SharedQueue,
        sweeper: Sweeper,
        dispatcher: Dispatcher,
        rebuild: (Rebuild, bool),
    ) -> Self {
        let catalog = sweeper.catalog.clone();
        let (rebuild, is_requested) = rebuild;
        let arrivals = ArrivalTask {
            arrivals: Arrivals::new(sweeper.ingest.clone()),
            metrics: catalog.metrics().clone(),
        };
        Self {
            arrivals,
            rebuild: RebuildTask {
                rebuild,
                is_requested,
            },
            dead_letters: DeadLetterTask { queue, catalog },
            sweeper: SweeperTask(sweeper),
            webhooks: WebhookTask { dispatcher },
        }
    }

    /// Starts the tasks; they run until `stop` is cancelled.
    pub(crate) fn start(self, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        let Self {
            dead_letters,
            rebuild,
            sweeper,
            webhooks,
            arrivals,
        } = self;
        let [
            letters_stop,
            rebuild_stop,
            sweeper_stop,
            webhooks_stop,
            arrivals_stop,
        ] = std::array::from_fn(|_| stop.clone());
        tasks.spawn(async move { dead_letters.run(letters_stop).await });
        tasks.spawn(async move { rebuild.run(rebuild_stop).await });
        tasks.spawn(async move { sweeper.run(sweeper_stop).await });
        tasks.spawn(async move { arrivals.run(arrivals_stop).await });
        tasks.spawn(async move { webhooks.run(webhooks_stop).await });
    }
}
