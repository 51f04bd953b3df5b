//! `edgereel healthcheck`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;

use crate::Result;
use crate::args::HealthcheckArgs;
use crate::output::CommandError;

/// Time for a response: less than supervisors wait.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Requests `/healthz`.
///
/// # Errors
/// If the program does not respond with 200.
pub async fn run(args: HealthcheckArgs) -> Result {
    let Some(address) = args.health.health_listen else {
        return Err(CommandError::Usage(
            "EDGEREEL_HEALTH_LISTEN is not set".to_owned(),
        ));
    };
    let url = format!("http://{}/healthz", reachable(address));
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT);
    let client = client.build().context("cannot create the HTTP client")?;
    let answer = client.get(&url).send().await;
    let status = answer
        .with_context(|| format!("no response from {url}"))?
        .status();
    if !status.is_success() {
        return Err(anyhow::anyhow!("{url} responded with {status}").into());
    }
    Ok(())
}

/// An unspecified address is reached by loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
