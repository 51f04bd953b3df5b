//! The clock that signs requests. A store rejects signatures whose time is off by some minutes, so
//! a machine with a wrong clock corrects itself by the `Date` header of the store's responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_smithy_async::time::TimeSource;

/// Smaller differences are due to latency, and do not invalidate a signature.
const TOLERANCE_SECONDS: i64 = 60;

/// The system's clock with the store's offset. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct StoreClock {
    ahead_seconds: Arc<AtomicI64>,
}

impl StoreClock {
    #[cfg(test)]
    pub(super) fn ahead_by(seconds: i64) -> Self {
        Self {
            ahead_seconds: Arc::new(AtomicI64::new(seconds)),
        }
    }

    pub(super) fn ahead(&self) -> i64 {
        self.ahead_seconds.load(Ordering::Relaxed)
    }

    fn learn(&self, date: &str, now: SystemTime) {
        let Ok(store) = DateTime::from_str(date.trim(), DateTimeFormat::HttpDate) else {
            return;
        };
        let own = DateTime::from(now).secs();
        let ahead = store.secs() - own;
        if (ahead - self.ahead()).abs() > TOLERANCE_SECONDS {
            let kept = if ahead.abs() > TOLERANCE_SECONDS {
                ahead
            } else {
                0
            };
            tracing::warn!(
                "the clock of the store is {ahead} s ahead of this machine's: requests are signed by the time of the store"
            );
            self.ahead_seconds.store(kept, Ordering::Relaxed);
        }
    }
}

impl TimeSource for StoreClock {
    fn now(&self) -> SystemTime {
        let (now, ahead) = (SystemTime::now(), self.ahead());
        let difference = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 {
            now - difference
        } else {
            now + difference
        }
    }
}

impl Intercept for StoreClock {
    fn name(&self) -> &'static str {
        "StoreClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_sdk_s3::error::BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.learn(date, SystemTime::now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_store_and_comes_back() {
        let clock = StoreClock::default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (date, expected) in [
            ("Tue, 14 Nov 2023 22:13:20 GMT", 0),
            ("Tue, 14 Nov 2023 22:13:50 GMT", 0),
            ("Tue, 14 Nov 2023 23:13:20 GMT", 3600),
            ("Tue, 14 Nov 2023 23:13:59 GMT", 3600),
            ("nonsense", 3600),
            ("Tue, 14 Nov 2023 21:13:20 GMT", -3600),
            ("Tue, 14 Nov 2023 22:13:21 GMT", 0),
        ] {
            clock.learn(date, now);
            assert_eq!(clock.ahead(), expected, "{date}");
        }
    }

    #[test]
    fn it_is_the_time_of_the_store() {
        let clock = StoreClock::ahead_by(-3600);
        let behind = SystemTime::now().duration_since(clock.now()).unwrap();
        assert!((3599..=3601).contains(&behind.as_secs()), "{behind:?}");
    }
}
