//! What the AWS Lambda programs share: their start, and the adapters [`batch`] and [`gateway`] between events of AWS and
//! the crate `api`.

use std::time::Duration;

use catalog::database::{Database, DatabaseConfig};
use config::logging::{self, LogArgs, LogFormat, LoggingError, VERBOSE};
use config::{
    DatabaseArgs, Installation, QueueArgs, QueueSettings, ServiceArgs, Services, Variables,
};
use platform::job_queue::SharedQueue;
use platform::launch::{LaunchSettings, Report};
use traces::Traces;

pub mod batch;
pub mod emf;
pub mod gateway;
mod settings;

pub use settings::variables;

/// The services that the variables name. Connects at the first use, so that a start of the function does not wait for
/// them.
///
/// # Errors
/// If variables are missing or invalid.
pub async fn installation(variables: &Variables) -> anyhow::Result<Installation> {
    let mut services = Services::try_from(variables.read::<ServiceArgs>()?)?;
    services.queue = reporting(services.queue);
    let installation = Installation::connect_lazily(services).await?;
    installation.database.metrics().keep_changes();
    Ok(installation)
}

/// The database alone, for a function that needs no other service.
///
/// # Errors
/// As [`installation`].
pub async fn database(variables: &Variables) -> anyhow::Result<Database> {
    let config = DatabaseConfig::from(variables.read::<DatabaseArgs>()?);
    let database = config.open_lazily().await?;
    database.metrics().keep_changes();
    Ok(database)
}

/// The queue of jobs alone.
///
/// # Errors
/// As [`installation`].
pub async fn queue(variables: &Variables, database: &Database) -> anyhow::Result<SharedQueue> {
    let settings = QueueSettings::try_from(variables.read::<QueueArgs>()?)?;
    Ok(reporting(settings).open_lazily(database).await?)
}

/// Settings whose launches of transcoders become metrics.
fn reporting(settings: QueueSettings) -> QueueSettings {
    let launch = settings.launch.map(|it| LaunchSettings {
        report: Report(emf::write_launch),
        ..it
    });
    QueueSettings { launch, ..settings }
}

/// Initialises logging: one flat JSON object per line, with the filter in `RUST_LOG`. `program` is the name of the program
/// in logs and traces. Call `flush` of the result at the end of each invocation, or use [`flushed`].
///
/// # Errors
/// For an invalid filter.
pub fn log(program: &str) -> Result<Traces, LoggingError> {
    let args = LogArgs {
        log: std::env::var("RUST_LOG").ok(),
        log_format: LogFormat::Lambda,
    };
    logging::start(&args, VERBOSE, program)
}

/// How long an invocation waits until the collector has its spans. The function is frozen between two invocations, so
/// that they would be late, or lost.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// Runs the work of an invocation, and sends its spans.
pub async fn flushed<F: Future>(traces: &Traces, work: F) -> F::Output {
    let result = work.await;
    traces.flush(FLUSH_LIMIT).await;
    result
}
