//! What stands before the S3 protocol: checks that the protocol crate leaves out, and injected faults.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use s3s::{S3Error, s3_error};

/// Decides which requests fail on purpose, so that callers can be tested against a bad day.
pub trait Faults: Send + Sync {
    /// What befalls this request; asked once for each. `path` is `/bucket/key`, percent-encoded.
    fn strike(&self, method: &Method, path: &str) -> Option<Fault>;
}

/// A way for a request to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 503 `SlowDown`; nothing was done.
    Unavailable,
    /// The request was carried out, but the answer is 500 `InternalError`.
    AnswerLost,
}

/// Longest life of a presigned URL: 7 days, in seconds.
const MAX_EXPIRES: u32 = 604_800;

/// The middleware.
pub(super) async fn gate(faults: Option<Arc<dyn Faults>>, request: Request, next: Next) -> Response {
    if let Err(refusal) = check(request.uri(), request.headers()) {
        return answer(refusal);
    }
    match faults.and_then(|it| it.strike(request.method(), request.uri().path())) {
        None => next.run(request).await,
        Some(Fault::Unavailable) => answer(s3_error!(SlowDown, "an injected fault")),
        Some(Fault::AnswerLost) => {
            next.run(request).await;
            answer(s3_error!(InternalError, "an injected fault: carried out, but the answer is lost"))
        }
    }
}

fn answer(error: S3Error) -> Response {
    match error.to_http_response() {
        Ok(response) => response.map(axum::body::Body::new).into_response(),
        Err(_) => http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), S3Error> {
    let query = Query(uri.query().unwrap_or_default());
    let authorization = headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
    if query.has("AWSAccessKeyId") || authorization.starts_with("AWS ") {
        return Err(s3_error!(InvalidRequest, "signature version 2 is not supported: use AWS4-HMAC-SHA256"));
    }
    let signed_headers = if query.has("X-Amz-Signature") {
        let expires = query.get("X-Amz-Expires").and_then(|it| it.parse::<u32>().ok());
        if expires.is_none_or(|it| !(1..=MAX_EXPIRES).contains(&it)) {
            return Err(s3_error!(
                AuthorizationQueryParametersError,
                "X-Amz-Expires must be 1 to {MAX_EXPIRES} seconds (7 days)"
            ));
        }
        query.get("X-Amz-SignedHeaders").unwrap_or_default()
    } else {
        let after = authorization.split_once("SignedHeaders=").map(|(_, rest)| rest).unwrap_or_default();
        after.split(',').next().unwrap_or_default().trim().to_owned()
    };
    // A header that is not signed was added by someone else than the signer: it must not steer the request.
    let signed: Vec<&str> = signed_headers.split(';').collect();
    match headers.keys().find(|name| name.as_str().starts_with("x-amz-") && !signed.contains(&name.as_str())) {
        Some(name) => Err(s3_error!(AccessDenied, "the header `{name}` is not signed")),
        None => Ok(()),
    }
}

struct Query<'a>(&'a str);

impl Query<'_> {
    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self
            .0
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(it, _)| percent_decode_str(it).decode_utf8_lossy() == name)?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(uri: &str, headers: &[(&'static str, &str)], expected: Result<(), &str>) {
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect();
        let result = super::check(&uri.parse().unwrap(), &headers);
        assert_eq!(result.as_ref().copied().map_err(|error| error.code().as_str()), expected);
    }

    #[test]
    fn every_amz_header_must_be_signed() {
        let url = "/b/k?X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-meta-a&X-Amz-Signature=0";
        check(url, &[], Ok(()));
        check(url, &[("x-amz-meta-a", "1"), ("content-type", "text/html")], Ok(()));
        check(url, &[("x-amz-meta-b", "1")], Err("AccessDenied"));
        let authorization = "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=0";
        check("/b/k", &[("authorization", authorization), ("x-amz-date", "d")], Ok(()));
        check("/b/k", &[("authorization", authorization), ("x-amz-acl", "public-read")], Err("AccessDenied"));
    }

    #[test]
    fn presigned_urls_live_at_most_seven_days() {
        let url = |expires: &str| format!("/b/k?X-Amz-SignedHeaders=host&X-Amz-Signature=0{expires}");
        check(&url("&X-Amz-Expires=604800"), &[], Ok(()));
        for expires in ["", "&X-Amz-Expires=604801", "&X-Amz-Expires=0", "&X-Amz-Expires=-1", "&X-Amz-Expires=x"] {
            check(&url(expires), &[], Err("AuthorizationQueryParametersError"));
        }
    }

    #[test]
    fn signature_version_2_is_refused() {
        check("/b/k?AWSAccessKeyId=a&Signature=b&Expires=9999999999", &[], Err("InvalidRequest"));
        check("/b/k", &[("authorization", "AWS a:b")], Err("InvalidRequest"));
    }
}
