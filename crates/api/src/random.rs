//! Random bytes of the operating system.

use crate::error::ApiError;

/// Fills a buffer with random bytes.
///
/// # Errors
/// [`Problem::Internal`](crate::problem::Problem::Internal) if the system's generator fails.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), ApiError> {
    getrandom::fill(bytes).map_err(|it| {
        ApiError::internal(anyhow::anyhow!(
            "the system's random number generator failed: {it}"
        ))
    })
}
