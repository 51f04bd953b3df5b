//! Response headers: content type, caching and CORS.

use crate::grant::{Limits, Origin};
use crate::object_key::ObjectKey;

use super::served::viewer_cache;
use super::{Config, Refusal, Request};

/// Headers of a response, names in lower case. The shell adds `Content-Length`, `ETag` and the like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(&'static str, String)>);

/// The header with the code of a refusal, for players that show it.
const REFUSAL_HEADER: &str = "edgereel-refusal";

/// Response headers that pages may read.
const EXPOSED: &str = "edgereel-refusal, content-length, content-range, etag, date";

/// Request headers that pages may send: grants, ranges and conditions, and player data (CTA-5004, CMCD).
const ACCEPTED: &str = "authorization, range, if-none-match, if-range, cmcd-request, cmcd-object, cmcd-status, cmcd-session";

impl Headers {
    /// The names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The value of a header.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    pub(super) fn preflight(request: &Request<'_>, config: &Config) -> Self {
        Self::cross_origin(&[], request, config)
            .with("access-control-allow-methods", "GET, HEAD, POST, OPTIONS")
            .with("access-control-allow-headers", ACCEPTED)
            .with("access-control-max-age", "86400")
            .with("allow", allowed(request.path))
    }

    /// Headers of a response about a session.
    pub(super) fn json(limits: &Limits, request: &Request<'_>, config: &Config) -> Self {
        Self::cross_origin(&limits.origins, request, config)
            .with("content-type", "application/json")
            .with("cache-control", "no-store")
            .with("x-content-type-options", "nosniff")
    }

    /// Headers of a response without a body.
    pub(super) fn empty(limits: &Limits, request: &Request<'_>, config: &Config) -> Self {
        Self::cross_origin(&limits.origins, request, config).with("cache-control", "no-store")
    }

    pub(super) fn refusal(refusal: Refusal, request: &Request<'_>, config: &Config) -> Self {
        let headers = Self::cross_origin(&[], request, config)
            .with("content-type", "application/problem+json")
            .with("cache-control", "no-store")
            .with("x-content-type-options", "nosniff")
            .with(REFUSAL_HEADER, refusal.code());
        match refusal {
            Refusal::GrantMissing => headers.with("www-authenticate", "Bearer"),
            Refusal::Method => headers.with("allow", allowed(request.path)),
            Refusal::Unavailable => headers.with("retry-after", "1"),
            _ => headers,
        }
    }

    pub(super) fn object(
        object: &ObjectKey,
        limits: &Limits,
        request: &Request<'_>,
        config: &Config,
    ) -> Self {
        let headers = Self::cross_origin(&limits.origins, request, config)
            .with("content-type", object.content_type())
            .with("cache-control", viewer_cache(object))
            .with("x-content-type-options", "nosniff");
        match object {
            // Compressed if the client accepts that, and the same for every response at this URL (RFC 9110, 15.4.5).
            ObjectKey::Master { .. } | ObjectKey::MediaPlaylist { .. } => {
                headers.varying("accept-encoding")
            }
            _ => headers.with("accept-ranges", "bytes"),
        }
    }

    pub(super) fn key(limits: &Limits, request: &Request<'_>, config: &Config) -> Self {
        Self::cross_origin(&limits.origins, request, config)
            .with("content-type", "application/octet-stream")
            .with("cache-control", "no-store")
            .with("x-content-type-options", "nosniff")
    }

    /// The CORS headers, which state the pages that may read the response: pages that may send cookies, with cookies;
    /// otherwise the pages that the grant allows; otherwise all pages.
    fn cross_origin(allowed: &[Origin], request: &Request<'_>, config: &Config) -> Self {
        let among = |list: &[Origin]| {
            request
                .origin
                .filter(|it| list.iter().any(|known| known.as_str() == *it))
        };
        let headers = match among(&config.credential_origins) {
            Some(origin) => Self::default()
                .with("access-control-allow-origin", origin)
                .with("access-control-allow-credentials", "true"),
            None if allowed.is_empty() => Self::default().with("access-control-allow-origin", "*"),
            // A page that is not allowed gets no response; a player without a page needs no permission.
            None => match among(allowed) {
                Some(origin) => Self::default().with("access-control-allow-origin", origin),
                None => Self::default(),
            },
        };
        let headers = headers.with("access-control-expose-headers", EXPOSED);
        if config.credential_origins.is_empty() && allowed.is_empty() {
            headers
        } else {
            headers.varying("origin")
        }
    }

    /// Adds a request header to `Vary`.
    fn varying(mut self, name: &'static str) -> Self {
        match self.0.iter_mut().find(|it| it.0 == "vary") {
            Some((_, names)) => *names = format!("{names}, {name}"),
            None => self.0.push(("vary", name.to_owned())),
        }
        self
    }
}

/// The methods of a path.
fn allowed(path: &str) -> &'static str {
    match path {
        "/revocations" => "POST, OPTIONS",
        _ if path.starts_with("/v/") => "GET, HEAD, POST, OPTIONS",
        _ if path.starts_with("/s/") && path.ends_with("/cmcd") => "POST, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    }
}
