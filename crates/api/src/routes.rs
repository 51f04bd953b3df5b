//! The route table and the router.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, any, get, on};
use axum::{Extension, Router};
use http::Method;

use crate::auth::{self, AuthLayer, Scope};
use crate::error::ApiError;
use crate::idempotency::{self, IdempotencyLayer};
use crate::limits::RateLimits;
use crate::metrics::{self, Metrics, RouteName};
use crate::openapi::{self, Doc};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::webhooks::{deliveries, endpoints};
use crate::{
    api_keys, cors, dead_letters, events, health, key_in_path, request_log, share_page, shares, uploads, videos,
};

/// Default limit of a request body in bytes.
const BODY_LIMIT: usize = 64 << 10;
/// Limit of bodies with 10,000 parts and their `ETag`s.
const PARTS_BODY_LIMIT: usize = 2 << 20;

/// A route under `/v1`.
pub struct Route {
    /// The HTTP method.
    pub method: Method,
    /// The route template below `/v1`.
    pub path: &'static str,
    /// The required scope. Access to the video is checked separately.
    pub scope: Scope,
    /// The OpenAPI documentation.
    pub(crate) doc: Doc,
    endpoint: MethodRouter<ApiState>,
}

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
        route(GET, "/videos", Scope::Read, videos::list, openapi::videos::list()),
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
        route(GET, "/videos/{video}/source", Scope::Download, videos::source::source, openapi::videos::source()),
        route(POST, "/videos/{video}/shares", Scope::Play, shares::create, openapi::shares::create()),
        route(GET, "/videos/{video}/shares", Scope::Play, shares::list, openapi::shares::list()),
        route(DELETE, "/videos/{video}/shares/{share}", Scope::Play, shares::revoke, openapi::shares::revoke()),
        route(POST, "/events", Scope::Events, events::receive, openapi::events::receive()),
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

fn route<H, T>(method: Method, path: &'static str, scope: Scope, handler: H, doc: Doc) -> Route
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).expect("the table has methods of HTTP");
    Route { method, path, scope, doc, endpoint: on(filter, handler) }
}

impl Route {
    fn with_body_limit(mut self, bytes: usize) -> Self {
        self.endpoint = self.endpoint.route_layer(DefaultBodyLimit::max(bytes));
        self
    }
}

/// A GET route without authentication.
pub(crate) struct OpenRoute {
    /// The route template.
    pub(crate) path: &'static str,
    /// The OpenAPI documentation.
    pub(crate) doc: Doc,
    endpoint: MethodRouter<ApiState>,
}

/// Every route without authentication.
pub(crate) fn open_routes() -> [OpenRoute; 4] {
    let open = |path, endpoint, doc| OpenRoute { path, doc, endpoint };
    [
        open("/shared/{secret}", get(shares::follow), openapi::shares::follow()),
        open("/shared/{secret}/master.m3u8", get(shares::follow_to_playlist), openapi::shares::follow_to_playlist()),
        open("/healthz", get(health::healthz), openapi::installation::healthz()),
        open("/readyz", get(health::readyz), openapi::installation::readyz()),
    ]
}

/// The router of the API. `/v1` and `/metrics` require authentication; share links, `/healthz`,
/// `/readyz` and the OpenAPI document do not.
pub fn router(state: ApiState) -> Router {
    let limits = Arc::new(RateLimits::new(&state.config.limits));
    let auth_layer = Arc::new(AuthLayer {
        token: state.token.clone(),
        accounts: state.accounts.clone(),
        identity: state.config.identity_provider.clone(),
        limits: limits.clone(),
    });
    let idempotency_layer = Arc::new(IdempotencyLayer::new(state.idempotency.clone(), &state.token));
    let mut v1 = Router::new();
    for Route { method, path, scope, mut endpoint, .. } in route_table() {
        if method == Method::POST {
            endpoint = endpoint.route_layer(from_fn_with_state(idempotency_layer.clone(), idempotency::handle));
        }
        endpoint = endpoint.route_layer(from_fn_with_state(RouteName(path), metrics::name_route));
        // Outermost: a caller without the scope must not get stored responses.
        v1 = v1.route(path, endpoint.route_layer(from_fn_with_state(scope, auth::authorize)));
    }
    let v1 = v1
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(auth_layer.clone(), auth::authenticate));
    let metrics = Arc::new(Metrics::new(&state.ingest.counts));
    let metrics_route = get(metrics::export)
        .layer(Extension(metrics.clone()))
        .layer(from_fn_with_state(Scope::Admin, auth::authorize))
        .layer(from_fn_with_state(auth_layer, auth::authenticate));
    let origins = state.config.cors_origins.clone();
    let open = open_routes().into_iter().fold(Router::new(), |router, route| {
        let named = from_fn_with_state(RouteName(route.path), metrics::name_route);
        router.route(route.path, route.endpoint.route_layer(named))
    });
    let api = Router::new()
        .nest("/v1", v1)
        .merge(open.layer(Extension(limits)))
        .route("/metrics", metrics_route)
        .route("/openapi.json", get(openapi::serve))
        .merge(openapi::page())
        .merge(share_page::files())
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(metrics, request_log::observe))
        .with_state(state);
    let api = if origins.is_empty() { api } else { api.layer(cors::layer(&origins)) };
    Router::new().route("/u/{key}/s3/{*rest}", any(key_in_path::forward)).with_state(api.clone()).merge(api)
}

async fn no_such_route() -> ApiError {
    ApiError::no_such_route()
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(Problem::MethodNotAllowed, "this path does not support this method")
}
