//! HTTP responses, built from the headers of a decision.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use domain::playback::{Headers, Refusal};
use futures::stream::BoxStream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use platform::object_store::StoreError;

/// A builder of a response.
pub(super) struct EdgeResponse {
    response: Response,
}

impl EdgeResponse {
    pub(super) fn new(status: u16, headers: &Headers) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = Self { response };
        for (name, value) in headers.iter() {
            answer = answer.header(name, value);
        }
        answer
    }

    pub(super) fn refused(refusal: Refusal, headers: &Headers) -> Self {
        Self::new(refusal.status(), headers).bytes(refusal.problem())
    }

    /// A value that is not valid in a header is left out.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response
                .headers_mut()
                .append(HeaderName::from_static(name), value);
        }
        self
    }

    pub(super) fn length(mut self, length: u64) -> Self {
        self.response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        self
    }

    pub(super) fn bytes(mut self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        *self.response.body_mut() = Body::from(bytes);
        self.length(length)
    }

    /// If the stream fails, the connection is closed. The length is declared, so a client notices
    /// that the body is incomplete.
    pub(super) fn stream(
        mut self,
        length: u64,
        stream: BoxStream<'static, Result<Bytes, StoreError>>,
    ) -> Self {
        *self.response.body_mut() = Body::from_stream(stream);
        self.length(length)
    }

    /// `head_only`: with the length of the body, but without the body.
    pub(super) fn into_response(mut self, head_only: bool) -> Response {
        if head_only {
            *self.response.body_mut() = Body::empty();
        }
        self.response
    }
}
