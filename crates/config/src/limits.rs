//! Rate limits.

use std::num::NonZeroU32;
use std::time::Duration;

use http::header::HeaderName;

/// The rate of a token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Capacity; at least 1.
    pub burst: u32,
    /// Time to add one token.
    pub refill: Duration,
}

/// All rate limits. `None`: unlimited.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Per caller, except the installation.
    pub callers: Option<Rate>,
    /// Callers with the installation token: the operator's own programs.
    pub installation: Option<Rate>,
    /// Requests with missing or invalid credentials, per client address (per /64 for IPv6). Requests with valid
    /// credentials from the same address are not affected.
    pub failures: Option<Rate>,
    /// The header in which a proxy sends the client address. Its last element counts, which the proxy itself has added.
    /// Without it, the address of the peer counts.
    pub address_header: Option<HeaderName>,
}

impl Default for Limits {
    /// 50 requests per second with a burst of 200; one failure per second with a burst of 50; unlimited for the
    /// installation.
    fn default() -> Self {
        Self {
            callers: Some(Rate {
                burst: 200,
                refill: Duration::from_millis(20),
            }),
            installation: None,
            failures: Some(Rate {
                burst: 50,
                refill: Duration::from_secs(1),
            }),
            address_header: None,
        }
    }
}

/// Rate limits of the API.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "API")]
pub struct RateArgs {
    /// Sustained rate of each caller; 0: unlimited. Each process counts separately. Default: 50.
    #[arg(long, env = "EDGEREEL_REQUESTS_PER_SECOND", value_name = "N")]
    requests_per_second: Option<u32>,
    /// How many requests each caller may make at once. Default: 200.
    #[arg(long, env = "EDGEREEL_REQUESTS_BURST", value_name = "N")]
    requests_burst: Option<NonZeroU32>,
    /// Requests with missing or invalid credentials, by client address; 0: unlimited. Default: 60.
    #[arg(long, env = "EDGEREEL_AUTH_FAILURES_PER_MINUTE", value_name = "N")]
    auth_failures_per_minute: Option<u32>,
    /// How many of these may come at once. Default: 50.
    #[arg(long, env = "EDGEREEL_AUTH_FAILURES_BURST", value_name = "N")]
    auth_failures_burst: Option<NonZeroU32>,
    /// The header in which a proxy reports the address of the client, such as `CF-Connecting-IP`.
    #[arg(long, env = "EDGEREEL_CLIENT_ADDRESS_HEADER", value_name = "NAME")]
    client_address_header: Option<HeaderName>,
}

impl RateArgs {
    /// The header in which a proxy reports the address of the client.
    pub fn address_header(&self) -> Option<HeaderName> {
        self.client_address_header.clone()
    }

    /// The limits; `default` fills what was not set.
    pub fn limits(self, default: Limits) -> Limits {
        let second = Duration::from_secs(1);
        let minute = Duration::from_secs(60);
        let burst = |it: Option<NonZeroU32>| it.map(NonZeroU32::get);
        Limits {
            callers: rate(
                self.requests_per_second,
                burst(self.requests_burst),
                second,
                default.callers,
            ),
            failures: rate(
                self.auth_failures_per_minute,
                burst(self.auth_failures_burst),
                minute,
                default.failures,
            ),
            address_header: self.client_address_header.or(default.address_header),
            ..default
        }
    }
}

/// A rate of `count` requests per `time`; 0: unlimited.
fn rate(
    count: Option<u32>,
    burst: Option<u32>,
    time: Duration,
    default: Option<Rate>,
) -> Option<Rate> {
    let Some(count) = count else {
        return default.map(|it| Rate {
            burst: burst.unwrap_or(it.burst),
            ..it
        });
    };
    let refill = time.checked_div(count)?;
    Some(Rate {
        refill,
        burst: burst.or(default.map(|it| it.burst)).unwrap_or(count),
    })
}
