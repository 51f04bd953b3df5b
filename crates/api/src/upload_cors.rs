//! Checks whether a browser can upload to the private bucket from an origin, with the requests of a browser.
//!
//! The check stores nothing: a preflight changes nothing, and the part belongs to an upload that does not exist.

use std::time::Duration;

use domain::ids::VideoId;
use domain::object_key::{FileName, ObjectKey};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN,
};
use http::{HeaderMap, HeaderName, Method};
use platform::object_store::StoreError;
use platform::object_store::uploads::{UploadId, UploadSigner};

/// Why browsers cannot upload from an origin. `Display` says what the bucket's CORS rule lacks.
#[derive(Debug, thiserror::Error)]
pub enum CorsProblem {
    /// No rule matches.
    #[error(
        "the bucket's CORS rule does not allow a PUT with the headers content-type and if-none-match"
    )]
    NotAllowed,
    /// A page cannot complete a multipart upload.
    #[error("the bucket's CORS rule does not expose `ETag`")]
    EtagHidden,
    /// The store cannot be reached.
    #[error("cannot reach the store")]
    Unreachable(#[source] reqwest::Error),
    /// The request cannot be signed.
    #[error("cannot sign the request")]
    Unsigned(#[from] StoreError),
}

/// The headers of an upload that CORS must allow.
const HEADERS: [&str; 2] = ["content-type", "if-none-match"];
/// Timeout of the store.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks whether browsers can upload from this origin.
///
/// # Errors
/// See [`CorsProblem`].
pub async fn check(signer: &dyn UploadSigner, origin: &str) -> Result<(), CorsProblem> {
    let unreachable = |error: reqwest::Error| CorsProblem::Unreachable(error.without_url());
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .build()
        .map_err(unreachable)?;
    let key = ObjectKey::Source {
        video: VideoId::new(0, [0; 10]),
        file_name: FileName::clean("cors-check.mp4"),
    };
    let put = signer
        .presign_put(&key, Some(1), "video/mp4", TIMEOUT)
        .await?;
    let preflight = client
        .request(Method::OPTIONS, &put.url)
        .header(ORIGIN, origin)
        .header(ACCESS_CONTROL_REQUEST_METHOD, "PUT")
        .header(ACCESS_CONTROL_REQUEST_HEADERS, HEADERS.join(","));
    let answer = preflight.send().await.map_err(unreachable)?;
    let allowed = answer.headers();
    let may_send = HEADERS
        .iter()
        .all(|it| names(allowed, ACCESS_CONTROL_ALLOW_HEADERS, it));
    if !answer.status().is_success()
        || !is_for(allowed, origin)
        || !names(allowed, ACCESS_CONTROL_ALLOW_METHODS, "put")
        || !may_send
    {
        return Err(CorsProblem::NotAllowed);
    }
    let upload = UploadId("cors-check".to_owned());
    let part = signer
        .presign_part(&key, &upload, 1, Some(1), TIMEOUT)
        .await?;
    let answer = client
        .put(&part.url)
        .header(ORIGIN, origin)
        .body("x")
        .send()
        .await
        .map_err(unreachable)?;
    match names(answer.headers(), ACCESS_CONTROL_EXPOSE_HEADERS, "etag") {
        true => Ok(()),
        false => Err(CorsProblem::EtagHidden),
    }
}

fn is_for(headers: &HeaderMap, origin: &str) -> bool {
    headers
        .get(ACCESS_CONTROL_ALLOW_ORIGIN)
        .is_some_and(|it| it == origin || it == "*")
}

/// Whether a header list contains a word (lower case).
fn names(headers: &HeaderMap, list: HeaderName, word: &str) -> bool {
    let lists = headers
        .get_all(list)
        .iter()
        .filter_map(|it| it.to_str().ok());
    lists
        .flat_map(|it| it.split(','))
        .map(str::trim)
        .any(|it| it == "*" || it.eq_ignore_ascii_case(word))
}
