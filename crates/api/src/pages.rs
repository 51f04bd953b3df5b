//! Requests of browsers for pages.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{ACCEPT, VARY};
use http::{HeaderMap, HeaderValue};

use crate::error::ApiError;
use crate::state::ApiState;

/// Whether the request is a navigation of a browser: other clients do not request `text/html`.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|it| it.to_str().ok());
    let mut types = accepted
        .flat_map(|it| it.split(','))
        .filter_map(|it| it.split(';').next());
    types.any(|it| it.trim() == "text/html")
}

/// A path without a route: for browsers the page that says so, for other clients a problem.
pub(crate) async fn unknown(State(state): State<ApiState>, request: Request) -> Response {
    let is_page = request.method().is_safe() && wants_page(request.headers());
    let mut response = if is_page && state.pages.is_built() {
        state.pages.not_found(request.uri().path())
    } else {
        ApiError::no_such_route().into_response()
    };
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept"));
    response
}
