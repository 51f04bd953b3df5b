//! Responses of the API: the fields that the commands use.

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
    pub upload: UploadInstructions,
}

/// How to upload: one request or several parts.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of the API")]
pub enum UploadInstructions {
    Single { request: SignedRequest },
    Multipart { part_size: u64, parts: u32 },
}

/// A presigned request.
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

/// The progress of an upload.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct UploadResponse {
    pub complete: bool,
    pub size: u64,
    /// Only for a `single` upload that has not arrived.
    #[serde(default)]
    pub request: Option<SignedRequest>,
    /// Only for a `multipart` upload.
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

/// Presigned requests of parts.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct PartResponse {
    pub parts: Vec<SignedPart>,
}

/// A presigned request of a part.
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
pub struct VideoResponse {
    pub state: StateName,
    pub playable: bool,
    pub stage: Option<String>,
    pub percent: Option<u8>,
    pub failure: Option<FailureResponse>,
    #[serde(default)]
    pub renditions: Vec<serde_json::Value>,
    pub receipt: Option<serde_json::Value>,
    #[serde(default)]
    pub attempts: Vec<AttemptResponse>,
}

/// An attempt to process a video.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct AttemptResponse {
    pub failure: Option<FailureResponse>,
}

/// Why a video failed.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct FailureResponse {
    pub code: String,
    pub message: String,
}

/// Playback URLs, or the progress.
#[derive(Deserialize)]
#[expect(missing_docs, reason = "the words of the API")]
pub struct StreamResponse {
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

/// The error of an unsuccessful response, which may also come from another server.
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
