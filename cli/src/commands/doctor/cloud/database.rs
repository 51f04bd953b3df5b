//! The database and the version of its tables.

use catalog::database::DatabaseConfig;
use config::DatabaseArgs;

use super::super::finding::{Finding, State};
use super::unset;

const WHAT: &str = "database";

/// Connects, and compares the tables with those of this version.
pub(super) async fn check() -> Finding {
    let config = match config::read::<DatabaseArgs>() {
        Ok(args) => DatabaseConfig::from(args),
        Err(invalid) => return unset(WHAT, &invalid),
    };
    let address = &config.address;
    match config.migrate(true).await {
        Ok(missing) if missing.is_empty() => {
            Finding::ok(WHAT, format!("`{address}` has the tables of this version"))
        }
        Ok(missing) => Finding::other(
            WHAT,
            State::Error,
            format!("`{address}` lacks {} migrations", missing.len()),
            "run `edgereel migrate`",
        ),
        Err(problem) => Finding::other(
            WHAT,
            State::Error,
            format!("{:#}", anyhow::Error::from(problem)),
            "correct EDGEREEL_DATABASE, or the rights and the network of its server",
        ),
    }
}
