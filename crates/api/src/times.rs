//! Times in JSON.

use platform::clock::rfc3339;
use serde::Serializer;

/// For `#[serde(serialize_with)]`.
pub(crate) fn as_rfc3339<S: Serializer>(unix_ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*unix_ms))
}

/// The same for an optional time.
#[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
pub(crate) fn as_rfc3339_if_any<S: Serializer>(unix_ms: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match unix_ms {
        Some(unix_ms) => as_rfc3339(unix_ms, serializer),
        None => serializer.serialize_none(),
    }
}
