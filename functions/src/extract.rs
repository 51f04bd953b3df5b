//! Bodies, paths and queries, with problem documents for those that cannot be read.

use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use domain::ids::{InvalidId, VideoId};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// A JSON body. An empty one is read as `{}`, so that what is optional can be left out altogether.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text).map(Self).map_err(|error| ApiError::Malformed(format!("the body: {error}")))
    }
}

/// A body of any kind.
pub(crate) struct Raw(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|it: BytesRejection| {
            if it.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::BodyTooLarge("the body is larger than this address takes".to_owned())
            } else {
                ApiError::Malformed("the body could not be received".to_owned())
            }
        })
    }
}

/// The id in the path. What cannot be one is the address of nothing.
pub(crate) struct PathId<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text): Path<String> =
            Path::from_request_parts(parts, state).await.map_err(|_| ApiError::NoSuchRoute)?;
        Ok(Self(text.parse::<T>()?))
    }
}

/// The video of the path.
pub(crate) struct Video(pub(crate) VideoId);

impl<S: Send + Sync> FromRequestParts<S> for Video {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        PathId::from_request_parts(parts, state).await.map(|PathId(id)| Self(id))
    }
}

/// The query.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(params) = Query::from_request_parts(parts, state)
            .await
            .map_err(|it: QueryRejection| ApiError::Malformed(format!("the query: {}", it.body_text())))?;
        Ok(Self(params))
    }
}
