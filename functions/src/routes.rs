//! The table of routes.

use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, http::HeaderValue};
use http::header::{CACHE_CONTROL, HeaderName};

use crate::error::ApiError;
use crate::state::ApiState;
use crate::webhooks::{deliveries, endpoints};
use crate::{auth, health, uploads, videos};

/// Most bytes of a body, but for the list of parts of an upload.
const BODY_LIMIT: usize = 64 << 10;
/// 10,000 parts with their tags.
const PARTS_BODY_LIMIT: usize = 2 << 20;

/// The API. `/v1` wants the token; `/healthz` and `/readyz` do not.
pub fn router(state: ApiState) -> Router {
    let v1 = Router::new()
        .route("/uploads", post(uploads::create::create))
        .route("/uploads/{video}", get(uploads::progress::read).delete(uploads::finish::abort))
        .route("/uploads/{video}/parts", post(uploads::progress::presign_parts))
        .route(
            "/uploads/{video}/complete",
            post(uploads::finish::complete).layer(DefaultBodyLimit::max(PARTS_BODY_LIMIT)),
        )
        .route("/videos", get(videos::list))
        .route("/videos/{video}", get(videos::read).delete(videos::delete))
        .route("/videos/{video}/stream", get(videos::stream::stream))
        .route("/webhooks", post(endpoints::create).get(endpoints::list))
        .route("/webhooks/{webhook}", get(endpoints::read).patch(endpoints::change).delete(endpoints::delete))
        .route("/webhooks/{webhook}/rotate-secret", post(endpoints::rotate_secret))
        .route("/webhooks/{webhook}/test", post(deliveries::send_test))
        .route("/webhooks/{webhook}/deliveries", get(deliveries::list))
        .route("/webhooks/{webhook}/deliveries/{delivery}/replay", post(deliveries::replay))
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn_with_state(state.token.clone(), auth::require));
    Router::new()
        .nest("/v1", v1)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(no_such_route)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(observe))
        .with_state(state)
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
