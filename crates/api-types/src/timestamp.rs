//! Points in time: RFC 3339 in JSON, milliseconds in memory.

use std::fmt;

use domain::time::UnixMillis;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time, to the millisecond. In JSON: RFC 3339, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(UnixMillis);

const NANOS_PER_MS: i128 = 1_000_000;

impl From<UnixMillis> for Timestamp {
    fn from(time: UnixMillis) -> Self {
        Self(time)
    }
}

impl From<Timestamp> for UnixMillis {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, to the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.get() / 1000).unwrap_or(0);
        let moment =
            OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        f.pad(&moment.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nanos = i128::from(self.0.get()) * NANOS_PER_MS;
        // Times beyond the year 9999 do not occur.
        let moment =
            OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        time::serde::rfc3339::serialize(&moment, serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(D::Error::custom)?;
        let unix_ms = u64::try_from(moment.unix_timestamp_nanos() / NANOS_PER_MS);
        Ok(Self(UnixMillis::new(
            unix_ms.map_err(|_| D::Error::custom("a time before 1970"))?,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp(unix_ms: u64) -> Timestamp {
        UnixMillis::new(unix_ms).into()
    }

    #[test]
    fn people_read_seconds() {
        let shown = timestamp(1_716_579_584_979).to_string();
        assert_eq!(shown, "2024-05-24T19:39:44Z");
    }

    #[test]
    fn times_are_rfc3339() {
        for (unix_ms, text) in [
            (1_716_579_584_379, "\"2024-05-24T19:39:44.379Z\""),
            (1_716_579_584_500, "\"2024-05-24T19:39:44.5Z\""),
            (1_716_579_584_000, "\"2024-05-24T19:39:44Z\""),
            (0, "\"1970-01-01T00:00:00Z\""),
        ] {
            assert_eq!(serde_json::to_string(&timestamp(unix_ms)).unwrap(), text);
            assert_eq!(
                serde_json::from_str::<Timestamp>(text).unwrap(),
                timestamp(unix_ms)
            );
        }
        let elsewhere =
            serde_json::from_str::<Timestamp>("\"2024-05-24T21:39:44.379+02:00\"").unwrap();
        assert_eq!(elsewhere, timestamp(1_716_579_584_379));
        assert_eq!(
            serde_json::to_string(&timestamp(u64::MAX)).unwrap(),
            "\"1970-01-01T00:00:00Z\""
        );
        for wrong in ["\"1969-12-31T23:59:59Z\"", "\"soon\"", "0"] {
            assert!(serde_json::from_str::<Timestamp>(wrong).is_err(), "{wrong}");
        }
    }
}
