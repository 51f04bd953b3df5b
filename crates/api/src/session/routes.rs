//! `/v1/session` and `/sign-in`: signing browsers in and out.

use std::sync::Arc;

use api_types::Timestamp;
use api_types::sessions::{self, SignIn, SignInMethod};
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use domain::time::UnixMillis;
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::{check_origin, oidc};
use crate::auth::{AuthLayer, Caller};
use crate::error::ApiError;
use crate::extract::Body;
use crate::problem::Problem;
use crate::routes::method_not_allowed;
use crate::state::ApiState;

/// The addresses that browsers open. `HEAD` would use up a code without signing in.
pub(crate) fn pages() -> Router<ApiState> {
    Router::new()
        .route("/sign-in", get(follow_link).head(method_not_allowed))
        .route("/sign-in/oidc", get(oidc::begin).head(method_not_allowed))
        .route(
            "/sign-in/oidc/callback",
            get(oidc::finish).head(method_not_allowed),
        )
}

/// `GET /v1/session`
pub(crate) async fn read(
    State(state): State<ApiState>,
    Extension(auth): Extension<Arc<AuthLayer>>,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let caller = match auth.presented(&parts.headers) {
        Ok(presented) => {
            let until_s = presented.session_until;
            auth.caller_of(&presented).await.map(|it| (it, until_s))
        }
        Err(problem) => Err(problem.into()),
    };
    match caller {
        Ok((caller, until_s)) => Ok(Json(view(&state, &caller, until_s)).into_response()),
        Err(error) if error.problem() == Problem::Unauthorized => {
            // Pages ask without a session too. Tokens in the header may be guesses.
            if parts.headers.contains_key(AUTHORIZATION) {
                auth.limits
                    .count_failure(&parts.headers, &parts.extensions)?;
            }
            Err(error.with_methods(methods(&state)))
        }
        Err(error) => Err(error),
    }
}

/// `POST /v1/session`
pub(crate) async fn start(
    State(state): State<ApiState>,
    Extension(auth): Extension<Arc<AuthLayer>>,
    request: Request,
) -> Result<Response, ApiError> {
    // Signing a browser in to the account of an attacker is a forgery too.
    check_origin(request.method(), request.headers())?;
    let (headers, extensions) = (request.headers().clone(), request.extensions().clone());
    let Body(SignIn { token }) = Body::from_request(request, &()).await?;
    let token = token.expose().trim();
    let caller = match auth.caller_of_token(token).await {
        Ok(caller) => caller,
        Err(error) => {
            if error.problem() == Problem::Unauthorized {
                auth.limits.count_failure(&headers, &extensions)?;
            }
            return Err(error);
        }
    };
    let cookie = auth.cookies.start(token)?;
    Ok(([(SET_COOKIE, cookie)], Json(view(&state, &caller, None))).into_response())
}

/// `DELETE /v1/session`
pub(crate) async fn end(
    Extension(auth): Extension<Arc<AuthLayer>>,
    request: Request,
) -> Result<Response, ApiError> {
    check_origin(request.method(), request.headers())?;
    let cookie = auth.cookies.session.remove()?;
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
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(code) = params.code else {
        return Ok(state.pages.page("/sign-in", &headers));
    };
    let Some(token) = state.sign_in.as_ref().and_then(|it| it.exchange(&code)) else {
        return Ok(Redirect::to("/sign-in?problem=link").into_response());
    };
    let cookie = auth.cookies.start(token.expose())?;
    // The redirection replaces the address, so the code is in no history.
    Ok((
        [(SET_COOKIE, cookie)],
        Redirect::to(&page_or_home(params.to)),
    )
        .into_response())
}

/// The path of a page here, or of the first one: `//host` and `/\\host` would be another site.
pub(super) fn page_or_home(path: Option<String>) -> String {
    let is_page = |path: &String| {
        let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"/_-".contains(&it);
        path.starts_with('/') && !path.starts_with("//") && path.bytes().all(is_plain)
    };
    path.filter(is_page).unwrap_or_else(|| "/".to_owned())
}

fn view(state: &ApiState, caller: &Caller, until_s: Option<u64>) -> sessions::Session {
    sessions::Session {
        subject: caller.subject.clone(),
        owner: caller.owner.clone(),
        scopes: caller.scopes,
        profiles: state.config.profiles.clone(),
        max_upload_bytes: state.config.max_upload_bytes,
        expires_at: until_s.map(UnixMillis::from_secs).map(Timestamp::from),
    }
}

/// How a browser can sign in here.
fn methods(state: &ApiState) -> Vec<SignInMethod> {
    let oidc = state.identity.as_ref().is_some_and(|it| it.oidc.is_some());
    let all = [
        (SignInMethod::ApiKey, true),
        (SignInMethod::Link, state.sign_in.is_some()),
        (SignInMethod::Oidc, oidc),
    ];
    all.into_iter().filter(|it| it.1).map(|it| it.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_pages_of_this_site_only() {
        let opened = |path: &str| page_or_home(Some(path.to_owned()));
        for own in [
            "/",
            "/upload",
            "/watch/vid_018bcfe5680077078707070707070707",
        ] {
            assert_eq!(opened(own), own);
        }
        for other in [
            "",
            "upload",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a:b",
            "/a?b",
            "/%2f%2fevil.example",
            "/\t/evil.example",
            "/\r\nX: 1",
        ] {
            assert_eq!(opened(other), "/", "{other}");
        }
    }
}
