//! The embedded files.

use std::borrow::Cow;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// The content of a file.
pub(crate) fn read(path: &str) -> Option<Cow<'static, [u8]>> {
    Dist::get(path).map(|it| it.data)
}

/// `GET /assets/{path}`
pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    file(&format!("assets/{path}"), &headers)
}

/// `GET /icon.svg`
pub(crate) async fn icon(headers: HeaderMap) -> Response {
    file("icon.svg", &headers)
}

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

fn file(path: &str, request: &HeaderMap) -> Response {
    let Some(file) = Dist::get(path) else {
        return (StatusCode::NOT_FOUND, "no such file\n").into_response();
    };
    let tag = tag_of(&file.metadata.sha256_hash());
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let caching = if has_hash(path) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    if path.starts_with("assets/edgereel-player") {
        // Pages of other sites load the player as a module.
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
    let is_known = is_known(request, &tag);
    headers.insert(ETAG, tag);
    if is_known {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        (headers, file.data).into_response()
    }
}

/// The `ETag` of a content: weak, because responses are compressed in several ways.
pub(crate) fn tag(content: &[u8]) -> HeaderValue {
    tag_of(&Sha256::digest(content).into())
}

fn tag_of(digest: &[u8; 32]) -> HeaderValue {
    let hex: String = digest
        .iter()
        .take(16)
        .map(|it| format!("{it:02x}"))
        .collect();
    HeaderValue::try_from(format!("W/\"{hex}\"")).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// Whether the client has the content with this `ETag` (RFC 9110, 13.1.2).
pub(crate) fn is_known(request: &HeaderMap, tag: &HeaderValue) -> bool {
    let sent = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|it| it.to_str().ok());
    sent.flat_map(|it| it.split(','))
        .map(str::trim)
        .any(|it| it == "*" || it.as_bytes() == tag.as_bytes())
}

/// Whether the name of a file contains a hash of its content (`index-B7x5c8vx.js`), so that it never changes.
fn has_hash(path: &str) -> bool {
    let Some((stem, _)) = path
        .strip_prefix("assets/")
        .and_then(|it| it.rsplit_once('.'))
    else {
        return false;
    };
    let is_hash = |it: &str| {
        it.len() == 8
            && it
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
    };
    // The hash may contain a `-` itself.
    stem.len() > 9
        && stem.as_bytes()[stem.len() - 9] == b'-'
        && is_hash(&stem[stem.len() - 8..])
        && !stem.starts_with("edgereel-player")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|it| it.1) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("html") => "text/html; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_immutable() {
        for hashed in [
            "assets/index-B7x5c8vx.js",
            "assets/page-v98rh0B-.css",
            "assets/delivery-table-BjSALunf.js",
        ] {
            assert!(has_hash(hashed), "{hashed}");
        }
        for fixed in [
            "assets/edgereel-player.js",
            "assets/edgereel-player-worker.js",
            "icon.svg",
            "assets/a.js",
        ] {
            assert!(!has_hash(fixed), "{fixed}");
        }
    }
}
