//! Who calls, and what they may do.
//!
//! Three kinds of credentials are taken, all as `Authorization: Bearer` (RFC 6750): the token of the
//! installation, API keys, and JWTs of the customer's identity provider. Whichever it was, routes see
//! a [`Caller`]. One that may not see a video is told what one is told of a video that never was.

mod error;
mod gate;
pub mod identity;
pub(crate) mod keys;
mod token;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::ids::ApiKeyId;
use http::request::Parts;
use platform::accounts::KEY_SUBJECT as API_KEY;
use platform::catalog::Video;

pub use domain::scope::{Scope, Scopes};
pub(crate) use error::{BadCredentials, InsufficientScope};
pub(crate) use gate::{Gate, guard};
pub use token::ApiToken;

use crate::error::ApiError;

/// Whoever sent a request, authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Names it among all callers: `installation`, `api-key:{id}` or `user:{sub}`.
    pub subject: String,
    /// Whose videos it sees; `None`: an admin, who sees everything.
    pub owner: Option<String>,
    /// What it may do.
    pub scopes: Scopes,
}

/// The subject of whoever has the token of the installation.
const INSTALLATION: &str = "installation";
/// Before the `sub` of a JWT.
const USER: &str = "user:";

/// Longest name of an owner, bytes.
const OWNER_LIMIT: usize = 200;

impl Caller {
    /// Whether a video is there for this caller.
    pub fn may_see(&self, video: &Video) -> bool {
        self.owner.is_none() || self.owner == video.owner
    }

    /// # Errors
    /// `InsufficientScope`, which names the scope.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.allows(scope) { Ok(()) } else { Err(InsufficientScope(scope).into()) }
    }

    /// Whose a video is that this caller makes, if nobody says otherwise.
    pub fn owner_for_new(&self) -> Option<String> {
        self.owner.clone()
    }

    /// The owner that a request names, or that of this caller. Whoever has an owner may name no other.
    ///
    /// # Errors
    /// `InsufficientScope`, or `Invalid` for what cannot be the name of an owner.
    pub fn owner_for(&self, wanted: Option<String>) -> Result<Option<String>, ApiError> {
        match (wanted, &self.owner) {
            (None, _) => Ok(self.owner_for_new()),
            (Some(wanted), Some(own)) if wanted == *own => Ok(Some(wanted)),
            (Some(_), Some(_)) => Err(InsufficientScope(Scope::Admin).into()),
            (Some(wanted), None) if is_owner(&wanted) => Ok(Some(wanted)),
            (Some(_), None) => Err(ApiError::invalid(format!(
                "`owner` must have 1 to {OWNER_LIMIT} bytes, without control characters"
            ))),
        }
    }

    /// Whether this caller came with a JWT.
    pub(crate) fn is_user(&self) -> bool {
        self.subject.starts_with(USER)
    }

    /// The API key that this caller came with.
    pub(crate) fn api_key(&self) -> Option<ApiKeyId> {
        self.subject.strip_prefix(API_KEY)?.parse().ok()
    }
}

/// Whether this can be the name of an owner.
fn is_owner(text: &str) -> bool {
    (1..=OWNER_LIMIT).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Put into the extensions of a request by [`guard`]: somebody, who may not be allowed to do this.
#[derive(Clone)]
struct Authenticated(Caller);

/// Lets through who has the scope of a route. Only here an authenticated caller becomes the
/// [`Caller`] that handlers ask for, so that a route without a scope answers nobody.
pub(crate) async fn admit(State(scope): State<Scope>, mut request: Request, next: Next) -> Response {
    let Some(Authenticated(caller)) = request.extensions().get::<Authenticated>().cloned() else {
        return not_admitted().into_response();
    };
    match caller.require(scope) {
        Ok(()) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(not_admitted)
    }
}

fn not_admitted() -> ApiError {
    ApiError::internal(anyhow::anyhow!("the route is not in the route table"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    fn caller(owner: Option<&str>, scopes: &str) -> Caller {
        Caller { subject: "user:ann".to_owned(), owner: owner.map(str::to_owned), scopes: scopes.parse().unwrap() }
    }

    #[test]
    fn owners_name_nobody_else() {
        let wish = |it: &str| Some(it.to_owned());
        let (ann, admin) = (caller(Some("ann"), "upload"), caller(None, "admin"));
        assert_eq!(ann.owner_for(None).unwrap(), wish("ann"));
        assert_eq!(ann.owner_for(wish("ann")).unwrap(), wish("ann"));
        let refused = ann.owner_for(wish("bob"));
        assert_eq!(refused.unwrap_err().to_string(), InsufficientScope(Scope::Admin).to_string());
        assert_eq!(admin.owner_for(None).unwrap(), None);
        assert_eq!(admin.owner_for(wish("bob")).unwrap(), wish("bob"));
        let long = "x".repeat(201);
        for odd in ["", "a\nb", &long] {
            assert_eq!(admin.owner_for(wish(odd)).unwrap_err().problem(), Problem::InvalidField, "{odd}");
        }
    }

    #[tokio::test]
    async fn a_route_outside_of_the_table_answers_nobody() {
        let router = axum::Router::new().route("/", axum::routing::get(async |_: Caller| "in"));
        let mut request = Request::new(axum::body::Body::empty());
        request.extensions_mut().insert(Authenticated(caller(None, "admin")));
        let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
        assert_eq!(answer.status(), 500);
    }

    #[test]
    fn only_an_api_key_is_one() {
        let id = ApiKeyId::new(1, [2; 10]);
        let with = |subject: String| Caller { subject, ..caller(None, "admin") }.api_key();
        assert_eq!(with(format!("api-key:{id}")), Some(id));
        assert_eq!(with(format!("user:api-key:{id}")), None);
        assert_eq!(with(INSTALLATION.to_owned()), None);
    }
}
