//! The table of all routes.

use axum::routing::{MethodFilter, on};
use http::Method;

use super::{OpenRoute, PARTS_BODY_LIMIT, Route, route};
use crate::auth::Scope;
use crate::webhooks::{deliveries, endpoints};
use crate::{api_keys, dead_letters, events, health, live, objects, openapi, session, shares, uploads, videos};

/// Every route under `/v1`. Handlers get a [`Caller`](crate::auth::Caller) only through this table.
/// Tests call each route with each kind of caller.
pub fn route_table() -> Vec<Route> {
    const POST: Method = Method::POST;
    const GET: Method = Method::GET;
    const PATCH: Method = Method::PATCH;
    const PUT: Method = Method::PUT;
    const DELETE: Method = Method::DELETE;
    vec![
        route(POST, "/uploads", Scope::Upload, uploads::create::create, openapi::uploads::create()),
        route(GET, "/uploads/{video}", Scope::Upload, uploads::progress::read, openapi::uploads::read()),
        route(DELETE, "/uploads/{video}", Scope::Upload, uploads::finish::abort, openapi::uploads::abort()),
        route(
            POST,
            "/uploads/{video}/parts",
            Scope::Upload,
            uploads::progress::presign_parts,
            openapi::uploads::presign_parts(),
        ),
        route(
            POST,
            "/uploads/{video}/complete",
            Scope::Upload,
            uploads::finish::complete,
            openapi::uploads::complete(),
        )
        .with_body_limit(PARTS_BODY_LIMIT),
        route(GET, "/videos", Scope::Read, videos::list::list, openapi::videos::list()),
        route(GET, "/videos/{video}", Scope::Read, videos::read, openapi::videos::read()),
        route(POST, "/videos", Scope::Upload, videos::convert::convert, openapi::videos::convert()),
        route(PATCH, "/videos/{video}", Scope::Write, videos::change::change, openapi::videos::change()),
        route(DELETE, "/videos/{video}", Scope::Write, videos::delete, openapi::videos::delete()),
        route(POST, "/videos/{video}/retry", Scope::Write, videos::work::retry, openapi::videos::retry()),
        route(POST, "/videos/{video}/cancel", Scope::Write, videos::work::cancel, openapi::videos::cancel()),
        route(POST, "/videos/{video}/reencode", Scope::Write, videos::work::reencode, openapi::videos::reencode()),
        route(PUT, "/videos/{video}/poster", Scope::Write, videos::poster::put, openapi::videos::put_poster())
            .with_body_limit(videos::poster::IMAGE_LIMIT),
        route(DELETE, "/videos/{video}/poster", Scope::Write, videos::poster::delete, openapi::videos::delete_poster()),
        route(GET, "/videos/{video}/stream", Scope::Play, videos::stream::stream, openapi::videos::stream()),
        route(GET, "/videos/{video}/timeline", Scope::Read, videos::timeline::read, openapi::videos::timeline()),
        route(
            GET,
            "/videos/{video}/deliveries",
            Scope::Webhooks,
            deliveries::of_video,
            openapi::webhooks::deliveries_of_video(),
        ),
        route(GET, "/videos/{video}/source", Scope::Download, videos::source::source, openapi::videos::source()),
        route(POST, "/videos/{video}/shares", Scope::Play, shares::create, openapi::shares::create()),
        route(GET, "/videos/{video}/shares", Scope::Play, shares::list, openapi::shares::list()),
        route(DELETE, "/videos/{video}/shares/{share}", Scope::Play, shares::revoke, openapi::shares::revoke()),
        route(GET, "/events/stream", Scope::Read, live::events, openapi::events::stream()),
        route(POST, "/events", Scope::Events, events::receive, openapi::events::receive()),
        route(GET, "/objects", Scope::Admin, objects::list, openapi::objects::list()),
        route(GET, "/dead-letters", Scope::Admin, dead_letters::list, openapi::installation::dead_letters()),
        route(
            POST,
            "/dead-letters/redrive",
            Scope::Admin,
            dead_letters::redrive_all,
            openapi::installation::redrive_all(),
        ),
        route(
            POST,
            "/dead-letters/{letter}/redrive",
            Scope::Admin,
            dead_letters::redrive,
            openapi::installation::redrive(),
        ),
        route(GET, "/s3/params", Scope::Upload, uploads::uppy::params, openapi::uppy::params()),
        route(POST, "/s3/multipart", Scope::Upload, uploads::uppy::begin, openapi::uppy::begin()),
        route(GET, "/s3/multipart/{upload}", Scope::Upload, uploads::uppy::list, openapi::uppy::list()),
        route(DELETE, "/s3/multipart/{upload}", Scope::Upload, uploads::uppy::abort, openapi::uppy::abort()),
        route(GET, "/s3/multipart/{upload}/{number}", Scope::Upload, uploads::uppy::sign, openapi::uppy::sign()),
        route(
            POST,
            "/s3/multipart/{upload}/complete",
            Scope::Upload,
            uploads::uppy::complete,
            openapi::uppy::complete(),
        )
        .with_body_limit(PARTS_BODY_LIMIT),
        route(POST, "/webhooks", Scope::Webhooks, endpoints::create, openapi::webhooks::create()),
        route(GET, "/webhooks", Scope::Webhooks, endpoints::list, openapi::webhooks::list()),
        route(GET, "/webhooks/{webhook}", Scope::Webhooks, endpoints::read, openapi::webhooks::read()),
        route(PATCH, "/webhooks/{webhook}", Scope::Webhooks, endpoints::change, openapi::webhooks::change()),
        route(DELETE, "/webhooks/{webhook}", Scope::Webhooks, endpoints::delete, openapi::webhooks::delete()),
        route(
            POST,
            "/webhooks/{webhook}/rotate-secret",
            Scope::Webhooks,
            endpoints::rotate_secret,
            openapi::webhooks::rotate_secret(),
        ),
        route(POST, "/webhooks/{webhook}/test", Scope::Webhooks, deliveries::send_test, openapi::webhooks::send_test()),
        route(
            GET,
            "/webhooks/{webhook}/deliveries",
            Scope::Webhooks,
            deliveries::list,
            openapi::webhooks::deliveries(),
        ),
        route(
            POST,
            "/webhooks/{webhook}/deliveries/{delivery}/replay",
            Scope::Webhooks,
            deliveries::replay,
            openapi::webhooks::replay(),
        ),
        route(POST, "/api-keys", Scope::Keys, api_keys::create, openapi::api_keys::create()),
        route(GET, "/api-keys", Scope::Keys, api_keys::list, openapi::api_keys::list()),
        route(DELETE, "/api-keys/{key}", Scope::Keys, api_keys::revoke, openapi::api_keys::revoke()),
    ]
}

/// Every route outside the table of scopes: share links, health checks, and sessions, which every
/// caller has and which begin without a caller.
pub(crate) fn open_routes() -> Vec<OpenRoute> {
    let get = MethodFilter::GET;
    let open = |path, endpoint, doc| OpenRoute { method: Method::GET, path, doc, endpoint };
    let session = |method, endpoint, doc| OpenRoute { method, path: "/v1/session", doc, endpoint };
    vec![
        open("/shared/{secret}", on(get, shares::follow), openapi::shares::follow()),
        open(
            "/shared/{secret}/master.m3u8",
            on(get, shares::follow_to_playlist),
            openapi::shares::follow_to_playlist(),
        ),
        open("/healthz", on(get, health::healthz), openapi::installation::healthz()),
        open("/readyz", on(get, health::readyz), openapi::installation::readyz()),
        session(Method::GET, on(get, session::read), openapi::sessions::read()),
        session(Method::POST, on(MethodFilter::POST, session::start), openapi::sessions::start()),
        session(Method::DELETE, on(MethodFilter::DELETE, session::end), openapi::sessions::end()),
    ]
}
