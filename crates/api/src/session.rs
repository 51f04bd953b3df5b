//! Sessions of browsers: a cookie holds the credentials that the browser signed in with.
//!
//! The cookie is encrypted, `HttpOnly` and `SameSite=Strict`. The API authenticates its credentials for every request
//! as if they were in the `Authorization` header, so a session ends as soon as its API key is revoked or its JWT
//! expires, and no session is stored anywhere. Every request that changes something and is authenticated by the cookie
//! must have the header `Edgereel-Request`, which other sites cannot send.

mod cookie;
mod routes;
mod sign_in;

use http::{HeaderMap, HeaderName, Method};

pub(crate) use cookie::SessionCookie;
pub(crate) use routes::routes;
pub use sign_in::SignInLink;

use crate::error::ApiError;
use crate::problem::Problem;

/// The header that proves that a page of this origin sent the request.
pub(crate) const REQUEST_HEADER: HeaderName = HeaderName::from_static("edgereel-request");

/// Rejects a request that another site may have caused (cross-site request forgery).
///
/// # Errors
/// `cross-site-request` for an unsafe method without [`REQUEST_HEADER`], or from another origin.
pub(crate) fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let same_site = headers.get("sec-fetch-site").is_none_or(|it| it == "same-origin" || it == "none");
    if method.is_safe() || (headers.contains_key(REQUEST_HEADER) && same_site) {
        return Ok(());
    }
    Err(ApiError::new(
        Problem::CrossSiteRequest,
        "a request with the session cookie needs the header `Edgereel-Request: 1`, from a page of this origin",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_cannot_change_anything() {
        let headers = |list: &[(&'static str, &'static str)]| {
            list.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
        };
        let own = headers(&[("edgereel-request", "1"), ("sec-fetch-site", "same-origin")]);
        let other = headers(&[("edgereel-request", "1"), ("sec-fetch-site", "cross-site")]);
        let form = headers(&[("sec-fetch-site", "same-site")]);
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(check_origin(&method, &own).is_ok());
            for bad in [&other, &form, &HeaderMap::new()] {
                assert!(check_origin(&method, bad).is_err(), "{method} {bad:?}");
            }
        }
        assert!(check_origin(&Method::GET, &form).is_ok());
    }
}
