//! Extractors for bodies, paths and queries that reject with problem documents.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use domain::ids::{InvalidId, VideoId};
use http::StatusCode;
use http::request::Parts;
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serve::TooSlow;

use crate::error::ApiError;
use crate::problem::Problem;

/// A JSON body. An empty body counts as `{}`, so an all-optional body can be omitted.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        Self::parse(&bytes, "the body")
    }
}

impl<T: DeserializeOwned> Body<T> {
    /// Parses JSON; `place` names it in errors.
    pub(crate) fn parse(bytes: &[u8], place: &str) -> Result<Self, ApiError> {
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
        // serde would also accept an array of the fields' values.
        if text.iter().find(|it| !it.is_ascii_whitespace()) != Some(&b'{') {
            return Err(ApiError::malformed(format!("{place}: not a JSON object")));
        }
        // First without conversion: these errors have line and column.
        let read =
            serde_json::from_slice(text).or_else(|error| with_whole_numbers(text).ok_or(error));
        let malformed = |error| ApiError::malformed(format!("{place}: {error}"));
        let read = read.map_err(malformed)?;
        serde_json::from_slice::<Unambiguous>(text).map_err(malformed)?;
        Ok(Self(read))
    }
}

/// JSON without duplicate names. Libraries disagree on which of two values counts, so a duplicate could pass a check in
/// one and be used by another.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Unambiguous;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unambiguous, A::Error> {
        while let Some(Unambiguous) = items.next_element()? {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Unambiguous, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, Unambiguous)) = fields.next_entry::<String, Unambiguous>()? {
            if let Some(name) = names.replace(name) {
                return Err(A::Error::custom(format!("duplicate field `{name}`")));
            }
        }
        Ok(Unambiguous)
    }
}

/// Parses with `5.0` replaced by `5`: JSON Schema and many clients treat them as the same number.
fn with_whole_numbers<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    fn convert(value: &mut Value) {
        match value {
            Value::Number(number) => {
                let whole = number
                    .as_f64()
                    .filter(|it| number.is_f64() && it.fract() == 0.0 && it.abs() < EXACT);
                if let Some(whole) = whole {
                    *number = (whole as i64).into();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(convert),
            Value::Object(fields) => fields.values_mut().for_each(convert),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    let mut value = serde_json::from_slice(text).ok()?;
    convert(&mut value);
    serde_json::from_value(value).ok()
}

/// Below 2^53, every integer has an exact floating-point value.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A raw body.
pub(crate) struct Raw(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state)
            .await
            .map(Self)
            .map_err(|rejection: BytesRejection| {
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    ApiError::new(
                        Problem::BodyTooLarge,
                        "the body is larger than this route accepts",
                    )
                } else if is_too_slow(&rejection) {
                    ApiError::new(Problem::RequestTimeout, "the body did not arrive in time")
                } else {
                    ApiError::malformed("the body could not be read")
                }
            })
    }
}

/// Whether the server aborted a slow body.
fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |it| it.source()).any(|it| it.is::<TooSlow>())
}

/// Path parameters. If they cannot be parsed, no route matches.
pub(crate) struct PathParams<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(params) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::no_such_route())?;
        Ok(Self(params))
    }
}

/// The id in the path. If it cannot be parsed, no route matches.
pub(crate) struct PathId<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathParams(text) = PathParams::<String>::from_request_parts(parts, state).await?;
        Ok(Self(text.parse::<T>()?))
    }
}

impl From<InvalidId> for ApiError {
    fn from(error: InvalidId) -> Self {
        Self::new(Problem::NoSuchRoute, error.to_string())
    }
}

/// The video id in the path.
pub(crate) struct Video(pub(crate) VideoId);

impl<S: Send + Sync> FromRequestParts<S> for Video {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        PathId::from_request_parts(parts, state)
            .await
            .map(|PathId(id)| Self(id))
    }
}

/// The query parameters.
pub(crate) struct QueryParams<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(params) =
            Query::from_request_parts(parts, state)
                .await
                .map_err(|it: QueryRejection| {
                    ApiError::malformed(format!("the query: {}", it.body_text()))
                })?;
        Ok(Self(params))
    }
}
