//! The parts of a request that the decision needs.

use std::borrow::Cow;
use std::net::IpAddr;

use domain::grant::ClientLocation;
use domain::playback::{self, Conditions};
use worker::worker_sys::ext::RequestExt as _;

use crate::url::Url;

/// A request, read from the runtime only as far as necessary: each call out of WebAssembly costs.
/// The runtime joins repeated headers by commas.
#[derive(Debug)]
pub(super) struct EdgeRequest<'a> {
    request: &'a web_sys::Request,
    headers: web_sys::Headers,
    method: String,
    url: String,
    authorization: Option<String>,
    cookie: Option<String>,
    origin: Option<String>,
    referer: Option<String>,
    sec_fetch_dest: Option<String>,
    sec_ch_ua: Option<String>,
}

impl ClientLocation for EdgeRequest<'_> {
    /// Cloudflare sets it, whatever the client claims.
    fn ip(&self) -> Option<IpAddr> {
        self.header("cf-connecting-ip")?.trim().parse().ok()
    }

    fn country(&self) -> Option<Cow<'_, str>> {
        self.request.cf()?.country().ok().flatten().map(Cow::Owned)
    }
}

impl<'a> EdgeRequest<'a> {
    pub(super) fn new(request: &'a web_sys::Request) -> Self {
        let headers = request.headers();
        let header = |name: &str| headers.get(name).ok().flatten();
        let url = request.url();
        // Only the paths that take a grant read these headers.
        let for_grant = |name: &str| {
            if takes_grant(&url) {
                header(name)
            } else {
                None
            }
        };
        Self {
            method: request.method(),
            authorization: for_grant("authorization"),
            cookie: for_grant("cookie"),
            referer: for_grant("referer"),
            sec_fetch_dest: for_grant("sec-fetch-dest"),
            sec_ch_ua: for_grant("sec-ch-ua"),
            origin: header("origin"),
            request,
            headers,
            url,
        }
    }

    pub(super) fn playback(&self) -> playback::Request<'_> {
        let url = Url::split(&self.url);
        playback::Request {
            method: &self.method,
            path: url.map_or("", |it| it.path),
            query: url.and_then(|it| it.query),
            authorization: self.authorization.as_deref(),
            cookie: self.cookie.as_deref(),
            origin: self.origin.as_deref(),
            referer: self.referer.as_deref(),
            sec_fetch_dest: self.sec_fetch_dest.as_deref(),
            sec_ch_ua: self.sec_ch_ua.as_deref(),
            client: Some(self),
            signature: None,
        }
    }

    pub(super) fn conditions(&self) -> Conditions {
        Conditions::read(self.is_head(), |name| self.header(name))
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// Whether the client accepts gzip (RFC 9110, 12.5.3).
    pub(super) fn takes_gzip(&self) -> bool {
        self.header("accept-encoding")
            .is_some_and(|it| playback::accepts_gzip(&it))
    }

    /// The origin of this Worker, the prefix of cache keys.
    pub(super) fn own_origin(&self) -> &str {
        Url::split(&self.url).map_or("https://edge.invalid", |it| it.origin)
    }
}

/// Only master playlists and the list accept a token, and check the page by its referer.
fn takes_grant(url: &str) -> bool {
    Url::split(url).is_some_and(|it| it.path.starts_with("/v/") || it.path == "/revocations")
}
