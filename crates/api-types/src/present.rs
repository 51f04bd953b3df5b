//! Fields for which `null` and absence differ.

use serde::{Deserialize, Deserializer};

/// Distinguishes `null` (`Some(None)`) from a missing field (`None`, the default).
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
