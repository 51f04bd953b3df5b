//! `/v1/session` and `/sign-in`: signing browsers in and out.

use std::sync::Arc;

use api_types::Timestamp;
use api_types::sessions::{Session, SignIn};
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use domain::time::UnixMillis;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use platform::clock;
use serde::Deserialize;

use super::check_origin;
use crate::auth::{AuthLayer, BadCredentials, Caller};
use crate::error::ApiError;
use crate::extract::Body;
use crate::problem::Problem;
use crate::state::ApiState;

const NO_STORE: (http::HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// The routes. They have no scope: every caller has a session, and without a caller one can begin.
pub(crate) fn routes(auth: Arc<AuthLayer>) -> Router<ApiState> {
    Router::new()
        .route("/v1/session", get(read).post(start).delete(end))
        .route("/sign-in", get(follow_link))
        .layer(Extension(auth))
}

/// `GET /v1/session`
async fn read(
    State(state): State<ApiState>,
    Extension(auth): Extension<Arc<AuthLayer>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let signed_out = |error: ApiError| match error.problem() {
        Problem::Unauthorized => error.with_methods(methods(&state)),
        _ => error,
    };
    let presented = auth.presented(&headers).map_err(|it| signed_out(it.into()))?;
    let caller = auth.caller_of(&presented.token).await.map_err(signed_out)?;
    Ok(([NO_STORE], Json(view(&state, &caller, presented.session_until))).into_response())
}

/// `POST /v1/session`
async fn start(
    State(state): State<ApiState>,
    Extension(auth): Extension<Arc<AuthLayer>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    // Signing a browser in as somebody else is a forgery too.
    check_origin(&parts.method, &parts.headers)?;
    let request = Request::new(body);
    let Body(SignIn { token }) = Body::from_request(request, &()).await?;
    let token = token.expose().trim();
    let caller = match auth.caller_of(token).await {
        Ok(caller) => caller,
        Err(error) if error.problem() == Problem::Unauthorized => {
            auth.limits.count_failure(&parts.headers, &parts.extensions)?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    let cookie = auth.session.start(token, clock::now().as_secs()).map_err(ApiError::internal)?;
    let cookie = cookie.ok_or_else(|| ApiError::invalid("`token` is too long for a cookie: use an API key"))?;
    Ok((
        [(SET_COOKIE, cookie), (CACHE_CONTROL, HeaderValue::from_static("no-store"))],
        Json(view(&state, &caller, None)),
    )
        .into_response())
}

/// `DELETE /v1/session`
async fn end(Extension(auth): Extension<Arc<AuthLayer>>, request: Request) -> Result<Response, ApiError> {
    check_origin(request.method(), request.headers())?;
    let cookie = auth.session.end().map_err(ApiError::internal)?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

#[derive(Deserialize)]
struct LinkParams {
    #[serde(default)]
    code: Option<String>,
    /// The page that opens then; `/` by default.
    #[serde(default)]
    to: Option<String>,
}

/// `GET /sign-in`: follows the link of `edgereel dev`; without a code, the page to sign in.
async fn follow_link(
    State(state): State<ApiState>,
    Extension(auth): Extension<Arc<AuthLayer>>,
    Query(params): Query<LinkParams>,
) -> Result<Response, ApiError> {
    let Some(code) = params.code else {
        return state.pages.as_ref().map(|it| it.page("/sign-in")).ok_or_else(ApiError::no_such_route);
    };
    let Some(token) = state.sign_in.as_ref().and_then(|it| it.exchange(&code)) else {
        return Ok(Redirect::to("/sign-in?problem=link").into_response());
    };
    let cookie = auth.session.start(token.expose(), clock::now().as_secs()).map_err(ApiError::internal)?;
    let cookie = cookie.ok_or(BadCredentials::Invalid)?;
    // The redirection replaces the address, so the code is in no history.
    let to = params.to.filter(|it| is_page(it)).unwrap_or_else(|| "/".to_owned());
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
}

/// Whether a text is the path of a page here: `//host` and `/\\host` would be another site.
fn is_page(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|it| {
        !it.starts_with(['/', '\\']) && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"/_-".contains(&it))
    })
}

fn view(state: &ApiState, caller: &Caller, until_s: Option<u64>) -> Session {
    Session {
        subject: caller.subject.clone(),
        owner: caller.owner.clone(),
        scopes: caller.scopes,
        profiles: state.config.profiles.clone(),
        max_upload_bytes: state.config.max_upload_bytes,
        expires_at: until_s.map(UnixMillis::from_secs).map(Timestamp::from),
    }
}

/// How a browser can sign in here.
fn methods(state: &ApiState) -> Vec<String> {
    let link = state.sign_in.is_some().then_some("link");
    ["api-key"].into_iter().chain(link).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_pages_of_this_site_only() {
        for own in ["/", "/upload", "/watch/vid_018bcfe5680077078707070707070707"] {
            assert!(is_page(own), "{own}");
        }
        for other in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a:b", "/a?b", "/\r\nX: 1"] {
            assert!(!is_page(other), "{other}");
        }
    }
}
