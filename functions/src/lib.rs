//! What the AWS Lambda programs share: their start, and the adapters [`batch`] and [`gateway`] between events of AWS and
//! the crate `api`.

use config::logging::{self, LogArgs, LogFormat, LoggingError, VERBOSE};
use config::{Installation, ServiceArgs};

pub mod batch;
pub mod gateway;

/// Connects to the services that the environment names.
///
/// # Errors
/// If variables are missing or invalid, or a service cannot be reached.
pub async fn installation() -> anyhow::Result<Installation> {
    let services = config::read::<ServiceArgs>()?;
    // The functions receive no messages, so the name of the holder does not matter.
    Ok(Installation::connect(services.into(), "functions").await?)
}

/// Initialises logging: one JSON object per line, with the filter in `RUST_LOG`.
///
/// # Errors
/// For an invalid filter.
pub fn log() -> Result<(), LoggingError> {
    let args = LogArgs {
        log: std::env::var("RUST_LOG").ok(),
        log_format: LogFormat::Json,
    };
    logging::start(&args, VERBOSE)
}
