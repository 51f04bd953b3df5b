//! `/u/{API key}/s3/...`: Uppy's protocol for pages, which cannot make Uppy send a header.
//!
//! The customer's backend makes an API key with the scope `upload` and a short life, and gives the page
//! `.../u/{key}` as `companionEndpoint`. Whoever sees the address may upload for as long, and nothing else.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Uri};
use tower::ServiceExt as _;

use crate::error::ApiError;

/// Passes a request on to `/v1/s3/...`, with the key where it belongs.
pub(crate) async fn answer(
    State(api): State<Router>,
    Path((key, _)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some((uri, credentials)) = moved(&key, request.uri()) else {
        return ApiError::no_such_route().into_response();
    };
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    parts.headers.insert(AUTHORIZATION, credentials);
    // What the path said so far is not for the next router; who sent it is.
    let sender = parts.extensions.remove::<ConnectInfo<SocketAddr>>();
    parts.extensions.clear();
    if let Some(sender) = sender {
        parts.extensions.insert(sender);
    }
    api.oneshot(Request::from_parts(parts, body)).await.into_response()
}

/// Where it is meant for, spelt as it came, and the credentials in its path.
fn moved(key: &str, uri: &Uri) -> Option<(Uri, HeaderValue)> {
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
    fn the_rest_stays_as_it_was_spelt() {
        let uri = "/u/er_1/s3/multipart/a%2Fb?key=uploads%2Fvid_1%2Fa.mp4".parse().unwrap();
        let (uri, credentials) = moved("er_1", &uri).unwrap();
        assert_eq!(uri.to_string(), "/v1/s3/multipart/a%2Fb?key=uploads%2Fvid_1%2Fa.mp4");
        assert_eq!(credentials, "Bearer er_1");
        assert!(moved("a\nb", &"/u/x/s3/params".parse().unwrap()).is_none());
    }
}
