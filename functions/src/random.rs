//! Randomness of the system.

use crate::error::ApiError;

/// Fills with random bytes.
///
/// # Errors
/// [`Problem::Internal`](crate::problem::Problem::Internal) if the system has none to give.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), ApiError> {
    getrandom::fill(bytes)
        .map_err(|it| ApiError::internal(anyhow::anyhow!("the system's random number generator failed: {it}")))
}
