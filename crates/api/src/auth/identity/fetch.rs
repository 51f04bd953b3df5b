//! Requests to the identity provider.

use std::time::Duration;

use http::StatusCode;
use reqwest::redirect::Policy;

/// Total timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest response in bytes.
const DOCUMENT_LIMIT: usize = 256 << 10;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchProblem {
    #[error("the server cannot be reached")]
    Http(#[from] reqwest::Error),
    #[error("the server responded with {0}")]
    Status(StatusCode),
    #[error("the response is larger than {DOCUMENT_LIMIT} bytes")]
    TooLarge,
    #[error("the response has another form than expected")]
    Form(#[from] serde_json::Error),
}

/// A client of a provider. `is_local`: the provider is on this machine.
pub(super) fn client(is_local: bool) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .timeout(TIMEOUT)
        // Only the configured URL is trusted.
        .redirect(Policy::none())
        .user_agent(concat!("edgereel/", env!("CARGO_PKG_VERSION")));
    // Never use a proxy for this machine.
    if is_local {
        builder.no_proxy()
    } else {
        builder
    }
    .build()
}

/// The body of a successful response.
pub(super) async fn document(request: reqwest::RequestBuilder) -> Result<Vec<u8>, FetchProblem> {
    let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
    if !response.status().is_success() {
        return Err(FetchProblem::Status(response.status()));
    }
    let mut document = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(reqwest::Error::without_url)?
    {
        if document.len() + chunk.len() > DOCUMENT_LIMIT {
            return Err(FetchProblem::TooLarge);
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document)
}
