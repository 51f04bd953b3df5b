//! The pages of the web app (`web/dist`), embedded into the program.
//!
//! The router has the addresses of the pages, which are one HTML file, and the files that it loads. A debug build reads
//! the files from the checkout at every request. Where the web app was not built, the router is empty.

mod files;
mod policy;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Uri};
use tower_http::compression::CompressionLayer;

use policy::{Framing, policy};

/// Addresses of pages. Everything below an address that ends with `/` is a page too. The API serves
/// `/sign-in` and `/shared/` itself, with [`WebApp::page`].
const PAGES: [&str; 8] = ["/", "/upload", "/convert", "/settings", "/settings/", "/videos/", "/watch/", "/embed/"];

/// The pages. Clones share the text.
#[derive(Debug, Clone)]
pub struct WebApp {
    html: axum::body::Bytes,
    standalone: HeaderValue,
    embedded: HeaderValue,
}

impl WebApp {
    /// The pages of an installation. `edge` and `bucket`: the origins of playback URLs and of presigned uploads; empty
    /// if that is the origin of the pages. `None`: the web app was not built.
    pub fn new(edge: &str, bucket: &str) -> Option<Self> {
        let html = String::from_utf8(files::read("index.html")?.into_owned()).ok()?;
        let html = html.replace(EMPTY_EDGE, &format!(r#"<meta name="edgereel-edge" content="{}""#, escaped(edge)));
        let header = |framing| {
            HeaderValue::try_from(policy(edge, bucket, framing))
                .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
        };
        Some(Self { html: html.into(), standalone: header(Framing::Refused), embedded: header(Framing::Allowed) })
    }

    /// The routes of all pages and files.
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let mut router = Router::new();
        for path in PAGES {
            let path = if path.len() > 1 && path.ends_with('/') { format!("{path}{{*rest}}") } else { path.to_owned() };
            router = router.route(&path, get(page));
        }
        router
            .route("/assets/{*path}", get(files::asset))
            .route("/icon.svg", get(files::icon))
            .layer(CompressionLayer::new())
            .with_state(self)
    }

    /// The page at an address, such as that of a share link.
    pub fn page(&self, path: &str) -> Response {
        let is_embedded = path.starts_with("/embed/");
        let policy = if is_embedded { &self.embedded } else { &self.standalone };
        let mut response = (
            [
                (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
                (CONTENT_SECURITY_POLICY, policy.clone()),
                (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
                (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ],
            self.html.clone(),
        )
            .into_response();
        if !is_embedded {
            response.headers_mut().insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        }
        response
    }
}

async fn page(State(app): State<WebApp>, uri: Uri) -> Response {
    app.page(uri.path())
}

/// The element that the page has for the origin of the edge.
const EMPTY_EDGE: &str = r#"<meta name="edgereel-edge" content="""#;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests;
