//! What is done while nobody asks: webhooks are sent, dead letters settled, what is overdue is swept, and sources are
//! taken in that no event reported. In the cloud
//! scheduled functions do the same; several who do it at once do each other no harm.

mod arriving;
mod dead_letters;
mod recovering;
mod sweeping;
mod telling;

use functions::arrivals::Arrivals;
use functions::rebuild::Rebuild;
use functions::sweeper::Sweeper;
use functions::webhooks::Dispatcher;
use platform::job_queue::SharedQueue;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use arriving::Arriving;
use dead_letters::DeadLetters;
use recovering::Recovering;
use sweeping::Sweeping;
use telling::Telling;

/// All of it.
pub(crate) struct Background {
    dead_letters: DeadLetters,
    recovering: Recovering,
    sweeping: Sweeping,
    telling: Telling,
    arriving: Arriving,
}

impl Background {
    /// `rebuild`: whether the catalog is to be written again from what the buckets hold.
    pub(crate) fn new(queue: SharedQueue, sweeper: Sweeper, dispatcher: Dispatcher, rebuild: (Rebuild, bool)) -> Self {
        let catalog = sweeper.catalog.clone();
        let (rebuild, is_wanted) = rebuild;
        let arriving = Arriving(Arrivals::new(sweeper.ingest.clone()));
        Self {
            arriving,
            recovering: Recovering { rebuild, is_wanted },
            dead_letters: DeadLetters { queue, catalog },
            sweeping: Sweeping(sweeper),
            telling: Telling { dispatcher },
        }
    }

    /// Works until it is told to stop, in tasks of this set.
    pub(crate) fn start(self, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        let Self { dead_letters, recovering, sweeping, telling, arriving } = self;
        let [letters_stop, recovering_stop, sweeping_stop, telling_stop, arriving_stop] =
            std::array::from_fn(|_| stop.clone());
        tasks.spawn(async move { dead_letters.run(letters_stop).await });
        tasks.spawn(async move { recovering.run(recovering_stop).await });
        tasks.spawn(async move { sweeping.run(sweeping_stop).await });
        tasks.spawn(async move { arriving.run(arriving_stop).await });
        tasks.spawn(async move { telling.run(telling_stop).await });
    }
}
