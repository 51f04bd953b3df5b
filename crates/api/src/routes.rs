//! The router.

mod open;
mod table;

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
use crate::metrics::{self, RouteName};
use crate::openapi::{self, Doc};
use crate::problem::Problem;
use crate::session::{self, Cookies};
use crate::state::ApiState;
use crate::{cors, key_in_path, pages, request_log};

pub(crate) use open::open_routes;
pub use table::route_table;

/// Default limit of a request body in bytes.
pub(crate) const BODY_LIMIT: usize = 64 << 10;
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

fn route<H, T>(method: Method, path: &'static str, scope: Scope, handler: H, doc: Doc) -> Route
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).expect("the table has methods of HTTP");
    Route {
        method,
        path,
        scope,
        doc,
        endpoint: on(filter, handler),
    }
}

impl Route {
    fn with_body_limit(mut self, bytes: usize) -> Self {
        self.endpoint = self.endpoint.route_layer(DefaultBodyLimit::max(bytes));
        self
    }
}

/// A route without a scope.
pub(crate) struct OpenRoute {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The route template.
    pub(crate) path: &'static str,
    /// The OpenAPI documentation.
    pub(crate) doc: Doc,
    endpoint: MethodRouter<ApiState>,
}

/// The router of the API. `/v1` and `/metrics` require authentication; share links, `/healthz`,
/// `/readyz` and the OpenAPI document do not.
pub fn router(state: ApiState) -> Router {
    let limits = Arc::new(RateLimits::new(&state.config.limits));
    let auth_layer = Arc::new(AuthLayer {
        token: state.token.clone(),
        accounts: state.accounts.clone(),
        identity: state.identity.clone(),
        limits: limits.clone(),
        cookies: Cookies::new(&state.token, &state.config.public_url),
    });
    let idempotency_layer = Arc::new(IdempotencyLayer::new(
        state.idempotency.clone(),
        &state.token,
    ));
    let mut v1 = Router::new();
    for Route {
        method,
        path,
        scope,
        mut endpoint,
        ..
    } in route_table()
    {
        if method == Method::POST {
            endpoint = endpoint.route_layer(from_fn_with_state(
                idempotency_layer.clone(),
                idempotency::handle,
            ));
        }
        endpoint = endpoint.route_layer(from_fn_with_state(RouteName(path), metrics::name_route));
        // Outermost: a caller without the scope must not get stored responses.
        v1 = v1.route(
            path,
            endpoint.route_layer(from_fn_with_state(scope, auth::authorize)),
        );
    }
    let v1 = v1
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(auth_layer.clone(), auth::authenticate));
    let metrics = state.metrics.clone();
    let metrics_route = get(metrics::export)
        .layer(from_fn_with_state(Scope::Admin, auth::authorize))
        .layer(from_fn_with_state(auth_layer.clone(), auth::authenticate));
    let origins = state.config.cors_origins.clone();
    let open = open_routes()
        .into_iter()
        .fold(Router::new(), |router, route| {
            let named = from_fn_with_state(RouteName(route.path), metrics::name_route);
            router.route(route.path, route.endpoint.route_layer(named))
        });
    let api = Router::new()
        .nest("/v1", v1)
        .merge(
            open.merge(session::pages())
                .layer(Extension(limits))
                .layer(Extension(auth_layer)),
        )
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .route("/metrics", metrics_route)
        .route("/openapi.json", get(openapi::serve))
        .merge(openapi::page())
        .merge(state.pages.clone().routes())
        .fallback(pages::unknown)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(metrics, request_log::observe))
        .with_state(state);
    let api = if origins.is_empty() {
        api
    } else {
        api.layer(cors::layer(&origins))
    };
    Router::new()
        .route("/u/{key}/s3/{*rest}", any(key_in_path::forward))
        .with_state(api.clone())
        .merge(api)
}

async fn no_such_route() -> ApiError {
    ApiError::no_such_route()
}

pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(
        Problem::MethodNotAllowed,
        "this path does not support this method",
    )
}
