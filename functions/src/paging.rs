//! Pages of lists: how many, and from where.

use std::str::FromStr;

use crate::error::ApiError;

/// Most of anything on a page.
pub(crate) const MAX_PAGE: u32 = 200;
/// Where nobody says.
const PAGE: u32 = 50;

/// Parameters of the list.
///
/// # Errors
/// `Malformed` beyond 1 to [`MAX_PAGE`].
pub(crate) fn limit(wish: Option<u32>) -> Result<u32, ApiError> {
    let limit = wish.unwrap_or(PAGE);
    if (1..=MAX_PAGE).contains(&limit) {
        return Ok(limit);
    }
    Err(ApiError::malformed(format!("the query: `limit` must be 1 to {MAX_PAGE}")))
}

/// Where the page before ended.
///
/// # Errors
/// `Malformed`, if it is no cursor.
pub(crate) fn cursor<T: FromStr>(text: Option<String>) -> Result<Option<T>, ApiError> {
    let read = text.map(|it| it.parse::<T>()).transpose();
    read.map_err(|_| ApiError::malformed("the query: `cursor` is not valid"))
}
