//! From the outbox to the endpoints.
//!
//! All that has to survive a crash is in the database; several dispatchers may work on it side by side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::content_key::KeyEncryptionKeys;
use domain::webhook::retry;
use http::StatusCode;
use platform::webhooks::{Attempted, Dispatch, Outcome, Settled, SharedWebhooks, WebhookError};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::sender::{Message, Sender, Sent, TIMEOUT};
use super::vault;

/// Events that become deliveries in one transaction.
const SHARE_BATCH: u32 = 100;
/// How often to look for new work while messages are on their way.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// To note how a message ended.
const NOTING: Duration = Duration::from_secs(2);

/// How much at once.
#[derive(Debug, Clone)]
pub struct DispatcherConfig {
    /// Messages on their way.
    pub concurrency: u32,
    /// Of these, to one endpoint, by all dispatchers together.
    pub per_endpoint: u32,
    /// How long a message is ours to send: longer than any attempt takes.
    pub lease: Duration,
}

impl Default for DispatcherConfig {
    fn default() -> Self {
        Self { concurrency: 64, per_endpoint: 8, lease: Duration::from_secs(30) }
    }
}

/// Sends what is due. Clones share everything.
#[derive(Clone)]
pub struct Dispatcher {
    /// What is due.
    pub store: SharedWebhooks,
    /// Open the secrets of endpoints.
    pub keys: Arc<KeyEncryptionKeys>,
    /// Sends.
    pub sender: Sender,
    /// How much at once.
    pub config: DispatcherConfig,
}

/// What one call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Round {
    /// Events that were shared out to endpoints.
    pub shared: u64,
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages that did not, and are sent again.
    pub failed: u64,
    /// Messages that did not, and are not sent again.
    pub given_up: u64,
    /// Endpoints that get nothing any more.
    pub disabled: u64,
    /// Messages of which somebody else says how they ended.
    pub lost: u64,
}

/// The caller's clock, which goes on while we work.
#[derive(Clone, Copy)]
struct Clock {
    began_ms: u64,
    since: Instant,
}

impl Clock {
    fn now_ms(self) -> u64 {
        self.began_ms.saturating_add(millis(self.since.elapsed()))
    }
}

impl Dispatcher {
    /// Sends all that is due at `now_ms` or becomes so meanwhile, and comes back when nothing is. Once
    /// `stop` is cancelled nothing new is begun, and what is on its way comes to its end. What is
    /// dropped in the middle is sent again when its lease has ended.
    ///
    /// # Errors
    /// Of the database: call it again later.
    pub async fn dispatch(&self, now_ms: u64, stop: &CancellationToken) -> Result<Round, WebhookError> {
        let clock = Clock { began_ms: now_ms, since: Instant::now() };
        let (mut round, mut trouble) = (Round::default(), None);
        // Tasks, and not futures that are only looked at here: one of them may have the database's only
        // right to write while we wait for it. Dropping the set ends them.
        let mut flying = JoinSet::new();
        loop {
            if trouble.is_none() && !stop.is_cancelled() {
                let room = (self.config.concurrency as usize).saturating_sub(flying.len());
                match self.next(room, clock, &mut round).await {
                    Ok(dispatches) => {
                        for dispatch in dispatches {
                            let dispatcher = self.clone();
                            flying.spawn(async move { dispatcher.deliver(dispatch, clock).await });
                        }
                    }
                    Err(error) => trouble = Some(error),
                }
            }
            if flying.is_empty() {
                break;
            }
            tokio::select! {
                Some(ended) = flying.join_next() => match ended {
                    Ok(Ok(settled)) => round.count(settled),
                    Ok(Err(WebhookError::LeaseLost(_))) => round.lost += 1,
                    Ok(Err(error)) => trouble = Some(error),
                    Err(panic) => {
                        tracing::error!("a webhook delivery panicked and will be retried: {panic}");
                        round.lost += 1;
                    }
                },
                () = self.store.wait(LOOK_INTERVAL) => {}
            }
        }
        trouble.map_or(Ok(round), Err)
    }

    /// The same for whoever has to be back at `deadline_ms`: begins nothing that might not end before.
    ///
    /// # Errors
    /// Of the database: call it again later.
    pub async fn dispatch_before(&self, deadline_ms: u64, now_ms: u64) -> Result<Round, WebhookError> {
        let left = Duration::from_millis(deadline_ms.saturating_sub(now_ms));
        let stop = CancellationToken::new();
        // Even where that is too long for the deadline, something is sent: half of the time is better than none.
        let begins = left.saturating_sub(TIMEOUT + NOTING).max(left / 2);
        let timer = stop.clone();
        let watch = tokio::spawn(async move {
            tokio::time::sleep(begins).await;
            timer.cancel();
        });
        let round = self.dispatch(now_ms, &stop).await;
        watch.abort();
        round
    }

    /// Shares out what is new, and takes what is due.
    async fn next(&self, room: usize, clock: Clock, round: &mut Round) -> Result<Vec<Dispatch>, WebhookError> {
        loop {
            let shared = self.store.share_out(SHARE_BATCH, clock.now_ms()).await?;
            round.shared += shared;
            if shared < u64::from(SHARE_BATCH) {
                break;
            }
        }
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        self.store.claim(room, self.config.per_endpoint, self.config.lease, clock.now_ms()).await
    }

    async fn deliver(&self, dispatch: Dispatch, clock: Clock) -> Result<Settled, WebhookError> {
        let began = Instant::now();
        let sent = self.send(&dispatch, clock.now_ms()).await;
        let (now_ms, duration_ms) = (clock.now_ms(), millis(began.elapsed()));
        let attempted = judge(&dispatch, &sent, duration_ms, now_ms, jitter());
        let settled = self.store.settle(&dispatch, &attempted, now_ms).await;
        log(&dispatch, &attempted, &settled);
        settled
    }

    async fn send(&self, dispatch: &Dispatch, now_ms: u64) -> Sent {
        let secrets = match vault::open(&self.keys, &dispatch.endpoint, now_ms) {
            Ok(secrets) => secrets,
            Err(error) => {
                let id = dispatch.endpoint.id;
                tracing::error!(webhook.id = %id, "cannot send to webhook {id}: {:#}", anyhow::Error::from(error));
                return Sent::Failed("its secret cannot be opened here".to_owned());
            }
        };
        let url = dispatch.endpoint.url.as_str();
        let (id, body) = (dispatch.event, dispatch.payload.clone());
        self.sender.send(Message { url, id, unix_seconds: now_ms / 1_000, secrets: &secrets, body }).await
    }
}

impl Round {
    fn count(&mut self, settled: Settled) {
        match settled {
            Settled::Delivered => self.delivered += 1,
            Settled::Waits => self.failed += 1,
            Settled::GivenUp => self.given_up += 1,
            Settled::Disabled(_) => {
                self.given_up += 1;
                self.disabled += 1;
            }
        }
    }
}

/// What follows from what came of sending.
fn judge(dispatch: &Dispatch, sent: &Sent, duration_ms: u64, now_ms: u64, jitter: u16) -> Attempted {
    let failed = |wished_ms| {
        let retry_ms = retry::next_attempt(dispatch.attempt, dispatch.first_ms, now_ms, jitter, wished_ms);
        let pause_until_ms = retry::bounded_wish(wished_ms).map(|it| now_ms.saturating_add(it));
        Outcome::Failed { retry_ms, pause_until_ms }
    };
    let (outcome, status, error) = match sent {
        Sent::Answered { status, .. } if status.is_success() => (Outcome::Delivered, Some(status), None),
        Sent::Answered { status, .. } if *status == StatusCode::GONE => {
            (Outcome::Gone, Some(status), Some("HTTP 410: the endpoint is gone".to_owned()))
        }
        Sent::Answered { status, retry_after_ms } => {
            let hint = if status.is_redirection() { ", and redirects are not followed" } else { "" };
            (failed(*retry_after_ms), Some(status), Some(format!("HTTP {}{hint}", status.as_u16())))
        }
        Sent::Failed(reason) => (failed(None), None, Some(reason.clone())),
    };
    Attempted { outcome, status: status.map(StatusCode::as_u16), error, duration_ms }
}

fn log(dispatch: &Dispatch, attempted: &Attempted, settled: &Result<Settled, WebhookError>) {
    let (endpoint, event, attempt) = (dispatch.endpoint.id, dispatch.event, dispatch.attempt);
    let why = attempted.error.as_deref().unwrap_or_default();
    match settled {
        Ok(Settled::Delivered) => {
            tracing::debug!(webhook.id = %endpoint, event.id = %event, attempt, "delivered a {} event to {endpoint}", dispatch.kind);
        }
        Ok(Settled::Waits) => {
            tracing::debug!(webhook.id = %endpoint, event.id = %event, attempt, "delivery of {event} to {endpoint} failed: {why}");
        }
        Ok(Settled::GivenUp) => {
            tracing::warn!(webhook.id = %endpoint, event.id = %event, attempt, "delivery of {event} to {endpoint} failed permanently: {why}");
        }
        Ok(Settled::Disabled(_)) => {
            tracing::warn!(webhook.id = %endpoint, event.id = %event, "disabled {endpoint}: {why}");
        }
        Err(WebhookError::LeaseLost(_)) => {
            tracing::debug!(webhook.id = %endpoint, event.id = %event, "another dispatcher has claimed the delivery of {event}");
        }
        // Whoever called logs it.
        Err(_) => {}
    }
}

/// Chance without consequences: where there is none, everybody comes back at once.
fn jitter() -> u16 {
    let mut bytes = [0; 2];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u16::from_ne_bytes(bytes),
        Err(_) => 0,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
