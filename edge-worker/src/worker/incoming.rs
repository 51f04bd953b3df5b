//! What the decision needs of a request.

use std::net::IpAddr;

use domain::playback;
use worker::worker_sys::ext::RequestExt as _;

use crate::url::Url;

/// A request, read out of the runtime. Its headers are joined as the runtime does: by commas.
pub(super) struct Incoming {
    headers: web_sys::Headers,
    method: String,
    url: String,
    authorization: Option<String>,
    cookie: Option<String>,
    origin: Option<String>,
    referer: Option<String>,
    client_ip: Option<IpAddr>,
    country: Option<String>,
}

impl Incoming {
    pub(super) fn new(request: &web_sys::Request) -> Self {
        let headers = request.headers();
        let header = |name: &str| headers.get(name).ok().flatten();
        let url = request.url();
        // Where no grant can be, none is looked for: each look out of WebAssembly costs.
        let for_grant = |name: &str| if asks_for_master(&url) { header(name) } else { None };
        // Set by Cloudflare, whatever the client claims.
        let client_ip = header("cf-connecting-ip").and_then(|it| it.trim().parse().ok());
        Self {
            method: request.method(),
            authorization: for_grant("authorization"),
            cookie: for_grant("cookie"),
            referer: for_grant("referer"),
            origin: header("origin"),
            client_ip,
            country: request.cf().and_then(|it| it.country().ok().flatten()),
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
            client_ip: self.client_ip,
            country: self.country.as_deref(),
            signature: None,
        }
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// Whether the client takes gzip (RFC 9110, 12.5.3).
    pub(super) fn takes_gzip(&self) -> bool {
        self.header("accept-encoding").is_some_and(|it| playback::accepts_gzip(&it))
    }

    /// Where this Worker is: keys of the cache begin with it.
    pub(super) fn own_origin(&self) -> &str {
        Url::split(&self.url).map_or("https://edge.invalid", |it| it.origin)
    }
}

/// Master playlists alone take a grant, and look at the page by its referer.
fn asks_for_master(url: &str) -> bool {
    Url::split(url).is_some_and(|it| it.path.starts_with("/v/"))
}
