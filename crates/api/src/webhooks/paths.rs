//! Path extractors of the webhook routes.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use domain::ids::InvalidId;
use domain::webhook::{DeliveryId, EndpointId};
use http::request::Parts;

use crate::error::ApiError;
use crate::extract::PathParams;

/// The webhook id in the path.
#[derive(Clone, Copy)]
pub(crate) struct WebhookId(pub(crate) EndpointId);

/// The ids of a webhook and one of its deliveries in the path.
#[derive(Clone, Copy)]
pub(crate) struct DeliveryPath(pub(crate) WebhookId, pub(crate) DeliveryId);

/// The owner whose webhooks the caller manages.
pub(crate) struct Owner(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for WebhookId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathParams(text) = PathParams::<String>::from_request_parts(parts, state).await?;
        Ok(Self(id(&text)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DeliveryPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathParams((webhook, delivery)) =
            PathParams::<(String, String)>::from_request_parts(parts, state).await?;
        Ok(Self(WebhookId(id(&webhook)?), id(&delivery)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        super::owner_of(parts).await.map(Self)
    }
}

/// Parses an id; if it is invalid, no route matches.
fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, ApiError> {
    Ok(text.parse::<T>()?)
}
