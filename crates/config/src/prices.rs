//! Prices, for the costs of videos and for decisions that depend on them.

use domain::prices::Prices;

/// The prices of an installation.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Profiles")]
pub struct PriceArgs {
    /// A TOML file with prices in US dollars: `cpu_hour_usd`, `egress_gigabyte_usd`, `gigabyte_month_usd`,
    /// `million_writes_usd`, `million_reads_usd`. Default: those of AWS Fargate and Cloudflare R2.
    #[arg(long, env = "EDGEREEL_PRICES", value_name = "FILE", value_parser = read)]
    prices: Option<Prices>,
}

impl PriceArgs {
    /// The prices.
    pub fn prices(&self) -> Prices {
        self.prices.unwrap_or_default()
    }
}

fn read(path: &str) -> Result<Prices, String> {
    let text = std::fs::read_to_string(path).map_err(|it| format!("cannot read it: {it}"))?;
    Prices::parse(&text).map_err(|it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_prices_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.toml");
        std::fs::write(&path, "egress_gigabyte_usd = 0.0").unwrap();
        let expected = Prices {
            egress_gigabyte_usd: 0.0,
            ..Prices::default()
        };
        assert_eq!(read(path.to_str().unwrap()), Ok(expected));
        std::fs::write(&path, "egress = 0.0").unwrap();
        let problem = read(path.to_str().unwrap()).unwrap_err();
        assert!(problem.contains("unknown field `egress`"), "{problem}");
        let problem = read("absent.toml").unwrap_err();
        assert!(problem.starts_with("cannot read it: "), "{problem}");
    }
}
