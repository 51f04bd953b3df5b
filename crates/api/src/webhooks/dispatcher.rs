//! Delivers events from the outbox to the endpoints.
//!
//! All durable state is in the database; several dispatchers may run concurrently.

use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::webhooks::{
    AttemptOutcome, DeliveryAttempt, DeliveryOutcome, Dispatch, WebhookError, Webhooks,
};
use domain::content_key::KeyEncryptionKeys;
use domain::time::{UnixMillis, millis};
use domain::trace::TraceParent;
use domain::webhook::retry;
use http::StatusCode;
use metrics::table::{WEBHOOK_ATTEMPTS, WEBHOOK_LAG_SECONDS, WEBHOOK_REQUEST_SECONDS};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::sealed_secret;
use super::sender::{Message, Sender, Sent, TIMEOUT};

/// Events that are fanned out per transaction.
const FAN_OUT_BATCH: u32 = 100;
/// Polling interval while messages are being sent.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Time to record the outcome of a message.
const RECORD_TIMEOUT: Duration = Duration::from_secs(2);

/// Limits of a dispatcher.
#[derive(Debug, Clone)]
pub struct DispatcherConfig {
    /// Concurrent messages.
    pub concurrency: u32,
    /// Concurrent messages per endpoint, of all dispatchers together.
    pub per_endpoint: u32,
    /// Lease of a message: longer than any attempt takes.
    pub lease: Duration,
}

impl Default for DispatcherConfig {
    fn default() -> Self {
        Self {
            concurrency: 64,
            per_endpoint: 8,
            lease: Duration::from_secs(30),
        }
    }
}

/// Sends due messages. Clones share the state.
#[derive(Clone)]
pub struct Dispatcher {
    /// Events and deliveries.
    pub store: Webhooks,
    /// Decrypt the secrets of endpoints.
    pub keys: Arc<KeyEncryptionKeys>,
    /// Sends.
    pub sender: Sender,
    /// Limits of a dispatcher.
    pub config: DispatcherConfig,
}

/// The result of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DispatchSummary {
    /// Events that were fanned out to endpoints.
    pub shared: u64,
    /// Messages that were delivered.
    pub delivered: u64,
    /// Messages that failed and will be retried.
    pub failed: u64,
    /// Messages that failed permanently.
    pub given_up: u64,
    /// Endpoints that were disabled.
    pub disabled: u64,
    /// Messages whose lease was lost: another dispatcher records their outcome.
    pub lost: u64,
}

/// The caller's clock, which continues during the call.
#[derive(Clone, Copy)]
struct Clock {
    began_ms: UnixMillis,
    since: Instant,
}

impl Clock {
    fn now(self) -> UnixMillis {
        self.began_ms + self.since.elapsed()
    }
}

impl Dispatcher {
    /// Sends all messages that are due at `now` or become due during the call, and returns when none is left. After
    /// `stop` is cancelled, it starts no new messages and finishes those that are being sent. A message that is
    /// dropped is sent again when its lease has expired.
    ///
    /// # Errors
    /// If the database fails: call it again later.
    pub async fn dispatch(
        &self,
        now: UnixMillis,
        stop: &CancellationToken,
    ) -> Result<DispatchSummary, WebhookError> {
        let clock = Clock {
            began_ms: now,
            since: Instant::now(),
        };
        let (mut summary, mut failure) = (DispatchSummary::default(), None);
        // Tasks, because futures that are polled here could deadlock: one of them may hold the database's only
        // write lock while this function waits for it. Dropping the set aborts them.
        let mut deliveries = JoinSet::new();
        loop {
            if failure.is_none() && !stop.is_cancelled() {
                let room = (self.config.concurrency as usize).saturating_sub(deliveries.len());
                match self.next(room, clock, &mut summary).await {
                    Ok(dispatches) => {
                        for dispatch in dispatches {
                            let dispatcher = self.clone();
                            deliveries
                                .spawn(async move { dispatcher.deliver(dispatch, clock).await });
                        }
                    }
                    Err(error) => failure = Some(error),
                }
            }
            if deliveries.is_empty() {
                break;
            }
            tokio::select! {
                Some(ended) = deliveries.join_next() => match ended {
                    Ok(Ok(settled)) => summary.count(settled),
                    Ok(Err(WebhookError::LeaseLost(_))) => summary.lost += 1,
                    Ok(Err(error)) => failure = Some(error),
                    Err(panic) => {
                        tracing::error!("a webhook delivery panicked and will be retried: {panic}");
                        summary.lost += 1;
                    }
                },
                () = self.store.wait(POLL_INTERVAL) => {}
            }
        }
        failure.map_or(Ok(summary), Err)
    }

    /// The same with a deadline: starts no message that might not finish before `deadline_ms`.
    ///
    /// # Errors
    /// If the database fails: call it again later.
    pub async fn dispatch_before(
        &self,
        deadline_ms: UnixMillis,
        now: UnixMillis,
    ) -> Result<DispatchSummary, WebhookError> {
        let left = deadline_ms.since(now);
        let stop = CancellationToken::new();
        // With a short deadline, half of the time is used, so that some messages are sent.
        let begins = left.saturating_sub(TIMEOUT + RECORD_TIMEOUT).max(left / 2);
        let timer = stop.clone();
        let watch = tokio::spawn(async move {
            tokio::time::sleep(begins).await;
            timer.cancel();
        });
        let summary = self.dispatch(now, &stop).await;
        watch.abort();
        summary
    }

    /// Fans out new events and claims due messages.
    async fn next(
        &self,
        room: usize,
        clock: Clock,
        summary: &mut DispatchSummary,
    ) -> Result<Vec<Dispatch>, WebhookError> {
        loop {
            let shared = self.store.fan_out(FAN_OUT_BATCH, clock.now()).await?;
            summary.shared += shared;
            if shared < u64::from(FAN_OUT_BATCH) {
                break;
            }
        }
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        self.store
            .claim(
                room,
                self.config.per_endpoint,
                self.config.lease,
                clock.now(),
            )
            .await
    }

    async fn deliver(
        &self,
        dispatch: Dispatch,
        clock: Clock,
    ) -> Result<DeliveryOutcome, WebhookError> {
        let began = Instant::now();
        let span = tracing::info_span!(
            "delivery",
            webhook.id = %dispatch.endpoint.id,
            event.id = %dispatch.event,
            event.kind = %dispatch.kind,
            attempt = dispatch.attempt,
            status = Empty,
            failure = Empty,
            trace_id = Empty,
            span_id = Empty
        );
        let cause = dispatch.trace;
        let cause = cause.map(|it| (it.parent, it.continuation(clock.now())));
        let trace = traces::resume(&span, cause);
        let sending = self.send(&dispatch, clock.now(), trace);
        let sent = sending.instrument(span.clone()).await;
        match &sent {
            Sent::Answered { status, .. } => span.record("status", status.as_u16()),
            Sent::Failed(_) => span.record("failure", "no-response"),
        };
        // It ends with the message, before its result is recorded.
        drop(span);
        let (now, took) = (clock.now(), began.elapsed());
        let attempted = outcome_of(&dispatch, &sent, millis(took), now, jitter());
        let settled = self.store.record_attempt(&dispatch, &attempted, now).await;
        self.measure(&settled, took, now.since(dispatch.event_ms));
        log(&dispatch, &attempted, &settled);
        settled
    }

    /// Records an attempt that took `took`, `age` after its event.
    fn measure(
        &self,
        settled: &Result<DeliveryOutcome, WebhookError>,
        took: Duration,
        age: Duration,
    ) {
        let metrics = self.store.metrics();
        metrics.time(&WEBHOOK_REQUEST_SECONDS, [], took);
        let outcome = match settled {
            Ok(DeliveryOutcome::Delivered) => {
                metrics.time(&WEBHOOK_LAG_SECONDS, [], age);
                "delivered"
            }
            Ok(DeliveryOutcome::Pending) => "failed",
            Ok(DeliveryOutcome::Failed) => "given-up",
            Ok(DeliveryOutcome::Disabled(_)) => "disabled",
            Err(WebhookError::LeaseLost(_)) => "lost",
            // The outcome is not known: the message is sent again.
            Err(_) => return,
        };
        metrics.count(&WEBHOOK_ATTEMPTS, [outcome]);
    }

    async fn send(&self, dispatch: &Dispatch, now: UnixMillis, trace: Option<TraceParent>) -> Sent {
        let secrets = match sealed_secret::open(&self.keys, &dispatch.endpoint, now) {
            Ok(secrets) => secrets,
            Err(error) => {
                let id = dispatch.endpoint.id;
                tracing::error!(webhook.id = %id, "cannot send to webhook {id}: {:#}", anyhow::Error::from(error));
                return Sent::Failed("cannot decrypt the secret of the webhook".to_owned());
            }
        };
        let url = dispatch.endpoint.url.as_str();
        let (id, body) = (dispatch.event, dispatch.payload.clone());
        self.sender
            .send(Message {
                url,
                id,
                unix_seconds: now.as_secs(),
                secrets: &secrets,
                body,
                trace,
            })
            .await
    }
}

impl DispatchSummary {
    fn count(&mut self, settled: DeliveryOutcome) {
        match settled {
            DeliveryOutcome::Delivered => self.delivered += 1,
            DeliveryOutcome::Pending => self.failed += 1,
            DeliveryOutcome::Failed => self.given_up += 1,
            DeliveryOutcome::Disabled(_) => {
                self.given_up += 1;
                self.disabled += 1;
            }
        }
    }
}

/// The outcome of an attempt.
fn outcome_of(
    dispatch: &Dispatch,
    sent: &Sent,
    duration_ms: u64,
    now: UnixMillis,
    jitter: u16,
) -> DeliveryAttempt {
    let failed = |requested_delay| {
        let retry_ms = retry::next_attempt(
            dispatch.attempt,
            dispatch.first_ms,
            now,
            jitter,
            requested_delay,
        );
        let pause_until_ms = retry::bounded_request(requested_delay).map(|it| now + it);
        AttemptOutcome::Failed {
            retry_ms,
            pause_until_ms,
        }
    };
    let (outcome, status, error) = match sent {
        Sent::Answered { status, .. } if status.is_success() => {
            (AttemptOutcome::Delivered, Some(status), None)
        }
        Sent::Answered { status, .. } if *status == StatusCode::GONE => (
            AttemptOutcome::Gone,
            Some(status),
            Some("HTTP 410: the endpoint is gone".to_owned()),
        ),
        Sent::Answered {
            status,
            retry_after,
        } => {
            let hint = if status.is_redirection() {
                ", and redirects are not followed"
            } else {
                ""
            };
            (
                failed(*retry_after),
                Some(status),
                Some(format!("HTTP {}{hint}", status.as_u16())),
            )
        }
        Sent::Failed(reason) => (failed(None), None, Some(reason.clone())),
    };
    DeliveryAttempt {
        outcome,
        status: status.map(StatusCode::as_u16),
        error,
        duration_ms,
    }
}

fn log(
    dispatch: &Dispatch,
    attempted: &DeliveryAttempt,
    settled: &Result<DeliveryOutcome, WebhookError>,
) {
    let (endpoint, event, attempt) = (dispatch.endpoint.id, dispatch.event, dispatch.attempt);
    let reason = attempted.error.as_deref().unwrap_or_default();
    match settled {
        Ok(DeliveryOutcome::Delivered) => {
            tracing::debug!(webhook.id = %endpoint, event.id = %event, attempt, "delivered a {} event to {endpoint}", dispatch.kind);
        }
        Ok(DeliveryOutcome::Pending) => {
            tracing::debug!(webhook.id = %endpoint, event.id = %event, attempt, "delivery of {event} to {endpoint} failed: {reason}");
        }
        Ok(DeliveryOutcome::Failed) => {
            tracing::warn!(webhook.id = %endpoint, event.id = %event, attempt, "delivery of {event} to {endpoint} failed permanently: {reason}");
        }
        Ok(DeliveryOutcome::Disabled(_)) => {
            tracing::warn!(webhook.id = %endpoint, event.id = %event, "disabled {endpoint}: {reason}");
        }
        Err(WebhookError::LeaseLost(_)) => {
            tracing::debug!(webhook.id = %endpoint, event.id = %event, "another dispatcher has claimed the delivery of {event}");
        }
        // The caller logs it.
        Err(_) => {}
    }
}

/// Random jitter for retries; without randomness, there is no jitter.
fn jitter() -> u16 {
    let mut bytes = [0; 2];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u16::from_ne_bytes(bytes),
        Err(_) => 0,
    }
}
