//! The table of routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, get, on};
use http::header::{CACHE_CONTROL, HeaderName};
use http::{HeaderValue, Method};

use crate::auth::{self, Gate, Scope};
use crate::error::ApiError;
use crate::idempotency::{self, Once};
use crate::limits::RateLimits;
use crate::state::ApiState;
use crate::webhooks::{deliveries, endpoints};
use crate::{api_keys, cors, health, key_in_path, uploads, videos};

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
    endpoint: MethodRouter<ApiState>,
}

/// Every route under `/v1`. There is no other way in: the [`Caller`](crate::auth::Caller) that handlers
/// ask for is made on the way through this table alone. Tests ask each of these routes with each kind
/// of caller.
pub fn route_table() -> Vec<Route> {
    const CREATE: Method = Method::POST;
    const READ: Method = Method::GET;
    const CHANGE: Method = Method::PATCH;
    const REPLACE: Method = Method::PUT;
    const DELETE: Method = Method::DELETE;
    vec![
        route(CREATE, "/uploads", Scope::Upload, uploads::create::create),
        route(READ, "/uploads/{video}", Scope::Upload, uploads::progress::read),
        route(DELETE, "/uploads/{video}", Scope::Upload, uploads::finish::abort),
        route(CREATE, "/uploads/{video}/parts", Scope::Upload, uploads::progress::presign_parts),
        route(CREATE, "/uploads/{video}/complete", Scope::Upload, uploads::finish::complete)
            .with_bodies_of(PARTS_BODY_LIMIT),
        route(READ, "/videos", Scope::Read, videos::list),
        route(READ, "/videos/{video}", Scope::Read, videos::read),
        route(CREATE, "/videos", Scope::Upload, videos::convert::convert),
        route(CHANGE, "/videos/{video}", Scope::Write, videos::change::change),
        route(DELETE, "/videos/{video}", Scope::Write, videos::delete),
        route(CREATE, "/videos/{video}/retry", Scope::Write, videos::work::retry),
        route(CREATE, "/videos/{video}/cancel", Scope::Write, videos::work::cancel),
        route(CREATE, "/videos/{video}/reencode", Scope::Write, videos::work::reencode),
        route(REPLACE, "/videos/{video}/poster", Scope::Write, videos::poster::put)
            .with_bodies_of(videos::poster::PICTURE_LIMIT),
        route(DELETE, "/videos/{video}/poster", Scope::Write, videos::poster::delete),
        route(READ, "/videos/{video}/stream", Scope::Play, videos::stream::stream),
        route(READ, "/s3/params", Scope::Upload, uploads::uppy::params),
        route(CREATE, "/s3/multipart", Scope::Upload, uploads::uppy::begin),
        route(READ, "/s3/multipart/{upload}", Scope::Upload, uploads::uppy::list),
        route(DELETE, "/s3/multipart/{upload}", Scope::Upload, uploads::uppy::abort),
        route(READ, "/s3/multipart/{upload}/{number}", Scope::Upload, uploads::uppy::sign),
        route(CREATE, "/s3/multipart/{upload}/complete", Scope::Upload, uploads::uppy::complete)
            .with_bodies_of(PARTS_BODY_LIMIT),
        route(CREATE, "/webhooks", Scope::Webhooks, endpoints::create),
        route(READ, "/webhooks", Scope::Webhooks, endpoints::list),
        route(READ, "/webhooks/{webhook}", Scope::Webhooks, endpoints::read),
        route(CHANGE, "/webhooks/{webhook}", Scope::Webhooks, endpoints::change),
        route(DELETE, "/webhooks/{webhook}", Scope::Webhooks, endpoints::delete),
        route(CREATE, "/webhooks/{webhook}/rotate-secret", Scope::Webhooks, endpoints::rotate_secret),
        route(CREATE, "/webhooks/{webhook}/test", Scope::Webhooks, deliveries::send_test),
        route(READ, "/webhooks/{webhook}/deliveries", Scope::Webhooks, deliveries::list),
        route(CREATE, "/webhooks/{webhook}/deliveries/{delivery}/replay", Scope::Webhooks, deliveries::replay),
        route(CREATE, "/api-keys", Scope::Keys, api_keys::create),
        route(READ, "/api-keys", Scope::Keys, api_keys::list),
        route(DELETE, "/api-keys/{key}", Scope::Keys, api_keys::revoke),
    ]
}

fn route<H, T>(method: Method, path: &'static str, scope: Scope, handler: H) -> Route
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).expect("the table has methods of HTTP");
    Route { method, path, scope, endpoint: on(filter, handler) }
}

impl Route {
    fn with_bodies_of(mut self, bytes: usize) -> Self {
        self.endpoint = self.endpoint.route_layer(DefaultBodyLimit::max(bytes));
        self
    }
}

/// The API. `/v1` wants a caller; `/healthz` and `/readyz` do not.
pub fn router(state: ApiState) -> Router {
    let gate = Arc::new(Gate {
        token: state.token.clone(),
        accounts: state.accounts.clone(),
        identity: state.config.identity_provider.clone(),
        limits: RateLimits::new(&state.config.limits),
    });
    let once = Arc::new(Once::new(state.idempotency.clone(), &state.token));
    let mut v1 = Router::new();
    for Route { method, path, scope, mut endpoint } in route_table() {
        if method == Method::POST {
            endpoint = endpoint.route_layer(from_fn_with_state(once.clone(), idempotency::once));
        }
        // Around the rest: who may not do this learns nothing of who did.
        v1 = v1.route(path, endpoint.route_layer(from_fn_with_state(scope, auth::admit)));
    }
    let v1 = v1
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(gate, auth::guard));
    let origins = state.config.cors_origins.clone();
    let api = Router::new()
        .nest("/v1", v1)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(observe))
        .with_state(state);
    let api = if origins.is_empty() { api } else { api.layer(cors::layer(&origins)) };
    Router::new().route("/u/{key}/s3/{*rest}", any(key_in_path::answer)).with_state(api.clone()).merge(api)
}

async fn no_such_route() -> ApiError {
    ApiError::NoSuchRoute
}

async fn method_not_allowed() -> ApiError {
    ApiError::MethodNotAllowed
}

/// A slower answer is worth a line in the log.
const SLOW: Duration = Duration::from_secs(2);

/// Logs requests by method and path alone (a query may hold what is nobody's business), and keeps
/// answers out of caches: they change, and hold presigned URLs.
async fn observe(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let began = Instant::now();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    let (status, took) = (response.status().as_u16(), began.elapsed());
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if took >= SLOW {
        tracing::warn!(%method, path, status, took_ms, "{method} {path} took {took_ms} ms");
    } else {
        tracing::debug!(%method, path, status, took_ms, "{method} {path} answered {status}");
    }
    response
}
