//! Pagination parameters.

use std::str::FromStr;

use crate::error::ApiError;

/// Largest page size.
pub(crate) const MAX_PAGE: u32 = 200;
/// Default page size.
const PAGE: u32 = 50;

/// The page size.
///
/// # Errors
/// [`Problem::MalformedRequest`](crate::problem::Problem) unless it is 1 to [`MAX_PAGE`].
pub(crate) fn limit(requested: Option<u32>) -> Result<u32, ApiError> {
    let limit = requested.unwrap_or(PAGE);
    if (1..=MAX_PAGE).contains(&limit) {
        return Ok(limit);
    }
    Err(ApiError::malformed(format!(
        "the query: `limit` must be 1 to {MAX_PAGE}"
    )))
}

/// The end of the previous page.
///
/// # Errors
/// [`Problem::MalformedRequest`](crate::problem::Problem) if it is not a cursor.
pub(crate) fn cursor<T: FromStr>(text: Option<String>) -> Result<Option<T>, ApiError> {
    let read = text.map(|it| it.parse::<T>()).transpose();
    read.map_err(|_| ApiError::malformed("the query: `cursor` is not valid"))
}
