//! What is done while nobody asks: webhooks are sent, dead letters settled, what is overdue is swept. In the cloud
//! scheduled functions do the same; several who do it at once do each other no harm.

mod dead_letters;
mod sweeping;
mod telling;

use functions::sweeper::Sweeper;
use functions::webhooks::Dispatcher;
use platform::catalog::SharedCatalog;
use platform::job_queue::SharedQueue;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use dead_letters::DeadLetters;
use sweeping::Sweeping;
use telling::Telling;

/// All of it.
pub(crate) struct Background {
    dead_letters: DeadLetters,
    sweeping: Sweeping,
    telling: Telling,
}

impl Background {
    pub(crate) fn new(queue: SharedQueue, catalog: SharedCatalog, sweeper: Sweeper, dispatcher: Dispatcher) -> Self {
        Self {
            dead_letters: DeadLetters { queue, catalog },
            sweeping: Sweeping(sweeper),
            telling: Telling { dispatcher },
        }
    }

    /// Works until it is told to stop, in tasks of this set.
    pub(crate) fn start(self, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        let Self { dead_letters, sweeping, telling } = self;
        let [letters_stop, sweeping_stop, telling_stop] = [stop.clone(), stop.clone(), stop.clone()];
        tasks.spawn(async move { dead_letters.run(letters_stop).await });
        tasks.spawn(async move { sweeping.run(sweeping_stop).await });
        tasks.spawn(async move { telling.run(telling_stop).await });
    }
}
