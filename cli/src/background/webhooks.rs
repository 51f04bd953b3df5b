//! Background task: sends webhooks, as a scheduled function does in the cloud.

use std::time::Duration;

use api::webhooks::Dispatcher;
use platform::clock;
use tokio_util::sync::CancellationToken;

/// Polling interval for due messages. Events of this process wake the task immediately.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long messages that are being sent may take at shutdown. Slower ones are sent again.
const GRACE_PERIOD: Duration = Duration::from_secs(2);

pub(super) struct WebhookTask {
    pub(super) dispatcher: Dispatcher,
}

impl WebhookTask {
    /// Runs until `stop` is cancelled.
    pub(super) async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let dispatch = self.dispatcher.dispatch(clock::now(), &stop);
            tokio::select! {
                biased;
                ended = dispatch => match ended {
                    Ok(_) => super::succeeded(self.dispatcher.store.metrics(), "webhooks"),
                    Err(error) => {
                        tracing::warn!("cannot dispatch webhooks: {:#}", anyhow::Error::from(error));
                        let _ = stop.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await;
                    }
                },
                () = grace_period_after(&stop) => return,
            }
            let _ = stop
                .run_until_cancelled(self.dispatcher.store.wait(POLL_INTERVAL))
                .await;
        }
    }
}

async fn grace_period_after(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE_PERIOD).await;
}
