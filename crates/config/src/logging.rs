//! Logging to standard error, as text or JSON, never with tokens, keys or signed URLs; and the start of traces.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use traces::{Started, Traces};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, ParseError, Targets};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

mod lambda;

use lambda::LambdaFormat;

/// Logging options.
#[derive(Debug, Clone, clap::Args)]
pub struct LogArgs {
    /// Log filter: a level (error, warn, info, debug, trace), or `target=level` pairs.
    #[arg(
        long,
        env = "RUST_LOG",
        global = true,
        value_name = "FILTER",
        help_heading = "Logging"
    )]
    pub log: Option<String>,
    /// Format of log lines.
    #[arg(
        long,
        env = "EDGEREEL_LOG_FORMAT",
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Logging"
    )]
    pub log_format: LogFormat,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Human-readable text.
    Text,
    /// One JSON object per line.
    Json,
    /// One flat JSON object per line, with the field names of Powertools for AWS Lambda.
    #[value(skip)]
    Lambda,
}

/// Libraries whose debug logs contain whole requests with signatures.
const VERBOSE_LIBRARIES: [&str; 12] = [
    "aws_config",
    "aws_credential_types",
    "aws_runtime",
    "aws_sdk_s3",
    "aws_sigv4",
    "aws_smithy_http_client",
    "aws_smithy_runtime",
    "aws_smithy_runtime_api",
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
];

/// The filter of `edgereel`.
pub const QUIET: &str = "warn,edgereel=info,transcoder=info";
/// The filter of programs whose logs are collected. PostgreSQL sends a notice at each start that the tables exist.
pub const VERBOSE: &str = "info,sqlx::postgres::notice=warn";

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is invalid.
    #[error(
        "invalid value `{filter}` for --log: {problem}. Use a level such as `info`, or a filter such as `transcoder=debug`"
    )]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        problem: ParseError,
    },
    /// Logging was started before.
    #[error("logging was started twice")]
    Started(#[from] TryInitError),
}

/// Initialises logging, and the export of traces if the variables of OpenTelemetry ask for it. `default` is the filter
/// without `--log`, and `program` the name of the program in traces, and in the logs of Lambda functions.
///
/// # Errors
/// For an invalid filter.
pub fn start(args: &LogArgs, default: &str, program: &str) -> Result<Traces, LoggingError> {
    let filter = filter(args.log.as_deref(), default)?;
    let Started {
        layer: spans,
        traces,
        problem,
    } = traces::start(program);
    let lines = tracing_subscriber::fmt::layer::<Registry>().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match args.log_format {
        LogFormat::Text => lines
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Lambda => lines
            .fmt_fields(JsonFields::new())
            .event_format(LambdaFormat::new(service(program)))
            .boxed(),
    };
    let lines = lines.with_filter(filter.and(secret_filter())).boxed();
    let layers: Vec<_> = spans.into_iter().chain([lines]).collect();
    tracing_subscriber::registry().with(layers).try_init()?;
    if let Some(problem) = problem {
        tracing::warn!("{problem}");
    }
    Ok(traces)
}

/// The name of a function in its logs: the variable of Powertools, or the one of OpenTelemetry.
fn service(program: &str) -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    let name = set("POWERTOOLS_SERVICE_NAME").or_else(|| set("OTEL_SERVICE_NAME"));
    name.unwrap_or_else(|| program.to_owned())
}

fn filter(requested: Option<&str>, default: &str) -> Result<EnvFilter, LoggingError> {
    let filter = requested
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .unwrap_or(default);
    EnvFilter::try_new(filter).map_err(|problem| LoggingError::Filter {
        filter: filter.to_owned(),
        problem,
    })
}

/// Limits that apply regardless of the filter.
fn secret_filter() -> Targets {
    let silent = VERBOSE_LIBRARIES.iter().map(|it| (*it, LevelFilter::WARN));
    // It logs every rejected request as an error, although the response reports it.
    Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_targets(silent)
        .with_target("s3s", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_that_log_requests_are_limited() {
        let secret_filter = secret_filter();
        for target in [
            "aws_sigv4::http_request::sign",
            "aws_smithy_runtime::client::orchestrator",
            "hyper_util::client",
        ] {
            assert!(
                !secret_filter.would_enable(target, &Level::INFO),
                "{target}"
            );
            assert!(secret_filter.would_enable(target, &Level::WARN), "{target}");
        }
        assert!(!secret_filter.would_enable("s3s::ops", &Level::ERROR));
        assert!(secret_filter.would_enable("transcoder::worker", &Level::TRACE));
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_explained() {
        assert!(filter(Some("transcoder=debug,info"), QUIET).is_ok());
        assert!(filter(Some(" "), QUIET).is_ok() && filter(None, VERBOSE).is_ok());
        let problem = filter(Some("info=loud"), QUIET).unwrap_err().to_string();
        assert!(
            problem.starts_with("invalid value `info=loud` for --log: "),
            "{problem}"
        );
    }
}
