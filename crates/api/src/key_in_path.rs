//! `/u/{API key}/s3/...`: Uppy's protocol for web pages, where Uppy cannot send an `Authorization` header.
//!
//! The customer's backend creates an API key with the scope `upload` and a short lifetime, and gives the page
//! `.../u/{key}` as `companionEndpoint`. The URL allows uploads until the key expires, and nothing else.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Uri};
use tower::ServiceExt as _;

use crate::error::ApiError;

/// Forwards a request to `/v1/s3/...` with the key in the `Authorization` header.
pub(crate) async fn forward(
    State(api): State<Router>,
    Path((key, _)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some((uri, credentials)) = target_of(&key, request.uri()) else {
        return ApiError::no_such_route().into_response();
    };
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    parts.headers.insert(AUTHORIZATION, credentials);
    // The next router must not see the extensions of this one, except the client address.
    let sender = parts.extensions.remove::<ConnectInfo<SocketAddr>>();
    parts.extensions.clear();
    if let Some(sender) = sender {
        parts.extensions.insert(sender);
    }
    api.oneshot(Request::from_parts(parts, body))
        .await
        .into_response()
}

/// The target URI, with its encoding unchanged, and the credentials from the path.
fn target_of(key: &str, uri: &Uri) -> Option<(Uri, HeaderValue)> {
    let (_, rest) = uri.path().strip_prefix("/u/")?.split_once('/')?;
    let query = uri.query().map(|it| format!("?{it}")).unwrap_or_default();
    let mut credentials = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
    credentials.set_sensitive(true);
    Some((format!("/v1/{rest}{query}").parse().ok()?, credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_the_path_keeps_its_encoding() {
        let uri = "/u/er_1/s3/multipart/a%2Fb?key=uploads%2Fvid_1%2Fa.mp4"
            .parse()
            .unwrap();
        let (uri, credentials) = target_of("er_1", &uri).unwrap();
        assert_eq!(
            uri.to_string(),
            "/v1/s3/multipart/a%2Fb?key=uploads%2Fvid_1%2Fa.mp4"
        );
        assert_eq!(credentials, "Bearer er_1");
        assert!(target_of("a\nb", &"/u/x/s3/params".parse().unwrap()).is_none());
    }
}
