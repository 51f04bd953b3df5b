//! Values as SQL stores them.

use domain::time::UnixMillis;

/// Removes NUL from free text, which PostgreSQL cannot store.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// Converts an unsigned number or a time to SQL's signed type, saturating; real values never get
/// that large.
pub(crate) fn sql(number: impl Into<u64>) -> i64 {
    i64::try_from(number.into()).unwrap_or(i64::MAX)
}

/// Converts a time of SQL, Unix milliseconds, back.
pub(crate) fn time(unix_ms: i64) -> UnixMillis {
    UnixMillis::new(unsigned(unix_ms))
}

/// Converts a number of SQL back to an unsigned one.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
