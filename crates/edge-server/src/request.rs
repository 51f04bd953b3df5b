//! The parts of an HTTP request that the decision needs.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use domain::grant::ClientLocation;
use domain::playback::{self, Conditions};
use http::HeaderMap;
use http::request::Parts;

/// Headers in which a proxy reports the client's address and country. Only for a proxy that always
/// sets them: otherwise any client could claim any address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxy {
    /// Name of the header with the client's address. Its last element counts, which the proxy itself
    /// has added.
    pub address_header: http::HeaderName,
    /// Name of the header with the client's country (ISO 3166-1 alpha-2), if the proxy sends one.
    pub country_header: Option<http::HeaderName>,
}

/// A request, its headers joined as browsers and workers do.
#[derive(Debug)]
pub(super) struct EdgeRequest<'a> {
    request: &'a Parts,
    authorization: Option<Cow<'a, str>>,
    cookie: Option<Cow<'a, str>>,
    origin: Option<Cow<'a, str>>,
    referer: Option<Cow<'a, str>>,
    sec_fetch_dest: Option<Cow<'a, str>>,
    sec_ch_ua: Option<Cow<'a, str>>,
    client_ip: Option<IpAddr>,
    country: Option<Cow<'a, str>>,
}

impl ClientLocation for EdgeRequest<'_> {
    fn ip(&self) -> Option<IpAddr> {
        self.client_ip
    }

    fn country(&self) -> Option<Cow<'_, str>> {
        self.country.as_deref().map(Cow::Borrowed)
    }
}

impl<'a> EdgeRequest<'a> {
    pub(super) fn new(request: &'a Parts, proxy: Option<&TrustedProxy>) -> Self {
        let headers = &request.headers;
        let peer = request
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|it| it.0.ip());
        let client_ip = match proxy {
            Some(proxy) => joined(headers, proxy.address_header.as_str(), ", ")
                .and_then(|it| it.rsplit(',').next()?.trim().parse().ok()),
            None => peer,
        };
        Self {
            request,
            authorization: joined(headers, "authorization", ", "),
            cookie: joined(headers, "cookie", "; "),
            origin: joined(headers, "origin", ", "),
            referer: joined(headers, "referer", ", "),
            sec_fetch_dest: joined(headers, "sec-fetch-dest", ", "),
            sec_ch_ua: joined(headers, "sec-ch-ua", ", "),
            client_ip,
            country: proxy
                .and_then(|it| it.country_header.as_ref())
                .and_then(|it| joined(headers, it.as_str(), ", ")),
        }
    }

    pub(super) fn playback(&self) -> playback::Request<'_> {
        playback::Request {
            method: self.request.method.as_str(),
            path: self.request.uri.path(),
            query: self.request.uri.query(),
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
        self.request.method == http::Method::HEAD
    }

    /// All values of a header, joined.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        joined(&self.request.headers, name, ", ").map(Cow::into_owned)
    }
}

/// All values of a header, joined. A value that is not UTF-8 stays in it, so that it is rejected.
fn joined<'a>(headers: &'a HeaderMap, name: &str, separator: &str) -> Option<Cow<'a, str>> {
    let mut values = headers
        .get_all(name)
        .iter()
        .map(|it| String::from_utf8_lossy(it.as_bytes()));
    let first = values.next()?;
    Some(values.fold(first, |all, it| Cow::Owned(format!("{all}{separator}{it}"))))
}
