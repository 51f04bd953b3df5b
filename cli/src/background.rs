//! What is done while nobody asks: webhooks are sent, dead letters settled, what is overdue is swept, and sources are
//! taken in that no event reported. In the cloud
//! scheduled functions do the same; several who do it at once do each other no harm.

mod arriving;
mod dead_letters;
mod sweeping;
mod telling;

use functions::arrivals::Arrivals;
use functions::sweeper::Sweeper;
use functions::webhooks::Dispatcher;
use platform::catalog::SharedCatalog;
use platform::job_queue::SharedQueue;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use arriving::Arriving;
use dead_letters::DeadLetters;
use sweeping::Sweeping;
use telling::Telling;

/// All of it.
pub(crate) struct Background {
    dead_letters: DeadLetters,
    sweeping: Sweeping,
    telling: Telling,
    arriving: Arriving,
}

impl Background {
    pub(crate) fn new(queue: SharedQueue, catalog: SharedCatalog, sweeper: Sweeper, dispatcher: Dispatcher) -> Self {
        let arriving = Arriving(Arrivals::new(sweeper.ingest.clone()));
        Self {
            arriving,
            dead_letters: DeadLetters { queue, catalog },
            sweeping: Sweeping(sweeper),
            telling: Telling { dispatcher },
        }
    }

    /// Works until it is told to stop, in tasks of this set.
    pub(crate) fn start(self, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        let Self { dead_letters, sweeping, telling, arriving } = self;
        let [letters_stop, sweeping_stop, telling_stop, arriving_stop] = std::array::from_fn(|_| stop.clone());
        tasks.spawn(async move { dead_letters.run(letters_stop).await });
        tasks.spawn(async move { sweeping.run(sweeping_stop).await });
        tasks.spawn(async move { arriving.run(arriving_stop).await });
        tasks.spawn(async move { telling.run(telling_stop).await });
    }
}
