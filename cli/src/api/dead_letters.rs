//! Calls about dead letters.

use api_types::dead_letters::{DeadLetterList, ListDeadLetters, RedriveResult};
use http::Method;

use super::{Api, ApiError, NO_BODY};

/// Ids are those of the list, which need no encoding in a path.
impl Api {
    /// `GET /v1/dead-letters`: one page.
    pub async fn dead_letters(&self, params: &ListDeadLetters) -> Result<DeadLetterList, ApiError> {
        // Serialisation cannot fail: all values are text or numbers.
        let query = serde_urlencoded::to_string(params).unwrap_or_default();
        self.with_retries(Method::GET, &format!("/v1/dead-letters?{query}"), NO_BODY)
            .await
    }

    /// `POST /v1/dead-letters/{id}/redrive`. A repeated request finds no dead letter.
    pub async fn redrive(&self, id: &str) -> Result<RedriveResult, ApiError> {
        let path = format!("/v1/dead-letters/{id}/redrive");
        self.with_retries(Method::POST, &path, NO_BODY).await
    }

    /// `DELETE /v1/dead-letters/{id}`: removes a dead letter. A repeated request finds none.
    pub async fn purge(&self, id: &str) -> Result<(), ApiError> {
        let path = format!("/v1/dead-letters/{id}");
        self.with_retries(Method::DELETE, &path, NO_BODY).await
    }
}
