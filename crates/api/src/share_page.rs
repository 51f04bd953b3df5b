//! The page of a share link: plays the video in a browser. It loads from the API and the edge only.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};

static PAGE: &str = include_str!("../assets/share.html");
static SCRIPT: &str = include_str!("../assets/share.js");
static STYLE: &str = include_str!("../assets/share.css");
/// Compressed with gzip, which every browser supports.
static HLS_JS: &[u8] = include_bytes!("../assets/hls.min.js.gz");

/// Whether the request is a navigation of a browser: other clients do not request `text/html`.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|it| it.to_str().ok());
    accepted.flat_map(|it| it.split(',')).any(|it| it.split(';').next().is_some_and(|it| it.trim() == "text/html"))
}

/// The page. `edge`: the origin of the edge.
pub(crate) fn page(edge: &str) -> Response {
    // hls.js uses `blob:` URLs for media and for its worker.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {edge}; media-src blob: {edge}; \
         img-src data: {edge}; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, policy),
        // The URL of the page is a permission.
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (VARY, HeaderValue::from_static("accept")),
    ];
    (headers, PAGE).into_response()
}

/// The files of the page. Their names cannot collide with links, whose secrets are longer.
pub(crate) fn files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    const CACHED: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=3600");
    let script = (CONTENT_TYPE, "text/javascript; charset=utf-8");
    let style = (CONTENT_TYPE, "text/css; charset=utf-8");
    let hls = [script.clone(), CACHED, (CONTENT_ENCODING, "gzip")];
    Router::new()
        .route("/shared/share.js", get(async || ([script, CACHED], SCRIPT)))
        .route("/shared/share.css", get(async || ([style, CACHED], STYLE)))
        .route("/shared/hls.js", get(async || (hls, HLS_JS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_the_page_and_programs_do_not() {
        let accept = |text: &'static str| HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(text))]);
        assert!(wants_page(&accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")));
        assert!(wants_page(&accept("application/xml, text/html;q=0.9")));
        for other in ["*/*", "application/json", "text/*", "text/html5"] {
            assert!(!wants_page(&accept(other)), "{other}");
        }
        assert!(!wants_page(&HeaderMap::new()));
    }
}
