//! A client of the API, as the commands use it.

mod answers;

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use domain::ids::VideoId;
use http::{Method, StatusCode};
use platform::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use answers::{
    AttemptAnswer, Completed, CreatedUpload, FailureAnswer, HowToUpload, PartAnswer, SignedPart, SignedRequest,
    StoredPart, StreamAnswer, UploadAnswer, VideoAnswer,
};

use crate::Result;
use crate::args::ApiArgs;
use crate::data_dir::DevInfo;
use crate::output::Stop;

/// Why the API did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It answered with a problem.
    #[error("{detail}")]
    Problem {
        /// Of the answer.
        status: StatusCode,
        /// Of the problem.
        code: String,
        /// Human-readable text.
        detail: String,
    },
    /// It could not be reached, or broke off.
    #[error("cannot reach the API at {base}")]
    Unreachable {
        /// Its address.
        base: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It answered something that is not its answer.
    #[error("unexpected response from the API at {base}: check the address")]
    Foreign {
        /// Its address.
        base: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

impl ApiError {
    /// For programs: that of the problem, or what kept it from coming.
    pub fn code(&self) -> &str {
        match self {
            Self::Problem { code, .. } => code,
            Self::Unreachable { .. } => "api-unreachable",
            Self::Foreign { .. } => "unexpected-response",
        }
    }

    fn is_transient(&self) -> bool {
        match self {
            Self::Problem { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Unreachable { .. } => true,
            Self::Foreign { .. } => false,
        }
    }
}

/// The API at an address.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Secret,
    http: reqwest::Client,
}

/// Attempts of a request that may be repeated.
const ATTEMPTS: u32 = 5;
/// Before the second attempt; doubled each time.
const BACKOFF: Duration = Duration::from_millis(200);

impl Api {
    /// The API at `base`.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub fn new(base: &str, token: Secret) -> anyhow::Result<Self> {
        Ok(Self { base: base.trim_end_matches('/').to_owned(), token, http: client(base)? })
    }

    /// As the arguments say, or as a running `edgereel dev` does.
    ///
    /// # Errors
    /// If neither says where it is.
    pub fn of(args: &ApiArgs) -> Result<Self> {
        if let (Some(api), Some(token)) = (&args.api, &args.token) {
            return Ok(Self::new(api, token.clone())?);
        }
        let info = DevInfo::read(&args.data)?.ok_or_else(|| no_dev(&args.data))?;
        let token = args.token.clone().unwrap_or_else(|| Secret::new(&info.token));
        Ok(Self::new(&info.api, token)?)
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The client, for what is fetched past the API.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// `POST /v1/uploads`. Sent once: each is a new video.
    pub async fn create_upload(&self, wish: &Value) -> std::result::Result<CreatedUpload, ApiError> {
        self.once(Method::POST, "/v1/uploads", Some(wish)).await
    }

    /// `GET /v1/uploads/{id}`.
    pub async fn upload(&self, id: VideoId) -> std::result::Result<UploadAnswer, ApiError> {
        self.repeatedly(Method::GET, &format!("/v1/uploads/{id}"), None).await
    }

    /// `POST /v1/uploads/{id}/parts`.
    pub async fn sign_parts(&self, id: VideoId, numbers: &[u32]) -> std::result::Result<Vec<SignedPart>, ApiError> {
        let wish = json!({ "numbers": numbers });
        let answer: PartAnswer = self.repeatedly(Method::POST, &format!("/v1/uploads/{id}/parts"), Some(&wish)).await?;
        Ok(answer.parts)
    }

    /// `POST /v1/uploads/{id}/complete`.
    pub async fn complete_upload(&self, id: VideoId, body: &Value) -> std::result::Result<Completed, ApiError> {
        self.repeatedly(Method::POST, &format!("/v1/uploads/{id}/complete"), Some(body)).await
    }

    /// `GET /v1/videos/{id}`.
    pub async fn video(&self, id: VideoId) -> std::result::Result<VideoAnswer, ApiError> {
        self.repeatedly(Method::GET, &format!("/v1/videos/{id}"), None).await
    }

    /// `GET /v1/videos/{id}/stream`.
    pub async fn stream(&self, id: VideoId, query: &[(&str, String)]) -> std::result::Result<StreamAnswer, ApiError> {
        let mut path = format!("/v1/videos/{id}/stream");
        let mut separator = '?';
        for (name, value) in query {
            let value: String = form_encoded(value);
            path += &format!("{separator}{name}={value}");
            separator = '&';
        }
        self.repeatedly(Method::GET, &path, None).await
    }

    /// `DELETE /v1/videos/{id}`: the video, and all that was uploaded of it.
    pub async fn delete_video(&self, id: VideoId) -> std::result::Result<(), ApiError> {
        self.repeatedly(Method::DELETE, &format!("/v1/videos/{id}"), None).await
    }

    async fn repeatedly<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> std::result::Result<T, ApiError> {
        let mut pause = BACKOFF;
        for _ in 1..ATTEMPTS {
            match self.once(method.clone(), path, body).await {
                Err(error) if error.is_transient() => tokio::time::sleep(pause).await,
                answer => return answer,
            }
            pause *= 2;
        }
        self.once(method, path, body).await
    }

    async fn once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> std::result::Result<T, ApiError> {
        // The address may hold what is nobody's business: errors name the host alone.
        let unreachable =
            |it: reqwest::Error| ApiError::Unreachable { base: self.base.clone(), source: it.without_url() };
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreachable)?;
        if status.is_success() {
            let foreign = |source| ApiError::Foreign { base: self.base.clone(), source };
            // An answer without a body says all by its status.
            return serde_json::from_slice(if bytes.is_empty() { b"null" } else { &bytes }).map_err(foreign);
        }
        Err(answers::problem(status, &bytes))
    }
}

/// A client for the API and the store. Proxies are for hosts elsewhere, not for this one.
///
/// # Errors
/// If the system's certificates cannot be read.
pub fn client(near: &str) -> anyhow::Result<reqwest::Client> {
    let host = near.split("://").nth(1).unwrap_or(near);
    let is_loopback = ["127.", "localhost", "[::1]"].iter().any(|it| host.starts_with(it));
    let builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .user_agent(concat!("edgereel/", env!("CARGO_PKG_VERSION")));
    let builder = if is_loopback { builder.no_proxy() } else { builder };
    builder.build().context("cannot create the HTTP client")
}

fn no_dev(data: &Path) -> Stop {
    Stop::failed(
        "not-running",
        anyhow::anyhow!(
            "no `edgereel dev` is running with the folder `{}`: start it in another terminal, or set --api and \
             EDGEREEL_API_TOKEN",
            data.display()
        ),
    )
}

fn form_encoded(value: &str) -> String {
    let mut encoded = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}
