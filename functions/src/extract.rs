//! Bodies, paths and queries, with problem documents for those that cannot be read.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use domain::ids::{InvalidId, VideoId};
use http::StatusCode;
use http::request::Parts;
use platform::serve::TooSlow;
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::ApiError;
use crate::problem::Problem;

/// A JSON body. An empty one is read as `{}`, so that what is optional can be left out altogether.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        // To serde a list of the fields' values would do as well.
        if text.iter().find(|it| !it.is_ascii_whitespace()) != Some(&b'{') {
            return Err(ApiError::malformed("the body: not a JSON object"));
        }
        // As it is first: its errors name line and column.
        let read = serde_json::from_slice(text).or_else(|error| with_whole_numbers(text).ok_or(error));
        let malformed = |error| ApiError::malformed(format!("the body: {error}"));
        let read = read.map_err(malformed)?;
        serde_json::from_slice::<Unambiguous>(text).map_err(malformed)?;
        Ok(Self(read))
    }
}

/// JSON in which no object has a name twice. Which of two values counts is another one in each library, and what one of
/// them checked, the next one would not use.
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

/// The same with every `5.0` as `5`: to JSON Schema, and to many clients, they are one number.
fn with_whole_numbers<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    fn mend(value: &mut Value) {
        match value {
            Value::Number(number) => {
                let whole = number.as_f64().filter(|it| number.is_f64() && it.fract() == 0.0 && it.abs() < EXACT);
                if let Some(whole) = whole {
                    *number = (whole as i64).into();
                }
            }
            Value::Array(items) => items.iter_mut().for_each(mend),
            Value::Object(fields) => fields.values_mut().for_each(mend),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    let mut value = serde_json::from_slice(text).ok()?;
    mend(&mut value);
    serde_json::from_value(value).ok()
}

/// Below this, every whole number is one in floating point: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A body of any kind.
pub(crate) struct Raw(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|it: BytesRejection| {
            if it.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(Problem::BodyTooLarge, "the body is larger than this route accepts")
            } else if is_too_slow(&it) {
                ApiError::new(Problem::RequestTimeout, "the body did not arrive in time")
            } else {
                ApiError::malformed("the body could not be read")
            }
        })
    }
}

/// Whether the server gave the body up.
fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |it| it.source()).any(|it| it.is::<TooSlow>())
}

/// What stands in the path, as text. What cannot be read is the address of nothing.
pub(crate) struct Places<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Places<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(places) = Path::from_request_parts(parts, state).await.map_err(|_| ApiError::no_such_route())?;
        Ok(Self(places))
    }
}

/// The id in the path. What cannot be one is the address of nothing.
pub(crate) struct PathId<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Places(text) = Places::<String>::from_request_parts(parts, state).await?;
        Ok(Self(text.parse::<T>()?))
    }
}

impl From<InvalidId> for ApiError {
    fn from(error: InvalidId) -> Self {
        Self::new(Problem::NoSuchRoute, error.to_string())
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
            .map_err(|it: QueryRejection| ApiError::malformed(format!("the query: {}", it.body_text())))?;
        Ok(Self(params))
    }
}
