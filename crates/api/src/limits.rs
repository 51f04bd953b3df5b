//! Rate limits: token buckets in memory, so each process counts separately.
//!
//! Headers follow draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` has the capacity of the bucket and the
//! time to fill it, `RateLimit` the remaining requests and the time until the bucket is full.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use http::Extensions;
use http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use config::{Limits, Rate};

use crate::error::ApiError;
use crate::problem::Problem;

/// The token buckets.
pub(crate) struct RateLimits {
    callers: Option<TokenBuckets<String>>,
    installation: Option<TokenBuckets<String>>,
    failures: Option<TokenBuckets<Option<IpAddr>>>,
    address_header: Option<HeaderName>,
}

/// The state of a bucket after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    policy: &'static str,
    rate: Rate,
    left: u32,
    /// Time until the next token; zero if there is one.
    wait: Duration,
}

impl RateLimits {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            callers: limits
                .callers
                .map(|it| TokenBuckets::new("caller", it, MonotonicClock)),
            installation: limits
                .installation
                .map(|it| TokenBuckets::new("installation", it, MonotonicClock)),
            failures: limits
                .failures
                .map(|it| TokenBuckets::new("failures", it, MonotonicClock)),
            address_header: limits.address_header.clone(),
        }
    }

    /// Counts a request of an authenticated caller.
    pub(crate) fn count(
        &self,
        subject: &str,
        is_installation: bool,
    ) -> Result<Option<RateLimitStatus>, TooManyRequests> {
        let token_buckets = if is_installation {
            &self.installation
        } else {
            &self.callers
        };
        token_buckets
            .as_ref()
            .map(|it| it.take(&subject.to_owned()))
            .transpose()
            .map_err(TooManyRequests)
    }

    /// Counts a request with invalid credentials. Requests without a known address share one bucket.
    pub(crate) fn count_failure(
        &self,
        headers: &HeaderMap,
        known: &Extensions,
    ) -> Result<(), TooManyRequests> {
        let Some(failures) = &self.failures else {
            return Ok(());
        };
        let address = address_of(headers, known, self.address_header.as_ref()).map(network_of);
        failures.take(&address).map(|_| ()).map_err(TooManyRequests)
    }
}

impl RateLimitStatus {
    /// The `RateLimit-Policy` and `RateLimit` headers.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + use<> {
        let Self {
            policy, rate, left, ..
        } = self;
        let all = rate.refill.saturating_mul(rate.burst);
        let until_full = rate.refill.saturating_mul(rate.burst.saturating_sub(*left));
        let fields = [
            (
                "ratelimit-policy",
                format!(
                    "\"{policy}\";q={};w={}",
                    rate.burst,
                    whole_seconds(all).max(1)
                ),
            ),
            (
                "ratelimit",
                format!("\"{policy}\";r={left};t={}", whole_seconds(until_full)),
            ),
        ];
        fields.into_iter().filter_map(|(name, value)| {
            Some((
                HeaderName::from_static(name),
                HeaderValue::try_from(value).ok()?,
            ))
        })
    }

    /// Seconds until the next token; at least 1.
    pub(crate) fn retry_after(&self) -> u64 {
        whole_seconds(self.wait).max(1)
    }
}

/// The bucket is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: retry in {} s", .0.retry_after())]
pub(crate) struct TooManyRequests(RateLimitStatus);

impl From<TooManyRequests> for ApiError {
    fn from(error: TooManyRequests) -> Self {
        let TooManyRequests(status) = error;
        Self::new(Problem::TooManyRequests, error.to_string())
            .with_headers(status.headers())
            .with_header(RETRY_AFTER, HeaderValue::from(status.retry_after()))
    }
}

/// Rounds up, because a request that is too early is rejected again.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// One bucket per key.
struct TokenBuckets<K: std::hash::Hash + Eq + Clone, C: Clock = MonotonicClock> {
    policy: &'static str,
    rate: Rate,
    limiter: RateLimiter<K, HashMapStateStore<K>, C, StateInformationMiddleware>,
    taken: AtomicU32,
}

/// Full token buckets are removed after this number of requests.
const SWEEP_EVERY: u32 = 1_024;

impl<K: std::hash::Hash + Eq + Clone, C: Clock> TokenBuckets<K, C> {
    fn new(policy: &'static str, rate: Rate, clock: C) -> Self {
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let rate = Rate {
            burst: burst.get(),
            refill: rate.refill.max(Duration::from_nanos(1)),
        };
        let quota = Quota::with_period(rate.refill)
            .unwrap_or(Quota::per_second(burst))
            .allow_burst(burst);
        let limiter = RateLimiter::hashmap_with_clock(quota, clock).with_middleware();
        Self {
            policy,
            rate,
            limiter,
            taken: AtomicU32::new(0),
        }
    }

    /// Takes a token; `Err` if the bucket is empty.
    fn take(&self, key: &K) -> Result<RateLimitStatus, RateLimitStatus> {
        if self.taken.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        let status = |left, wait| RateLimitStatus {
            policy: self.policy,
            rate: self.rate,
            left,
            wait,
        };
        match self.limiter.check_key(key) {
            Ok(state) => Ok(status(state.remaining_burst_capacity(), Duration::ZERO)),
            Err(until) => Err(status(0, until.wait_time_from(self.limiter.clock().now()))),
        }
    }
}

fn address_of(
    headers: &HeaderMap,
    known: &Extensions,
    header: Option<&HeaderName>,
) -> Option<IpAddr> {
    match header {
        Some(name) => {
            let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
            last.rsplit(',').next()?.trim().parse().ok()
        }
        None => Some(known.get::<ConnectInfo<SocketAddr>>()?.0.ip()),
    }
}

/// One IPv6 client has a /64 of addresses.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(it) => IpAddr::V4(it),
        IpAddr::V6(it) => IpAddr::V6(Ipv6Addr::from_bits(it.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use governor::clock::FakeRelativeClock;

    use super::*;

    const RATE: Rate = Rate {
        burst: 3,
        refill: Duration::from_millis(1_500),
    };

    #[test]
    fn buckets_empty_and_fill() {
        let clock = FakeRelativeClock::default();
        let token_buckets = TokenBuckets::new("test", RATE, clock.clone());
        let left = |key: &str| {
            token_buckets
                .take(&key.to_owned())
                .map(|it| it.left)
                .map_err(|it| it.wait.as_millis())
        };
        assert_eq!(
            [left("a"), left("a"), left("a"), left("a")],
            [Ok(2), Ok(1), Ok(0), Err(1_500)]
        );
        assert_eq!(left("b"), Ok(2), "each has its own");
        clock.advance(Duration::from_millis(1_000));
        assert_eq!(left("a"), Err(500), "asking costs nothing");
        clock.advance(Duration::from_millis(500));
        assert_eq!([left("a"), left("a")], [Ok(0), Err(1_500)]);
        clock.advance(Duration::from_secs(60));
        assert_eq!(left("a"), Ok(2), "never more than full");
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let token_buckets = TokenBuckets::new("test", RATE, clock.clone());
        for number in 0..SWEEP_EVERY * 2 {
            let _ = token_buckets.take(&number);
            clock.advance(Duration::from_secs(1));
        }
        assert!(
            token_buckets.limiter.len() < 10,
            "{}",
            token_buckets.limiter.len()
        );
    }

    #[test]
    fn headers_say_when_to_come_again() {
        let headers_of = |left: u32, wait_ms: u64| {
            let status = RateLimitStatus {
                policy: "test",
                rate: RATE,
                left,
                wait: Duration::from_millis(wait_ms),
            };
            let mut headers = HeaderMap::new();
            headers.extend(status.headers());
            let text = |name: &str| headers[name].to_str().unwrap().to_owned();
            (
                text("ratelimit-policy"),
                text("ratelimit"),
                status.retry_after(),
            )
        };
        let policy = "\"test\";q=3;w=5".to_owned();
        assert_eq!(
            headers_of(3, 0),
            (policy.clone(), "\"test\";r=3;t=0".to_owned(), 1)
        );
        assert_eq!(
            headers_of(1, 0),
            (policy.clone(), "\"test\";r=1;t=3".to_owned(), 1)
        );
        assert_eq!(
            headers_of(0, 1_001),
            (policy, "\"test\";r=0;t=5".to_owned(), 2)
        );
    }

    #[test]
    fn a_rate_of_nothing_still_lets_one_through() {
        let token_buckets = TokenBuckets::new(
            "test",
            Rate {
                burst: 0,
                refill: Duration::ZERO,
            },
            FakeRelativeClock::default(),
        );
        assert!(token_buckets.take(&1).is_ok());
        assert!(token_buckets.take(&1).is_err());
    }

    #[test]
    fn addresses_come_from_the_peer_or_from_the_proxy() {
        let address = |header: Option<&str>, forwarded: &[&str]| {
            let mut request = Request::new(Body::empty());
            request
                .extensions_mut()
                .insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 9))));
            for it in forwarded {
                request
                    .headers_mut()
                    .append("x-forwarded-for", it.parse().unwrap());
            }
            let header = header.map(|it| it.parse::<HeaderName>().unwrap());
            address_of(request.headers(), request.extensions(), header.as_ref())
                .map(|it| network_of(it).to_string())
        };
        let (peer, forwarded_for) = (Some("192.0.2.1".to_owned()), Some("x-forwarded-for"));
        assert_eq!(
            address(None, &["198.51.100.9"]),
            peer,
            "anybody can say that"
        );
        assert_eq!(
            address(forwarded_for, &["203.0.113.7, 198.51.100.9"]),
            Some("198.51.100.9".to_owned())
        );
        assert_eq!(
            address(forwarded_for, &["203.0.113.7", "2001:db8:1:2:3::4"]),
            Some("2001:db8:1:2::".to_owned())
        );
        assert_eq!(
            address(forwarded_for, &["::ffff:198.51.100.9"]),
            Some("198.51.100.9".to_owned())
        );
        assert_eq!(address(forwarded_for, &["nonsense"]), None);
        assert_eq!(address(forwarded_for, &[]), None);
    }
}
