//! What the API answers, as far as the commands look at it.

use std::collections::BTreeMap;

use domain::ids::VideoId;
use domain::state::StateName;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::ApiError;

/// A new upload.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct CreatedUpload {
    pub video: VideoId,
    pub upload: HowToUpload,
}

/// A request or several.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of the API")]
pub enum HowToUpload {
    Single { request: SignedRequest },
    Multipart { part_size: u64, parts: u32 },
}

/// A request that the store takes.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct SignedRequest {
    pub method: String,
    pub url: String,
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedRequest").field("method", &self.method).finish_non_exhaustive()
    }
}

/// How far an upload is.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct UploadAnswer {
    pub complete: bool,
    pub size: u64,
    /// Of a single upload that has not arrived.
    #[serde(default)]
    pub request: Option<SignedRequest>,
    /// Of one in parts.
    #[serde(default)]
    pub part_size: Option<u64>,
    #[serde(default)]
    pub parts: Option<u32>,
    #[serde(default)]
    pub stored: Vec<StoredPart>,
}

/// A part that the store has.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct StoredPart {
    pub number: u32,
    pub size: u64,
    pub etag: String,
}

/// Requests of parts.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct PartAnswer {
    pub parts: Vec<SignedPart>,
}

/// The request of a part.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct SignedPart {
    pub number: u32,
    pub size: u64,
    pub request: SignedRequest,
}

/// A completed upload.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct Completed {
    pub state: StateName,
}

/// A video.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct VideoAnswer {
    pub state: StateName,
    pub watchable: bool,
    pub stage: Option<String>,
    pub percent: Option<u8>,
    pub failure: Option<FailureAnswer>,
    #[serde(default)]
    pub renditions: Vec<serde_json::Value>,
    pub receipt: Option<serde_json::Value>,
    #[serde(default)]
    pub attempts: Vec<AttemptAnswer>,
}

/// One try at making a video.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct AttemptAnswer {
    pub failure: Option<FailureAnswer>,
}

/// Why a video failed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct FailureAnswer {
    pub code: String,
    pub message: String,
}

/// What plays, or how far it is.
#[derive(Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct StreamAnswer {
    pub status: StateName,
    #[serde(default)]
    pub hls_url: Option<String>,
    #[serde(default)]
    pub poster_url: Option<String>,
    #[serde(default)]
    pub storyboard_url: Option<String>,
    #[serde(default)]
    pub expires_at: Option<String>,
}

/// The problem of an answer that is no success; also of one that is none of our API's.
pub(super) fn problem(status: StatusCode, body: &[u8]) -> ApiError {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
        detail: String,
    }
    match serde_json::from_slice(body) {
        Ok(Problem { code, detail }) => ApiError::Problem { status, code, detail },
        Err(_) => {
            let code = "unexpected-response".to_owned();
            ApiError::Problem { status, code, detail: format!("the API responded with {status} and no explanation") }
        }
    }
}
