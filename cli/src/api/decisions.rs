//! What a client does after an error of the API.

use http::StatusCode;

use super::ApiError;

impl ApiError {
    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        self.is_transient() || self.code() == "idempotency-in-progress"
    }

    /// Whether the API responds to the same request in the same way, for as long as it keeps its response.
    pub fn is_rejection(&self) -> bool {
        let is_problem = matches!(self, Self::Problem { status, .. } if status.is_client_error());
        is_problem && !self.is_passing()
    }

    /// Whether the API does not have the resource.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Problem { status, .. } if *status == StatusCode::NOT_FOUND)
    }

    /// Whether the API rejects this source, and may accept others.
    pub fn is_of_source(&self) -> bool {
        matches!(
            self.code(),
            "no-such-object" | "empty-file" | "too-large" | "over-quota" | "url-not-accepted"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_are_tried_again() {
        use StatusCode as S;
        for (status, code, again, of_source) in [
            (S::UNPROCESSABLE_ENTITY, "no-such-profile", true, false),
            (S::UNPROCESSABLE_ENTITY, "no-such-object", true, true),
            (S::UNPROCESSABLE_ENTITY, "empty-file", true, true),
            (S::UNPROCESSABLE_ENTITY, "url-not-accepted", true, true),
            (S::PAYLOAD_TOO_LARGE, "too-large", true, true),
            (S::CONFLICT, "over-quota", true, true),
            (S::CONFLICT, "idempotency-response-lost", true, false),
            (S::CONFLICT, "idempotency-in-progress", false, false),
            (S::TOO_MANY_REQUESTS, "too-many-requests", false, false),
            (S::SERVICE_UNAVAILABLE, "unavailable", false, false),
        ] {
            let error = ApiError::Problem {
                status,
                code: code.to_owned(),
                detail: String::new(),
            };
            assert_eq!(error.is_rejection(), again, "{code}");
            assert_eq!(error.is_of_source(), of_source, "{code}");
        }
    }
}
