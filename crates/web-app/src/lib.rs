//! The pages of the web app (`web/dist`), embedded into the program.
//!
//! The router has the addresses of the pages, which are one HTML file, and the files that it loads.
//! Where the web app was not built, each address shows how to build it.

mod files;
mod policy;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use tower_http::compression::CompressionLayer;

use policy::{Framing, policy};

/// Addresses of pages. Everything below an address that ends with `/` is a page too. The API serves
/// `/sign-in` and `/shared/` itself, with [`WebApp::page`].
const PAGES: [&str; 8] = [
    "/",
    "/upload",
    "/convert",
    "/settings",
    "/settings/",
    "/videos/",
    "/watch/",
    "/embed/",
];

/// The page of a program without the web app.
const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <title>Edgereel</title>\n<h1>This program was built without the web app</h1>\n\
    <p>The API works. To get the pages, run <code>npm ci &amp;&amp; npm run build</code> in the \
    directory <code>web</code>, and build the program again.</p>\n</html>\n";

/// The pages. Clones share the text.
#[derive(Debug, Clone)]
pub struct WebApp {
    html: Bytes,
    is_built: bool,
    tag: HeaderValue,
    standalone: HeaderValue,
    embedded: HeaderValue,
}

impl WebApp {
    /// The pages of an installation. `edge` and `bucket`: the origins of playback URLs and of
    /// presigned uploads; empty if that is the origin of the pages.
    pub fn new(edge: &str, bucket: &str) -> Self {
        Self::with_page(files::read("index.html").as_deref(), edge, bucket)
    }

    /// The pages of an installation with this HTML file; `None`: the web app was not built.
    pub fn with_page(html: Option<&[u8]>, edge: &str, bucket: &str) -> Self {
        let page = html.map(|it| {
            let filled = format!(r#"<meta name="edgereel-edge" content="{}""#, escaped(edge));
            String::from_utf8_lossy(it).replace(EMPTY_EDGE, &filled)
        });
        let header = |framing| {
            HeaderValue::try_from(policy(edge, bucket, framing))
                .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
        };
        let is_built = page.is_some();
        let html = page.map_or(Bytes::from_static(NOT_BUILT.as_bytes()), Bytes::from);
        Self {
            is_built,
            tag: files::tag(&html),
            html,
            standalone: header(Framing::Refused),
            embedded: header(Framing::Allowed),
        }
    }

    /// Whether the program has the web app.
    pub fn is_built(&self) -> bool {
        self.is_built
    }

    /// The routes of all pages and files.
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let mut router = Router::new();
        for path in PAGES {
            let path = match path.strip_suffix('/') {
                Some(parent) if !parent.is_empty() => format!("{parent}/{{*rest}}"),
                _ => path.to_owned(),
            };
            router = router.route(&path, get(page));
        }
        router
            .route("/assets/{*path}", get(files::asset))
            .route("/icon.svg", get(files::icon))
            .layer(CompressionLayer::new())
            .with_state(self)
    }

    /// The page at an address, such as that of a share link.
    pub fn page(&self, path: &str, request: &HeaderMap) -> Response {
        if !self.is_built {
            return self.respond(path, StatusCode::NOT_FOUND, true);
        }
        let status = if files::is_known(request, &self.tag) {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        };
        let mut response = self.respond(path, status, status == StatusCode::OK);
        response.headers_mut().insert(ETAG, self.tag.clone());
        response
    }

    /// The page at an address that does not exist.
    pub fn not_found(&self, path: &str) -> Response {
        self.respond(path, StatusCode::NOT_FOUND, true)
    }

    fn respond(&self, path: &str, status: StatusCode, has_body: bool) -> Response {
        let is_embedded = path.starts_with("/embed/");
        let policy = if is_embedded {
            &self.embedded
        } else {
            &self.standalone
        };
        let mut response = (
            status,
            [
                (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
                (CONTENT_SECURITY_POLICY, policy.clone()),
                (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
                (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ],
        )
            .into_response();
        if has_body {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, html);
            *response.body_mut() = self.html.clone().into();
        }
        if !is_embedded {
            response
                .headers_mut()
                .insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        }
        response
    }
}

async fn page(State(app): State<WebApp>, uri: Uri, headers: HeaderMap) -> Response {
    app.page(uri.path(), &headers)
}

/// The element that the page has for the origin of the edge.
const EMPTY_EDGE: &str = r#"<meta name="edgereel-edge" content="""#;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests;
