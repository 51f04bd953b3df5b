//! What the path names, and who asks.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use domain::ids::InvalidId;
use domain::webhook::{DeliveryId, EndpointId};
use http::request::Parts;

use crate::error::ApiError;
use crate::extract::Places;

/// The webhook of the path.
#[derive(Clone, Copy)]
pub(crate) struct WebhookId(pub(crate) EndpointId);

/// The webhook of the path, and one of its deliveries.
#[derive(Clone, Copy)]
pub(crate) struct DeliveryPath(pub(crate) WebhookId, pub(crate) DeliveryId);

/// Whose webhooks the caller sees and makes.
pub(crate) struct Owner(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for WebhookId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Places(text) = Places::<String>::from_request_parts(parts, state).await?;
        Ok(Self(id(&text)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for DeliveryPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Places((webhook, delivery)) = Places::<(String, String)>::from_request_parts(parts, state).await?;
        Ok(Self(WebhookId(id(&webhook)?), id(&delivery)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Owner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        super::owner_of(parts).await.map(Self)
    }
}

/// What cannot be an id is the address of nothing.
fn id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, ApiError> {
    Ok(text.parse::<T>()?)
}
