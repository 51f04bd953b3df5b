//! Calls about objects of the private bucket.

use api_types::objects::{ListObjects, ObjectList};
use api_types::videos::{CreateVideo, Video};
use http::Method;

use super::{Api, ApiError, NO_BODY};

impl Api {
    /// `GET /v1/objects`: one page.
    pub async fn objects(&self, params: &ListObjects) -> Result<ObjectList, ApiError> {
        // Serialisation cannot fail: all values are text, numbers or Booleans.
        let query = serde_urlencoded::to_string(params).unwrap_or_default();
        self.with_retries(Method::GET, &format!("/v1/objects?{query}"), NO_BODY)
            .await
    }

    /// `POST /v1/videos`. `key`: for a day, a repeated request with this key gets the response of the first one.
    pub async fn create_video(&self, body: &CreateVideo, key: &str) -> Result<Video, ApiError> {
        self.repeat(Method::POST, "/v1/videos", Some(body), Some(key))
            .await
    }
}
