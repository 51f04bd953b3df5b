//! The system clock, and times as text. The rules in `domain` take the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::UnixMillis;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The current time.
pub fn now() -> UnixMillis {
    UnixMillis::default()
        + SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
}

/// A time as RFC 3339 writes it, in UTC, to the millisecond. Trailing zeros of the fraction are left out.
pub fn rfc3339(at: UnixMillis) -> String {
    let nanos = i128::from(at.get()) * 1_000_000;
    let moment =
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        assert_eq!(
            rfc3339(UnixMillis::new(1_716_579_584_379)),
            "2024-05-24T19:39:44.379Z"
        );
        assert_eq!(rfc3339(UnixMillis::default()), "1970-01-01T00:00:00Z");
        assert_eq!(
            rfc3339(UnixMillis::new(u64::MAX)),
            "1970-01-01T00:00:00Z",
            "a time that nothing here can have"
        );
    }
}
