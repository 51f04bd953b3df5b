//! The system clock, for the shells: the rules take `now` as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Current time, Unix milliseconds.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis() as u64)
}
