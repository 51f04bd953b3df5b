//! Prices of computing, traffic, storage and requests.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The prices that the documentation uses, with their dates and sources.
const PUBLISHED: &str = include_str!("../../../infra/prices.toml");

/// Gigabytes of memory beside each CPU of a transcoder.
const GIGABYTES_PER_CPU: f64 = 2.0;

/// Prices, US dollars. Omitted fields have the prices of `infra/prices.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// Price of one hour of one CPU, with its share of memory.
    pub cpu_hour_usd: f64,
    /// Price of a gigabyte (10^9 bytes) that leaves the worker's cloud for the store.
    pub egress_gigabyte_usd: f64,
    /// Price of a gigabyte (10^9 bytes) stored for a month.
    pub gigabyte_month_usd: f64,
    /// Price of a million write requests.
    pub million_writes_usd: f64,
    /// Price of a million read requests.
    pub million_reads_usd: f64,
}

impl Prices {
    /// Parses a TOML file with prices.
    ///
    /// # Errors
    /// Not TOML, an unknown name, or a price that is negative or not finite.
    pub fn parse(text: &str) -> Result<Self, InvalidPrices> {
        let syntax = |error: toml::de::Error| InvalidPrices::Syntax(error.message().to_owned());
        let prices: Self = toml::from_str(text).map_err(syntax)?;
        let Self {
            cpu_hour_usd,
            egress_gigabyte_usd,
            gigabyte_month_usd,
            million_writes_usd,
            million_reads_usd,
        } = prices;
        for (name, usd) in [
            ("cpu_hour_usd", cpu_hour_usd),
            ("egress_gigabyte_usd", egress_gigabyte_usd),
            ("gigabyte_month_usd", gigabyte_month_usd),
            ("million_writes_usd", million_writes_usd),
            ("million_reads_usd", million_reads_usd),
        ] {
            if !usd.is_finite() || usd < 0.0 {
                return Err(InvalidPrices::Value(name));
            }
        }
        Ok(prices)
    }
}

impl Default for Prices {
    /// Cloudflare R2, standard storage, beyond the free allowance, and a container's vCPU with 2 GB
    /// of memory on AWS Fargate (Linux, x86, us-east-1, on demand). R2 charges no egress, but AWS
    /// charges for what the container writes to R2.
    fn default() -> Self {
        static R2_AND_FARGATE: LazyLock<Prices> =
            LazyLock::new(|| published(PUBLISHED).expect("a test parses it"));
        *R2_AND_FARGATE
    }
}

/// Invalid prices. `Display` names the price and the problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrices {
    /// Not TOML, or with an unknown name or a value that is not a number.
    #[error("the prices cannot be read: {0}")]
    Syntax(String),
    /// A price is negative or not finite.
    #[error("`{0}` must be 0 or more")]
    Value(&'static str),
}

/// The prices in the form of `infra/prices.toml`; `None`: one of them is missing.
fn published(text: &str) -> Option<Prices> {
    let file: toml::Table = text.parse().ok()?;
    let usd = |table: &str, name: &str| file.get(table)?.get(name)?.get("usd")?.as_float();
    // The first tier is free, and a transcoder soon exceeds it.
    let tiers = file.get("aws")?.get("egress_gigabyte")?.get("tiers")?;
    let egress_gigabyte_usd = tiers.as_array()?.get(1)?.get(1)?.as_float()?;
    let cpu = usd("aws", "fargate_x86_vcpu_hour")?;
    let memory = usd("aws", "fargate_x86_gigabyte_hour")?;
    Some(Prices {
        cpu_hour_usd: cpu + GIGABYTES_PER_CPU * memory,
        egress_gigabyte_usd,
        gigabyte_month_usd: usd("cloudflare", "r2_gigabyte_month")?,
        million_writes_usd: usd("cloudflare", "r2_million_class_a")?,
        million_reads_usd: usd("cloudflare", "r2_million_class_b")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_prices_are_the_published_ones() {
        let prices = Prices::default();
        assert!(
            (prices.cpu_hour_usd - (0.040_48 + 2.0 * 0.004_445)).abs() < 1e-12,
            "{prices:?}"
        );
        let rest = (
            prices.egress_gigabyte_usd,
            prices.gigabyte_month_usd,
            prices.million_writes_usd,
            prices.million_reads_usd,
        );
        assert_eq!(rest, (0.09, 0.015, 4.50, 0.36));
    }

    #[test]
    fn prices_are_configured_one_by_one() {
        let expected = Prices {
            cpu_hour_usd: 0.01,
            ..Prices::default()
        };
        assert_eq!(Prices::parse("cpu_hour_usd = 0.01"), Ok(expected));
    }

    #[test]
    fn a_wrong_price_is_named() {
        for (text, reason) in [
            (
                "cpu_hours = 1.0",
                "the prices cannot be read: unknown field `cpu_hours`",
            ),
            (
                "cpu_hour_usd = \"1\"",
                "the prices cannot be read: invalid type: string",
            ),
            ("cpu_hour_usd = -1.0", "`cpu_hour_usd` must be 0 or more"),
            (
                "egress_gigabyte_usd = nan",
                "`egress_gigabyte_usd` must be 0 or more",
            ),
        ] {
            let error = Prices::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }
}
