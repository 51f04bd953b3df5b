//! Cross-origin rules of the buckets, so that a page can upload straight to them.
//!
//! Outside the S3 protocol, because a preflight carries no signature, and because a page must be able
//! to read a refusal too.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// Origins that pages may come from, by bucket; `*` is any.
pub(super) struct CorsRules(pub(super) HashMap<String, Vec<String>>);

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, POST, DELETE");
/// Without `ETag` a page cannot complete a multipart upload.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("ETag, Content-Length, Content-Range, Accept-Ranges, Last-Modified, x-amz-request-id");
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");
const VARIES: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// The middleware.
pub(super) async fn cors(rules: &CorsRules, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else { return next.run(request).await };
    let allowed = rules.allow(request.uri().path(), &origin);
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if preflight {
        return answer_preflight(allowed, request.headers());
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(VARY, VARIES);
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

fn answer_preflight(allowed: Option<HeaderValue>, asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(VARY, VARIES);
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        // Every header may be asked for: which of them may be sent, the signature decides.
        if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        *response.status_mut() = StatusCode::NO_CONTENT;
    } else {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    response
}

impl CorsRules {
    /// The `Access-Control-Allow-Origin` for this origin on this bucket, if it is allowed.
    fn allow(&self, path: &str, origin: &HeaderValue) -> Option<HeaderValue> {
        let bucket = path.trim_start_matches('/').split('/').next()?;
        let origins = self.0.get(bucket)?;
        let allowed = origins.iter().any(|it| it == "*" || it.as_bytes() == origin.as_bytes());
        allowed.then(|| origin.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_allowed_by_bucket() {
        let rules = CorsRules(HashMap::from([
            ("private".to_owned(), vec!["http://localhost:5173".to_owned()]),
            ("media".to_owned(), vec!["*".to_owned()]),
        ]));
        let allow = |path, origin| rules.allow(path, &HeaderValue::from_static(origin)).is_some();
        assert!(allow("/private/uploads/x", "http://localhost:5173"));
        assert!(!allow("/private/uploads/x", "http://evil.example"));
        assert!(!allow("/private/uploads/x", "http://localhost:5173.evil.example"));
        assert!(allow("/media", "http://evil.example"));
        assert!(!allow("/other/x", "http://localhost:5173"));
    }
}
