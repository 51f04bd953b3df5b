//! Middleware in front of the S3 protocol: checks that the protocol crate lacks, and injected
//! faults.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, ETAG, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;
use s3s::{S3Error, s3_error};

/// Selects requests that fail on purpose, so that clients can be tested against failures.
pub trait Faults: Send + Sync {
    /// The fault of this request; called once per request. `path` is `/bucket/key`,
    /// percent-encoded.
    fn strike(&self, method: &Method, path: &str) -> Option<Fault>;
}

/// A kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 503 `SlowDown`; the request was not executed.
    Unavailable,
    /// The request was executed, but the response is 500 `InternalError`.
    AnswerLost,
}

/// Maximum expiry of a presigned URL: 7 days, in seconds.
const MAX_EXPIRES: u32 = 604_800;

/// The signature algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Accepted regions, as on R2: `auto`, and the default of most tools.
const REGIONS: [&str; 2] = ["auto", "us-east-1"];

/// The middleware.
pub(super) async fn gate(
    faults: Option<Arc<dyn Faults>>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(refusal) = check(request.uri(), request.headers()) {
        return answer(refusal);
    }
    match faults.and_then(|it| it.strike(request.method(), request.uri().path())) {
        None => as_a_file(next.run(request).await),
        Some(Fault::Unavailable) => answer(s3_error!(SlowDown, "an injected fault")),
        Some(Fault::AnswerLost) => {
            next.run(request).await;
            answer(s3_error!(
                InternalError,
                "an injected fault: executed, but the response is lost"
            ))
        }
    }
}

/// Prevents browsers from showing uploaded content as a page of this origin.
fn as_a_file(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if headers.contains_key(ETAG) {
        headers
            .entry(CONTENT_DISPOSITION)
            .or_insert(HeaderValue::from_static("attachment"));
    }
    response
}

fn answer(error: S3Error) -> Response {
    match error.to_http_response() {
        Ok(response) => response.map(axum::body::Body::new).into_response(),
        Err(_) => http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), S3Error> {
    let query = Query(uri.query().unwrap_or_default());
    let authorization = headers
        .get("authorization")
        .and_then(|it| it.to_str().ok())
        .unwrap_or_default();
    if query.has("AWSAccessKeyId") || authorization.starts_with("AWS ") {
        return Err(s3_error!(
            InvalidRequest,
            "signature version 2 is not supported: use AWS4-HMAC-SHA256"
        ));
    }
    let is_presigned = query.has("X-Amz-Signature");
    let (algorithm, credential) = if is_presigned {
        (
            query.get("X-Amz-Algorithm").unwrap_or_default(),
            query.get("X-Amz-Credential").unwrap_or_default(),
        )
    } else {
        let (algorithm, rest) = authorization.split_once(' ').unwrap_or_default();
        let credential = rest
            .split_once("Credential=")
            .map(|it| it.1)
            .unwrap_or_default();
        (
            algorithm.to_owned(),
            credential
                .split([',', ' '])
                .next()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    // Both headers are signed, but neither affects how the signature is computed.
    if (is_presigned || !authorization.is_empty()) && algorithm != ALGORITHM {
        return Err(s3_error!(
            InvalidRequest,
            "the signing algorithm must be {ALGORITHM}"
        ));
    }
    let region = credential.split('/').nth(2);
    if region.is_some_and(|it| !REGIONS.contains(&it)) {
        return Err(s3_error!(
            AuthorizationHeaderMalformed,
            "the region must be `auto`, or `us-east-1`"
        ));
    }
    let signed_headers = if is_presigned {
        let expires = query
            .get("X-Amz-Expires")
            .and_then(|it| it.parse::<u32>().ok());
        if expires.is_none_or(|it| !(1..=MAX_EXPIRES).contains(&it)) {
            return Err(s3_error!(
                AuthorizationQueryParametersError,
                "X-Amz-Expires must be 1 to {MAX_EXPIRES} seconds (7 days)"
            ));
        }
        query.get("X-Amz-SignedHeaders").unwrap_or_default()
    } else {
        let after = authorization
            .split_once("SignedHeaders=")
            .map(|(_, rest)| rest)
            .unwrap_or_default();
        after
            .split(',')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    // A header that is not signed was added by someone other than the signer: it must not affect
    // the request.
    let signed: Vec<&str> = signed_headers.split(';').collect();
    match headers
        .keys()
        .find(|name| name.as_str().starts_with("x-amz-") && !signed.contains(&name.as_str()))
    {
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
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect();
        let result = super::check(&uri.parse().unwrap(), &headers);
        assert_eq!(
            result
                .as_ref()
                .copied()
                .map_err(|error| error.code().as_str()),
            expected
        );
    }

    #[test]
    fn every_amz_header_must_be_signed() {
        let url = "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-meta-a&X-Amz-Signature=0";
        check(url, &[], Ok(()));
        check(
            url,
            &[("x-amz-meta-a", "1"), ("content-type", "text/html")],
            Ok(()),
        );
        check(url, &[("x-amz-meta-b", "1")], Err("AccessDenied"));
        let authorization =
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=0";
        check(
            "/b/k",
            &[("authorization", authorization), ("x-amz-date", "d")],
            Ok(()),
        );
        check(
            "/b/k",
            &[
                ("authorization", authorization),
                ("x-amz-acl", "public-read"),
            ],
            Err("AccessDenied"),
        );
    }

    #[test]
    fn presigned_urls_live_at_most_seven_days() {
        let url = |expires: &str| {
            format!(
                "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-SignedHeaders=host&X-Amz-Signature=0{expires}"
            )
        };
        check(&url("&X-Amz-Expires=604800"), &[], Ok(()));
        for expires in [
            "",
            "&X-Amz-Expires=604801",
            "&X-Amz-Expires=0",
            "&X-Amz-Expires=-1",
            "&X-Amz-Expires=x",
        ] {
            check(&url(expires), &[], Err("AuthorizationQueryParametersError"));
        }
    }

    #[test]
    fn algorithm_and_region_are_those_of_the_store() {
        let url = |algorithm: &str, region: &str| {
            let credential =
                format!("X-Amz-Credential=a%2F20260101%2F{region}%2Fs3%2Faws4_request");
            format!(
                "/b/k?X-Amz-Algorithm={algorithm}&{credential}&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
            )
        };
        check(&url("AWS4-HMAC-SHA256", "auto"), &[], Ok(()));
        check(&url("AWS4-HMAC-SHA256", "us-east-1"), &[], Ok(()));
        check(
            &url("AWS4-HMAC-SHA256", "eu-west-1"),
            &[],
            Err("AuthorizationHeaderMalformed"),
        );
        check(
            &url("AWS4-ECDSA-P256-SHA256", "auto"),
            &[],
            Err("InvalidRequest"),
        );
        let header = |algorithm: &str, region: &str| {
            format!(
                "{algorithm} Credential=a/20260101/{region}/s3/aws4_request, SignedHeaders=host, Signature=0"
            )
        };
        check(
            "/b/k",
            &[("authorization", &header("AWS4-HMAC-SHA256", "auto"))],
            Ok(()),
        );
        let refused = header("AWS4-HMAC-SHA256", "nowhere");
        check(
            "/b/k",
            &[("authorization", &refused)],
            Err("AuthorizationHeaderMalformed"),
        );
        check(
            "/b/k",
            &[("authorization", &header("AWS4-HMAC-SHA512", "auto"))],
            Err("InvalidRequest"),
        );
    }

    #[test]
    fn signature_version_2_is_refused() {
        check(
            "/b/k?AWSAccessKeyId=a&Signature=b&Expires=9999999999",
            &[],
            Err("InvalidRequest"),
        );
        check(
            "/b/k",
            &[("authorization", "AWS a:b")],
            Err("InvalidRequest"),
        );
    }
}
