//! The table of routes.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, any, get, on};
use axum::{Extension, Router};
use http::Method;

use crate::auth::{self, Gate, Scope};
use crate::error::ApiError;
use crate::idempotency::{self, Once};
use crate::limits::RateLimits;
use crate::metrics::{self, Metrics, RouteName};
use crate::openapi::{self, Doc};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::webhooks::{deliveries, endpoints};
use crate::{
    api_keys, cors, dead_letters, events, health, key_in_path, request_log, share_page, shares, uploads, videos,
};

/// Most bytes of a body, where a route says nothing else.
const BODY_LIMIT: usize = 64 << 10;
/// 10,000 parts with their tags.
const PARTS_BODY_LIMIT: usize = 2 << 20;

/// A route under `/v1`.
pub struct Route {
    /// Of the request.
    pub method: Method,
    /// Below `/v1`, as axum writes it.
    pub path: &'static str,
    /// What a caller needs. Whether a video is there for them is another question.
    pub scope: Scope,
    /// What the OpenAPI document says of it.
    pub(crate) doc: Doc,
    endpoint: MethodRouter<ApiState>,
}

/// Every route under `/v1`. There is no other way in: the [`Caller`](crate::auth::Caller) that handlers
/// ask for is made on the way through this table alone. Tests ask each of these routes with each kind
/// of caller.
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
        .with_bodies_of(PARTS_BODY_LIMIT),
        route(GET, "/videos", Scope::Read, videos::list, openapi::videos::list()),
        route(GET, "/videos/{video}", Scope::Read, videos::read, openapi::videos::read()),
        route(POST, "/videos", Scope::Upload, videos::convert::convert, openapi::videos::convert()),
        route(PATCH, "/videos/{video}", Scope::Write, videos::change::change, openapi::videos::change()),
        route(DELETE, "/videos/{video}", Scope::Write, videos::delete, openapi::videos::delete()),
        route(POST, "/videos/{video}/retry", Scope::Write, videos::work::retry, openapi::videos::retry()),
        route(POST, "/videos/{video}/cancel", Scope::Write, videos::work::cancel, openapi::videos::cancel()),
        route(POST, "/videos/{video}/reencode", Scope::Write, videos::work::reencode, openapi::videos::reencode()),
        route(PUT, "/videos/{video}/poster", Scope::Write, videos::poster::put, openapi::videos::put_poster())
            .with_bodies_of(videos::poster::PICTURE_LIMIT),
        route(DELETE, "/videos/{video}/poster", Scope::Write, videos::poster::delete, openapi::videos::delete_poster()),
        route(GET, "/videos/{video}/stream", Scope::Play, videos::stream::stream, openapi::videos::stream()),
        route(GET, "/videos/{video}/source", Scope::Download, videos::source::source, openapi::videos::source()),
        route(POST, "/videos/{video}/shares", Scope::Play, shares::create, openapi::shares::create()),
        route(GET, "/videos/{video}/shares", Scope::Play, shares::list, openapi::shares::list()),
        route(DELETE, "/videos/{video}/shares/{share}", Scope::Play, shares::revoke, openapi::shares::revoke()),
        route(POST, "/events", Scope::Events, events::take, openapi::events::take()),
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
        .with_bodies_of(PARTS_BODY_LIMIT),
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
    fn with_bodies_of(mut self, bytes: usize) -> Self {
        self.endpoint = self.endpoint.route_layer(DefaultBodyLimit::max(bytes));
        self
    }
}

/// A route that everybody may GET.
pub(crate) struct OpenRoute {
    /// As axum writes it.
    pub(crate) path: &'static str,
    /// What the OpenAPI document says of it.
    pub(crate) doc: Doc,
    endpoint: MethodRouter<ApiState>,
}

/// Every route that wants no token.
pub(crate) fn open_routes() -> [OpenRoute; 4] {
    let open = |path, endpoint, doc| OpenRoute { path, doc, endpoint };
    [
        open("/shared/{secret}", get(shares::follow), openapi::shares::follow()),
        open("/shared/{secret}/master.m3u8", get(shares::follow_to_playlist), openapi::shares::follow_to_playlist()),
        open("/healthz", get(health::healthz), openapi::installation::healthz()),
        open("/readyz", get(health::readyz), openapi::installation::readyz()),
    ]
}

/// The API. `/v1` wants a caller; shared links, `/healthz`, `/readyz` and the document do not.
pub fn router(state: ApiState) -> Router {
    let limits = Arc::new(RateLimits::new(&state.config.limits));
    let gate = Arc::new(Gate {
        token: state.token.clone(),
        accounts: state.accounts.clone(),
        identity: state.config.identity_provider.clone(),
        limits: limits.clone(),
    });
    let once = Arc::new(Once::new(state.idempotency.clone(), &state.token));
    let mut v1 = Router::new();
    for Route { method, path, scope, mut endpoint, .. } in route_table() {
        if method == Method::POST {
            endpoint = endpoint.route_layer(from_fn_with_state(once.clone(), idempotency::once));
        }
        endpoint = endpoint.route_layer(from_fn_with_state(RouteName(path), metrics::name_route));
        // Around the rest: who may not do this learns nothing of who did.
        v1 = v1.route(path, endpoint.route_layer(from_fn_with_state(scope, auth::admit)));
    }
    let v1 = v1
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(gate.clone(), auth::guard));
    let metrics = Arc::new(Metrics::new(&state.ingest.counts));
    let figures = get(metrics::answer)
        .layer(Extension(metrics.clone()))
        .layer(from_fn_with_state(Scope::Admin, auth::admit))
        .layer(from_fn_with_state(gate, auth::guard));
    let origins = state.config.cors_origins.clone();
    let open = open_routes().into_iter().fold(Router::new(), |router, it| {
        let named = from_fn_with_state(RouteName(it.path), metrics::name_route);
        router.route(it.path, it.endpoint.route_layer(named))
    });
    let api = Router::new()
        .nest("/v1", v1)
        .merge(open.layer(Extension(limits)))
        .route("/metrics", figures)
        .route("/openapi.json", get(openapi::answer))
        .merge(openapi::page())
        .merge(share_page::files())
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(metrics, request_log::observe))
        .with_state(state);
    let api = if origins.is_empty() { api } else { api.layer(cors::layer(&origins)) };
    Router::new().route("/u/{key}/s3/{*rest}", any(key_in_path::answer)).with_state(api.clone()).merge(api)
}

async fn no_such_route() -> ApiError {
    ApiError::no_such_route()
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(Problem::MethodNotAllowed, "this path does not support this method")
}
