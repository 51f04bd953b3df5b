//! The API client of the commands.

mod costs;
mod dead_letters;
mod decisions;
mod objects;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use api_types::problem::ProblemDocument;
use api_types::streams::{Stream, StreamParams};
use api_types::uploads::{
    CompleteUpload, CompletedUpload, CreatedUpload, NewUpload, PartsRequest, SignedPart,
    SignedParts, Upload,
};
use api_types::videos::{ListVideos, Video, VideoList};
use domain::ids::VideoId;
use http::{Method, StatusCode};
use platform::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::args::ApiClientArgs;
use crate::data_dir::DevInfo;
use crate::output::CommandError;

/// Why an API call failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The API responded with a problem.
    #[error("{detail}")]
    Problem {
        /// The HTTP status.
        status: StatusCode,
        /// The code of the problem.
        code: String,
        /// Human-readable text.
        detail: String,
    },
    /// The API cannot be reached, or the connection was interrupted.
    #[error("cannot reach the API at {base}")]
    Unreachable {
        /// The base URL.
        base: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// The response is not one of this API.
    #[error("unexpected response from the API at {base}: check the URL")]
    Unexpected {
        /// The base URL.
        base: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
}

impl ApiError {
    /// The machine-readable code.
    pub fn code(&self) -> &str {
        match self {
            Self::Problem { code, .. } => code,
            Self::Unreachable { .. } => "api-unreachable",
            Self::Unexpected { .. } => "unexpected-response",
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Problem { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unreachable { .. } => true,
            Self::Unexpected { .. } => false,
        }
    }
}

/// A client of the API at a base URL.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Secret,
    http: reqwest::Client,
}

/// The body of a request without one.
const NO_BODY: Option<&()> = None;

/// Attempts of an idempotent request.
const ATTEMPTS: u32 = 5;
/// Before the second attempt; doubled each time.
const BACKOFF: Duration = Duration::from_millis(200);

impl Api {
    /// Creates a client for the base URL.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub fn new(base: &str, token: Secret) -> anyhow::Result<Self> {
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            token,
            http: client(base)?,
        })
    }

    /// Creates a client from the arguments, or for a running `edgereel dev`.
    ///
    /// # Errors
    /// If there are neither.
    pub fn of(args: &ApiClientArgs) -> Result<Self> {
        if let (Some(api), Some(token)) = (&args.api, &args.token) {
            return Ok(Self::new(api, token.clone())?);
        }
        let info = DevInfo::read(&args.data)?.ok_or_else(|| not_running(&args.data))?;
        let token = args
            .token
            .clone()
            .unwrap_or_else(|| Secret::new(&info.token));
        Ok(Self::new(&info.api, token)?)
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The HTTP client, for requests to the store.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// `POST /v1/uploads`. Not retried, because each request creates a video.
    pub async fn create_upload(
        &self,
        body: &NewUpload,
    ) -> std::result::Result<CreatedUpload, ApiError> {
        self.send_once(Method::POST, "/v1/uploads", Some(body), None)
            .await
    }

    /// `GET /v1/uploads/{id}`.
    pub async fn upload(&self, id: VideoId) -> std::result::Result<Upload, ApiError> {
        self.with_retries(Method::GET, &format!("/v1/uploads/{id}"), NO_BODY)
            .await
    }

    /// `POST /v1/uploads/{id}/parts`.
    pub async fn sign_parts(
        &self,
        id: VideoId,
        numbers: &[u32],
    ) -> std::result::Result<Vec<SignedPart>, ApiError> {
        let body = PartsRequest {
            numbers: numbers.to_vec(),
        };
        let response: SignedParts = self
            .with_retries(
                Method::POST,
                &format!("/v1/uploads/{id}/parts"),
                Some(&body),
            )
            .await?;
        Ok(response.parts)
    }

    /// `POST /v1/uploads/{id}/complete`.
    pub async fn complete_upload(
        &self,
        id: VideoId,
        body: &CompleteUpload,
    ) -> std::result::Result<CompletedUpload, ApiError> {
        self.with_retries(
            Method::POST,
            &format!("/v1/uploads/{id}/complete"),
            Some(body),
        )
        .await
    }

    /// `GET /v1/videos`: one page.
    pub async fn videos(&self, params: &ListVideos) -> std::result::Result<VideoList, ApiError> {
        // Serialisation cannot fail: all values are text or numbers.
        let query = serde_urlencoded::to_string(params).unwrap_or_default();
        self.with_retries(Method::GET, &format!("/v1/videos?{query}"), NO_BODY)
            .await
    }

    /// `GET /v1/videos/{id}`.
    pub async fn video(&self, id: VideoId) -> std::result::Result<Video, ApiError> {
        self.with_retries(Method::GET, &format!("/v1/videos/{id}"), NO_BODY)
            .await
    }

    /// `GET /v1/videos/{id}/stream`.
    pub async fn stream(
        &self,
        id: VideoId,
        params: &StreamParams,
    ) -> std::result::Result<Stream, ApiError> {
        // Serialisation cannot fail: all values are text or numbers.
        let query = serde_urlencoded::to_string(params).unwrap_or_default();
        self.with_retries(
            Method::GET,
            &format!("/v1/videos/{id}/stream?{query}"),
            NO_BODY,
        )
        .await
    }

    /// `DELETE /v1/videos/{id}`: deletes the video and its source.
    pub async fn delete_video(&self, id: VideoId) -> std::result::Result<(), ApiError> {
        self.with_retries(Method::DELETE, &format!("/v1/videos/{id}"), NO_BODY)
            .await
    }

    async fn with_retries<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> std::result::Result<T, ApiError> {
        self.repeat(method, path, body, None).await
    }

    /// Sends a request up to five times. `key`: its `Idempotency-Key`, which a POST that creates something needs.
    async fn repeat<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        key: Option<&str>,
    ) -> std::result::Result<T, ApiError> {
        let mut pause = BACKOFF;
        for _ in 1..ATTEMPTS {
            match self.send_once(method.clone(), path, body, key).await {
                Err(error) if error.is_transient() => tokio::time::sleep(pause).await,
                result => return result,
            }
            pause *= 2;
        }
        self.send_once(method, path, body, key).await
    }

    async fn send_once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        key: Option<&str>,
    ) -> std::result::Result<T, ApiError> {
        // The URL may contain secrets, so errors contain the base URL only.
        let unreachable = |it: reqwest::Error| ApiError::Unreachable {
            base: self.base.clone(),
            source: it.without_url(),
        };
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(self.token.expose());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            let unexpected = |source| ApiError::Unexpected {
                base: self.base.clone(),
                source,
            };
            // A response without a body.
            return serde_json::from_slice(if bytes.is_empty() { b"null" } else { &bytes })
                .map_err(unexpected);
        }
        Err(problem(status, &bytes))
    }
}

/// An HTTP client for the API and the store. It uses no proxy for this machine.
///
/// # Errors
/// If the system's certificates cannot be read.
pub fn client(near: &str) -> anyhow::Result<reqwest::Client> {
    let host = near.split("://").nth(1).unwrap_or(near);
    let is_loopback = ["127.", "localhost", "[::1]"]
        .iter()
        .any(|it| host.starts_with(it));
    let builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .user_agent(concat!("edgereel/", env!("CARGO_PKG_VERSION")));
    let builder = if is_loopback {
        builder.no_proxy()
    } else {
        builder
    };
    builder.build().context("cannot create the HTTP client")
}

fn not_running(data: &Path) -> CommandError {
    CommandError::failed(
        "not-running",
        anyhow::anyhow!(
            "no `edgereel dev` is running with the directory `{}`: start it in another terminal, or set --api and \
             EDGEREEL_API_TOKEN",
            data.display()
        ),
    )
}

/// The error of an unsuccessful response, which may also come from another server.
fn problem(status: StatusCode, body: &[u8]) -> ApiError {
    match serde_json::from_slice(body) {
        Ok(ProblemDocument { code, detail, .. }) => ApiError::Problem {
            status,
            code,
            detail,
        },
        Err(_) => {
            let code = "unexpected-response".to_owned();
            ApiError::Problem {
                status,
                code,
                detail: format!("the API responded with {status} and no explanation"),
            }
        }
    }
}
