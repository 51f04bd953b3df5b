//! Authentication and authorisation.
//!
//! Three kinds of credentials are accepted as `Authorization: Bearer` (RFC 6750): the installation token, API keys, and
//! JWTs of the customer's identity provider. Handlers see only a [`Caller`]. For a caller without access to a video,
//! the response is the same as for a video that does not exist.

mod error;
pub mod identity;
pub(crate) mod keys;
mod layer;
mod token;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use catalog::Video;
use catalog::accounts::KEY_SUBJECT as API_KEY;
use domain::ids::ApiKeyId;
use http::request::Parts;
use serde::{Deserialize, Serialize};

pub use domain::scope::{Scope, Scopes};
pub(crate) use error::{BadCredentials, InsufficientScope};
pub(crate) use layer::{AuthLayer, authenticate};
pub use token::ApiToken;

use crate::error::ApiError;

/// The authenticated sender of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Unique id: `installation`, `api-key:{id}` or `user:{sub}`.
    pub subject: String,
    /// The owner whose videos the caller can access; `None`: an admin, with access to all videos.
    pub owner: Option<String>,
    /// Permissions of the caller.
    pub scopes: Scopes,
}

/// The subject of a caller with the installation token.
const INSTALLATION: &str = "installation";
/// Prefix of the subject of a caller with a JWT, before its `sub`.
const USER: &str = "user:";

/// Longest name of an owner in bytes.
const OWNER_LIMIT: usize = 200;

impl Caller {
    /// Whether the caller may access a video.
    pub fn may_see(&self, video: &Video) -> bool {
        self.owner.is_none() || self.owner == video.owner
    }

    /// # Errors
    /// `InsufficientScope` with the missing scope.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.allows(scope) {
            Ok(())
        } else {
            Err(InsufficientScope(scope).into())
        }
    }

    /// The default owner of a video that this caller creates.
    pub fn owner_for_new(&self) -> Option<String> {
        self.owner.clone()
    }

    /// The owner that a request names, or the default owner. A caller with an owner cannot name another one.
    ///
    /// # Errors
    /// `InsufficientScope`, or an invalid field if the name is not valid.
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

    /// Whether the caller authenticated with a JWT.
    pub(crate) fn is_user(&self) -> bool {
        self.subject.starts_with(USER)
    }

    /// The API key that the caller authenticated with.
    pub(crate) fn api_key(&self) -> Option<ApiKeyId> {
        self.subject.strip_prefix(API_KEY)?.parse().ok()
    }
}

/// Whether a text is a valid name of an owner.
fn is_owner(text: &str) -> bool {
    (1..=OWNER_LIMIT).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Extension of an authenticated but not yet authorised request, set by [`authenticate`].
#[derive(Clone)]
struct Authenticated(Caller);

/// Passes requests whose caller has the scope of the route. Only this middleware makes the [`Caller`] available to
/// handlers, so a route without a scope rejects all requests.
pub(crate) async fn authorize(
    State(scope): State<Scope>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(Authenticated(caller)) = request.extensions().get::<Authenticated>().cloned() else {
        return not_authorized().into_response();
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
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(not_authorized)
    }
}

fn not_authorized() -> ApiError {
    ApiError::internal(anyhow::anyhow!("the route is not in the route table"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    fn caller(owner: Option<&str>, scopes: &str) -> Caller {
        Caller {
            subject: "user:ann".to_owned(),
            owner: owner.map(str::to_owned),
            scopes: scopes.parse().unwrap(),
        }
    }

    #[test]
    fn owners_cannot_name_other_owners() {
        let named = |it: &str| Some(it.to_owned());
        let (ann, admin) = (caller(Some("ann"), "upload"), caller(None, "admin"));
        assert_eq!(ann.owner_for(None).unwrap(), named("ann"));
        assert_eq!(ann.owner_for(named("ann")).unwrap(), named("ann"));
        let refused = ann.owner_for(named("bob"));
        assert_eq!(
            refused.unwrap_err().to_string(),
            InsufficientScope(Scope::Admin).to_string()
        );
        assert_eq!(admin.owner_for(None).unwrap(), None);
        assert_eq!(admin.owner_for(named("bob")).unwrap(), named("bob"));
        let long = "x".repeat(201);
        for odd in ["", "a\nb", &long] {
            assert_eq!(
                admin.owner_for(named(odd)).unwrap_err().problem(),
                Problem::InvalidField,
                "{odd}"
            );
        }
    }

    #[tokio::test]
    async fn a_route_outside_the_table_rejects_all_requests() {
        let router = axum::Router::new().route("/", axum::routing::get(async |_: Caller| "in"));
        let mut request = Request::new(axum::body::Body::empty());
        request
            .extensions_mut()
            .insert(Authenticated(caller(None, "admin")));
        let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
        assert_eq!(answer.status(), 500);
    }

    #[test]
    fn only_api_keys_have_a_key_id() {
        let id = ApiKeyId::new(1, [2; 10]);
        let with = |subject: String| {
            Caller {
                subject,
                ..caller(None, "admin")
            }
            .api_key()
        };
        assert_eq!(with(format!("api-key:{id}")), Some(id));
        assert_eq!(with(format!("user:api-key:{id}")), None);
        assert_eq!(with(INSTALLATION.to_owned()), None);
    }
}
