//! Sends webhooks, as a scheduled function does in the cloud.

use std::time::Duration;

use functions::now_ms;
use functions::webhooks::Dispatcher;
use tokio_util::sync::CancellationToken;

/// How often to look for what became due. What happens in this process is told at once.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long messages on their way may take once everything stops. One that takes longer is sent again.
const LAST_MESSAGES: Duration = Duration::from_secs(2);

pub(super) struct Telling {
    pub(super) dispatcher: Dispatcher,
}

impl Telling {
    /// Sends until it is told to stop.
    pub(super) async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let round = self.dispatcher.dispatch(now_ms(), &stop);
            tokio::select! {
                biased;
                ended = round => {
                    if let Err(error) = ended {
                        tracing::warn!("cannot dispatch webhooks: {:#}", anyhow::Error::from(error));
                        let _ = stop.run_until_cancelled(tokio::time::sleep(LOOK_INTERVAL)).await;
                    }
                }
                () = a_while_after(&stop) => return,
            }
            let _ = stop.run_until_cancelled(self.dispatcher.store.wait(LOOK_INTERVAL)).await;
        }
    }
}

async fn a_while_after(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(LAST_MESSAGES).await;
}
