//! One message to one endpoint: signed, guarded, bounded.

use std::time::Duration;

use domain::webhook::{EventId, SigningSecret};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use platform::net::Guard;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

/// How long an endpoint may take for everything: its name, the connection, its answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// What is read of an answer, so that its connection can be used again. Nobody looks at it.
const READ_LIMIT: usize = 64 << 10;
/// Shorter than servers keep theirs: a connection that closes under a request is a failure for nothing.
const IDLE: Duration = Duration::from_secs(2);
/// Longest reason that is noted, characters.
const REASON_LIMIT: usize = 300;

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Sender {
    client: reqwest::Client,
    guard: Guard,
    timeout: Duration,
}

/// The client could not be made: this machine has no certificates, for example.
#[derive(Debug, thiserror::Error)]
#[error("cannot create the HTTP client for webhooks")]
pub struct SenderError(#[from] reqwest::Error);

/// What is sent.
pub(super) struct Message<'a> {
    pub(super) url: &'a str,
    /// The same in every attempt.
    pub(super) id: EventId,
    /// Now, Unix seconds.
    pub(super) unix_seconds: u64,
    /// Each signs.
    pub(super) secrets: &'a [SigningSecret],
    pub(super) body: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    /// The endpoint answered.
    Answered {
        status: StatusCode,
        /// The pause that it asked for.
        retry_after_ms: Option<u64>,
    },
    /// It did not, for this reason.
    Failed(String),
}

impl Sender {
    /// A sender for addresses that `guard` lets through.
    ///
    /// # Errors
    /// See [`SenderError`].
    pub fn new(guard: Guard, timeout: Duration) -> Result<Self, SenderError> {
        let client = guard.client().pool_idle_timeout(IDLE).build()?;
        Ok(Self { client, guard, timeout })
    }

    pub(super) async fn send(&self, message: Message<'_>) -> Sent {
        match tokio::time::timeout(self.timeout, self.try_send(message)).await {
            Ok(sent) => sent,
            Err(_) => Sent::Failed(format!("no response within {} s", self.timeout.as_secs_f32())),
        }
    }

    async fn try_send(&self, message: Message<'_>) -> Sent {
        // Looked at again: what was allowed once may not be allowed now.
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
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("Edgereel-Webhooks/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &id)
            .header("webhook-timestamp", message.unix_seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(message.body);
        match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                let retry_after_ms = retry_after_ms(answer.headers(), message.unix_seconds);
                // The status has decided. What follows it may break off or take too long, and that changes
                // nothing.
                let _ = tokio::time::timeout(self.timeout / 4, drain(answer)).await;
                Sent::Answered { status, retry_after_ms }
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

/// For the log of the endpoint: what its owner can act on.
fn reason(error: &reqwest::Error) -> String {
    if let Some(refused) = Guard::refusal(error) {
        return refused.to_string();
    }
    let what = if error.is_connect() { "could not connect" } else { "the connection broke off" };
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    format!("{what}: {cause}").chars().take(REASON_LIMIT).collect()
}

/// The pause that an answer asks for, in seconds or as a date (RFC 9110, 10.2.3).
fn retry_after_ms(headers: &HeaderMap, now_seconds: u64) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let until = u64::try_from(OffsetDateTime::parse(text, &Rfc2822).ok()?.unix_timestamp()).ok()?;
    Some(until.saturating_sub(now_seconds).saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn pauses_are_seconds_or_dates() {
        let now = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT
        let table = [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in table {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            assert_eq!(retry_after_ms(&headers, now), expected, "{text}");
        }
        assert_eq!(retry_after_ms(&HeaderMap::new(), now), None);
    }
}
