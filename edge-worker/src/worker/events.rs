//! Handles batches of the bucket's events: turns messages into jobs, sends the jobs, and
//! acknowledges or retries each message separately.

use domain::event::EventContext;
use js_sys::futures::JsFuture;
use js_sys::{JSON, JsString, Object, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{AbortSignal, Headers, RequestInit, RequestRedirect, Response, WorkerGlobalScope};
use worker::worker_sys::{Message, MessageBatch};
use worker::{Env, console_error, console_log};

use super::bindings;
use crate::delivery::{Delivery, Request};
use crate::relay::{self, MessageOutcome, Plan};
use crate::url::Url;

/// Time limit of a request to the queue or to the API, milliseconds.
const TIME_LIMIT_MS: u32 = 10_000;

/// Handles a batch.
pub(super) async fn handle_batch(batch: &MessageBatch, env: &Env) {
    let Some(relay) = bindings::relay(env) else {
        // Nothing is lost: the batch is retried, when an operator has corrected the settings.
        log_failure(batch.retry_all(JsValue::UNDEFINED));
        return;
    };
    let messages: Vec<Message> = batch
        .messages()
        .unwrap_or_default()
        .iter()
        .map(|it| it.unchecked_into())
        .collect();
    let bodies: Vec<Option<String>> = messages.iter().map(|it| text(&it.body().ok()?)).collect();
    let context = EventContext {
        bucket: &relay.bucket,
        profile: &relay.profile,
        mode: relay.mode,
    };
    let plan = Plan::new(&bodies, context);
    let mut delivery = Delivery::new(&relay.destination, &plan.bodies);
    while let Some(request) = delivery.next_request((js_sys::Date::now() / 1000.0) as u64) {
        let (status, response) = match post(&request).await {
            Ok(answer) => answer,
            Err(error) => (0, worker::Error::from(error).to_string()),
        };
        if let Some(error) = delivery.record(status, &response) {
            // Only the host of the URL, because its path may be secret.
            let host = Url::split(&request.url).map_or("an invalid URL", |it| it.origin);
            let error: String = error.chars().take(500).collect();
            console_error!("{host}: {error}");
        }
    }
    let jobs = delivery.outcomes;
    for (message, outcome) in messages.iter().zip(plan.outcomes(&jobs)) {
        match outcome {
            MessageOutcome::Ack => log_failure(message.ack()),
            MessageOutcome::Retry => log_failure(later(message)),
        }
    }
    console_log!("{}", plan.summary(&jobs));
}

/// Retries a message; the older it is, the later.
fn later(message: &Message) -> Result<(), JsValue> {
    let age = (js_sys::Date::now() - message.timestamp()?.get_time()) / 1000.0;
    let options = Object::new();
    Reflect::set(
        &options,
        &JsValue::from_str("delaySeconds"),
        &JsValue::from(relay::pause(age)),
    )?;
    message.retry(options.into())
}

/// Logs a failed call. The queue redelivers messages without an outcome, so nothing is lost.
fn log_failure(outcome: Result<(), JsValue>) {
    if let Err(error) = outcome {
        console_error!(
            "could not report the outcome to the queue: {}",
            worker::Error::from(error)
        );
    }
}

/// A message as JSON: R2 sends values, others may send text.
fn text(body: &JsValue) -> Option<String> {
    match body.dyn_ref::<JsString>() {
        Some(text) => Some(text.into()),
        None => JSON::stringify(body).ok().map(Into::into),
    }
}

/// The status and the body of the response.
async fn post(request: &Request) -> Result<(u16, String), JsValue> {
    let (sent, init) = (Headers::new()?, RequestInit::new());
    request
        .headers
        .iter()
        .try_for_each(|(name, value)| sent.set(name, value))?;
    init.set_method("POST");
    init.set_headers_headers(&sent);
    init.set_body(&JsValue::from_str(&request.body));
    // A peer that does not answer would hold the batch for 15 minutes.
    init.set_signal(Some(&AbortSignal::timeout_with_u32(TIME_LIMIT_MS)));
    // The signature is valid for one host only.
    init.set_redirect(RequestRedirect::Manual);
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let response = JsFuture::from(scope.fetch_with_str_and_init(&request.url, &init)).await?;
    let response: Response = response.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    Ok((response.status(), text.as_string().unwrap_or_default()))
}
