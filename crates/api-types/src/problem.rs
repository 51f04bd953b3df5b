//! Errors: problem documents (RFC 9457), with Edgereel's extensions.

use serde::{Deserialize, Serialize};

use crate::sessions::SignInMethod;
use crate::videos::VideoFailure;

/// The body of every response with a status of 400 or more. A client needs only `code` and `detail`, so the other
/// fields may be missing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProblemDocument {
    /// An identifying URI, derived from `code`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The title, the same for every problem with this `code`.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// The explanation of this occurrence, for people.
    pub detail: String,
    /// The kind of problem, for programs.
    pub code: String,
    /// The scope that the caller lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// How a browser can sign in, for `GET /v1/session`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<SignInMethod>>,
    /// Why the video failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<VideoFailure>,
    /// The id of the request, as in the header `x-request-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_detail_are_enough() {
        let text = r#"{ "code": "conflict", "detail": "The video is ready.", "instance": "/v1" }"#;
        let problem: ProblemDocument = serde_json::from_str(text).unwrap();
        assert_eq!(
            (problem.code.as_str(), problem.detail.as_str()),
            ("conflict", "The video is ready.")
        );
        assert!(serde_json::from_str::<ProblemDocument>(r#"{ "message": "Forbidden" }"#).is_err());
    }
}
