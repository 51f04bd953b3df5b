//! Absolute times.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A time in milliseconds since the Unix epoch, as JSON documents and the database store it. Sums
/// and differences saturate.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The time `unix_ms` milliseconds after the epoch.
    pub const fn new(unix_ms: u64) -> Self {
        Self(unix_ms)
    }

    /// The time `seconds` after the epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, as tokens count them.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<UnixMillis> for u64 {
    fn from(time: UnixMillis) -> Self {
        time.0
    }
}

impl Add<Duration> for UnixMillis {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl AddAssign<Duration> for UnixMillis {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for UnixMillis {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

/// A duration in milliseconds, saturating.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let (second, max) = (Duration::from_secs(1), UnixMillis::new(u64::MAX));
        let (early, late) = (UnixMillis::new(1_500), UnixMillis::from_secs(2));
        assert_eq!(
            (late.since(early), early.since(late)),
            (Duration::from_millis(500), Duration::ZERO)
        );
        assert_eq!(
            (early + second, early - second),
            (UnixMillis::new(2_500), UnixMillis::new(500))
        );
        assert_eq!(
            (max + second, early - Duration::MAX),
            (max, UnixMillis::default())
        );
        assert_eq!((early.as_secs(), UnixMillis::from_secs(u64::MAX)), (1, max));
    }

    #[test]
    fn in_json_a_time_is_a_number() {
        assert_eq!(serde_json::to_string(&UnixMillis::new(7)).unwrap(), "7");
        assert_eq!(
            serde_json::from_str::<UnixMillis>("7").unwrap(),
            UnixMillis::new(7)
        );
    }
}
