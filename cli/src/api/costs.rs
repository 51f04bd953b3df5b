//! Calls about costs.

use api_types::costs::{CostList, ListCosts};
use http::Method;

use super::{Api, ApiError, NO_BODY};

impl Api {
    /// `GET /v1/costs`.
    pub async fn costs(&self, params: &ListCosts) -> Result<CostList, ApiError> {
        // Serialisation cannot fail: all values are text.
        let query = serde_urlencoded::to_string(params).unwrap_or_default();
        self.with_retries(Method::GET, &format!("/v1/costs?{query}"), NO_BODY)
            .await
    }
}
