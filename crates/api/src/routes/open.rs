//! The routes that need no caller.

use axum::routing::{MethodFilter, on};
use http::Method;

use super::OpenRoute;
use crate::{health, openapi, session, shares};

/// Every route outside the table of scopes: share links, health checks, and sessions, which every
/// caller has and which begin without a caller.
pub(crate) fn open_routes() -> Vec<OpenRoute> {
    let get = MethodFilter::GET;
    let open = |path, endpoint, doc| OpenRoute {
        method: Method::GET,
        path,
        doc,
        endpoint,
    };
    let session = |method, endpoint, doc| OpenRoute {
        method,
        path: "/v1/session",
        doc,
        endpoint,
    };
    vec![
        open(
            "/shared/{secret}",
            on(get, shares::follow),
            openapi::shares::follow(),
        ),
        open(
            "/shared/{secret}/master.m3u8",
            on(get, shares::follow_to_playlist),
            openapi::shares::follow_to_playlist(),
        ),
        open(
            "/healthz",
            on(get, health::healthz),
            openapi::installation::healthz(),
        ),
        open(
            "/readyz",
            on(get, health::readyz),
            openapi::installation::readyz(),
        ),
        session(
            Method::GET,
            on(get, session::read),
            openapi::sessions::read(),
        ),
        session(
            Method::POST,
            on(MethodFilter::POST, session::start),
            openapi::sessions::start(),
        ),
        session(
            Method::DELETE,
            on(MethodFilter::DELETE, session::end),
            openapi::sessions::end(),
        ),
    ]
}
