//! Sends one signed message to one endpoint, with limits on address, time and size.

use std::time::Duration;

use domain::trace::{TRACEPARENT, TraceParent};
use domain::webhook::{EventId, SigningSecret};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use platform::net::Guard;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

/// Total timeout of a message: name resolution, connection and response.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Limit of the response body, which is read only to reuse the connection.
const READ_LIMIT: usize = 64 << 10;
/// Idle timeout, shorter than that of servers: a connection that closes during a request causes a needless failure.
const IDLE: Duration = Duration::from_secs(2);
/// Longest error that is recorded, in characters.
const REASON_LIMIT: usize = 300;

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Sender {
    client: reqwest::Client,
    guard: Guard,
    timeout: Duration,
}

/// The HTTP client cannot be created, for example because this machine has no certificates.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the HTTP client for webhooks")]
pub struct SenderError(#[from] reqwest::Error);

/// A message.
pub(super) struct Message<'a> {
    pub(super) url: &'a str,
    /// The event id, the same in every attempt.
    pub(super) id: EventId,
    /// Current time in Unix seconds.
    pub(super) unix_seconds: u64,
    /// The message is signed with each of them.
    pub(super) secrets: &'a [SigningSecret],
    pub(super) body: String,
    /// The trace that the endpoint may continue.
    pub(super) trace: Option<TraceParent>,
}

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// The endpoint responded.
    Answered {
        status: StatusCode,
        /// The delay that the endpoint requested.
        retry_after: Option<Duration>,
    },
    /// The endpoint did not respond, for this reason.
    Failed(String),
}

impl Sender {
    /// A sender for addresses that `guard` allows.
    ///
    /// # Errors
    /// See [`SenderError`].
    pub fn new(guard: Guard, timeout: Duration) -> Result<Self, SenderError> {
        let client = guard.client().pool_idle_timeout(IDLE).build()?;
        Ok(Self {
            client,
            guard,
            timeout,
        })
    }

    pub(super) async fn send(&self, message: Message<'_>) -> Sent {
        match tokio::time::timeout(self.timeout, self.try_send(message)).await {
            Ok(sent) => sent,
            Err(_) => Sent::Failed(format!(
                "no response within {} s",
                self.timeout.as_secs_f32()
            )),
        }
    }

    async fn try_send(&self, message: Message<'_>) -> Sent {
        // Checked again: the policy may have changed.
        let url = match Url::parse(message.url) {
            Ok(url) => url,
            Err(error) => return Sent::Failed(error.to_string()),
        };
        if let Err(refused) = self.guard.check(&url) {
            return Sent::Failed(refused.to_string());
        }
        let id = message.id.to_string();
        let sign = |it: &SigningSecret| it.sign(&id, message.unix_seconds, message.body.as_bytes());
        let signatures: Vec<String> = message.secrets.iter().map(sign).collect();
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(
                USER_AGENT,
                concat!("Edgereel-Webhooks/", env!("CARGO_PKG_VERSION")),
            )
            .header("webhook-id", &id)
            .header("webhook-timestamp", message.unix_seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(message.body);
        if let Some(trace) = message.trace {
            request = request.header(TRACEPARENT, trace.to_string());
        }
        match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                let retry_after = retry_after(answer.headers(), message.unix_seconds);
                // The status decides. A body that is interrupted or too slow changes
                // nothing.
                let _ = tokio::time::timeout(self.timeout / 4, drain(answer)).await;
                Sent::Answered {
                    status,
                    retry_after,
                }
            }
            Err(error) => Sent::Failed(reason(&error)),
        }
    }
}

async fn drain(mut answer: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > READ_LIMIT {
            break;
        }
    }
}

/// The error for the delivery log, for the owner of the endpoint.
fn reason(error: &reqwest::Error) -> String {
    if let Some(refused) = Guard::refusal(error) {
        return refused.to_string();
    }
    let what = if error.is_connect() {
        "cannot connect"
    } else {
        "the connection was interrupted"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("{what}: {cause}")
        .chars()
        .take(REASON_LIMIT)
        .collect()
}

/// The delay in `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now_seconds: u64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = u64::try_from(OffsetDateTime::parse(text, &Rfc2822).ok()?.unix_timestamp()).ok()?;
    Some(Duration::from_secs(until.saturating_sub(now_seconds)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn pauses_are_seconds_or_dates() {
        let now = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT
        let table = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in table {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            assert_eq!(
                retry_after(&headers, now),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
