//! Requests to the HTTP API of a service.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use platform::secret::Secret;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::client;

/// Attempts of a request. Each one that we send can be repeated.
const ATTEMPTS: u32 = 5;
/// Before the second attempt; doubled each time, unless the service names another time.
const BACKOFF: Duration = Duration::from_millis(500);
/// Longest pause that a service can demand.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Longest explanation of a service in characters.
const DETAIL_LIMIT: usize = 300;

/// Why a request to a service failed. The messages have no URL: that of a file is a secret.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It cannot be reached, or the connection was interrupted.
    #[error("cannot reach {service}")]
    Unreachable {
        /// The service.
        service: &'static str,
        /// The cause, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// It is overloaded, or limits the rate of requests.
    #[error("{service} responded with {status}")]
    Busy {
        /// The service.
        service: &'static str,
        /// The HTTP status.
        status: StatusCode,
    },
    /// It does not accept the credentials.
    #[error("{service} rejected the credentials with {status}: {remedy}")]
    Credentials {
        /// The service.
        service: &'static str,
        /// The HTTP status.
        status: StatusCode,
        /// What to check.
        remedy: &'static str,
    },
    /// It does not accept the request.
    #[error("{service} responded with {status}: {detail}")]
    Rejected {
        /// The service.
        service: &'static str,
        /// The HTTP status.
        status: StatusCode,
        /// Its explanation.
        detail: String,
    },
    /// The response has another form. The cause would quote the response.
    #[error("unexpected response from {service}, at line {line}, column {column}")]
    Unexpected {
        /// The service.
        service: &'static str,
        /// The line in the response; 0: as a whole.
        line: usize,
        /// The column in the line.
        column: usize,
    },
}

impl ServiceError {
    /// The machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "service-unreachable",
            Self::Busy { .. } => "service-busy",
            Self::Credentials { .. } => "service-credentials",
            Self::Rejected { .. } => "service-rejected",
            Self::Unexpected { .. } => "unexpected-response",
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } => true,
            Self::Credentials { .. } | Self::Rejected { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// Whether the service may respond in another way to a request for another asset.
    pub(super) fn is_of_asset(&self) -> bool {
        match self {
            Self::Rejected { .. } | Self::Unexpected { .. } => true,
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Credentials { .. } => false,
        }
    }

    /// Whether the service does not have the resource.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Rejected { status, .. } if *status == StatusCode::NOT_FOUND)
    }
}

/// How requests are authenticated.
pub(super) enum Credentials {
    /// The id and the secret of a token (RFC 7617).
    Basic(Secret, Secret),
    /// A token (RFC 6750).
    Bearer(Secret),
}

/// A client of a service.
pub(super) struct ServiceClient {
    pub(super) service: &'static str,
    /// What to check if the service rejects the credentials.
    remedy: &'static str,
    base: String,
    credentials: Credentials,
    http: reqwest::Client,
}

impl ServiceClient {
    /// A client of the API at a base URL.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub(super) fn new(
        service: &'static str,
        remedy: &'static str,
        base: &str,
        credentials: Credentials,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            service,
            remedy,
            base: base.trim_end_matches('/').to_owned(),
            credentials,
            http: client(base)?,
        })
    }

    /// Sends a request, up to five times. The service is asked less often if it demands that.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ServiceError> {
        let mut pause = BACKOFF;
        for _ in 1..ATTEMPTS {
            let (error, wanted) = match self.send_once(method.clone(), path, body).await {
                Err((error, wanted)) if error.is_passing() => (error, wanted),
                result => return result.map_err(|it| it.0),
            };
            tracing::debug!("{error}: another attempt follows");
            tokio::time::sleep(wanted.unwrap_or(pause).min(LONGEST_PAUSE)).await;
            pause *= 2;
        }
        let result = self.send_once(method, path, body).await;
        result.map_err(|it| it.0)
    }

    /// The error of an unexpected response as a whole.
    pub(super) fn unexpected(&self) -> ServiceError {
        ServiceError::Unexpected {
            service: self.service,
            line: 0,
            column: 0,
        }
    }

    /// Its error comes with the pause that the service demands.
    async fn send_once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, (ServiceError, Option<Duration>)> {
        let service = self.service;
        let unreachable = |it: reqwest::Error| {
            let source = it.without_url();
            (ServiceError::Unreachable { service, source }, None)
        };
        let request = self.http.request(method, format!("{}{path}", self.base));
        let mut request = match &self.credentials {
            Credentials::Basic(id, secret) => {
                request.basic_auth(id.expose(), Some(secret.expose()))
            }
            Credentials::Bearer(token) => request.bearer_auth(token.expose()),
        };
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let wanted = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|it| it.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let bytes = response.bytes().await.map_err(unreachable)?;
        if !status.is_success() {
            return Err((self.error(status, &bytes), wanted));
        }
        serde_json::from_slice(&bytes).map_err(|it| {
            let (line, column) = (it.line(), it.column());
            let error = ServiceError::Unexpected {
                service,
                line,
                column,
            };
            (error, None)
        })
    }

    fn error(&self, status: StatusCode, body: &[u8]) -> ServiceError {
        let (service, remedy) = (self.service, self.remedy);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ServiceError::Credentials {
                service,
                status,
                remedy,
            },
            StatusCode::TOO_MANY_REQUESTS => ServiceError::Busy { service, status },
            _ if status.is_server_error() => ServiceError::Busy { service, status },
            _ => ServiceError::Rejected {
                service,
                status,
                detail: detail_of(body),
            },
        }
    }
}

/// The explanation in an error of Mux, `{"error": {"messages": [..]}}`, or of Cloudflare,
/// `{"errors": [{"message": ..}]}`. URLs are left out.
fn detail_of(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let texts = |list: &Value, of: fn(&Value) -> &Value| -> Vec<String> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let texts = list.iter().filter_map(|it| of(it).as_str());
        texts.map(str::to_owned).collect()
    };
    let mut found = texts(&body["error"]["messages"], |it| it);
    found.extend(texts(&body["errors"], |it| &it["message"]));
    if found.is_empty() {
        return "no explanation".to_owned();
    }
    let words = found.join("; ");
    let words = words.split_whitespace().map(|it| match it.contains("://") {
        true => "(URL)",
        false => it,
    });
    let text = words.collect::<Vec<_>>().join(" ");
    text.chars().take(DETAIL_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanations_have_no_urls() {
        for (body, expected) in [
            (
                r#"{"error":{"type":"not_found","messages":["The requested resource either doesn't exist"]}}"#,
                "The requested resource either doesn't exist",
            ),
            (
                r#"{"success":false,"errors":[{"code":10003,"message":"Not Found"},{"code":1,"message":"b"}]}"#,
                "Not Found; b",
            ),
            (
                r#"{"errors":[{"message":"cannot read https://files.example/?secret=1 now"}]}"#,
                "cannot read (URL) now",
            ),
            ("<html>", "no explanation"),
            ("[]", "no explanation"),
            ("{\"errors\":{}}", "no explanation"),
        ] {
            assert_eq!(detail_of(body.as_bytes()), expected, "{body}");
        }
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(5_000));
        assert_eq!(detail_of(long.as_bytes()).len(), DETAIL_LIMIT);
    }
}
