//! The environment variables of OpenTelemetry.
//!
//! Sources: [SDK variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) and
//! [exporter variables](https://opentelemetry.io/docs/specs/otel/protocol/exporter/). An empty value counts as unset. A
//! value that cannot be parsed is reported, and the default applies.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::definition::Program;

/// The default of `OTEL_METRIC_EXPORT_INTERVAL`.
const INTERVAL: Duration = Duration::from_secs(60);
/// The default of `OTEL_METRIC_EXPORT_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the variables say.
#[derive(Debug, Default)]
pub struct Settings {
    /// Where and how to export; `None`: not at all.
    pub otlp: Option<Otlp>,
    /// Values that were ignored. None of them is repeated in the text, because it may be a secret.
    pub problems: Vec<String>,
}

/// Where and how to export.
#[derive(Clone)]
pub struct Otlp {
    /// The URL for metrics.
    pub endpoint: Url,
    /// Headers of each request, often a token.
    pub headers: HeaderMap,
    /// Time between two exports.
    pub interval: Duration,
    /// Timeout of one export.
    pub timeout: Duration,
    /// The attributes of the process.
    pub resource: Vec<(String, String)>,
}

impl std::fmt::Debug for Otlp {
    /// Without the headers and the endpoint, which may contain secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Otlp")
            .field("interval", &self.interval)
            .field("timeout", &self.timeout)
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads the variables with `read`.
    pub fn read(program: Program, read: impl Fn(&str) -> Option<String>) -> Self {
        let mut problems = vec![];
        let read = |name: &str| read(name).map(|it| it.trim().to_owned());
        let read = |name: &str| read(name).filter(|it| !it.is_empty());
        let is_disabled =
            read("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let exporters = read("OTEL_METRICS_EXPORTER").unwrap_or_else(|| "otlp".to_owned());
        let is_chosen = match exporters.as_str() {
            "none" => false,
            list => list.split(',').any(|it| it.trim() == "otlp"),
        };
        if is_disabled || (!is_chosen && exporters == "none") {
            return Self::default();
        }
        let Some(endpoint) = endpoint(&read, &mut problems) else {
            return Self {
                otlp: None,
                problems,
            };
        };
        if !is_chosen {
            problems.push("OTEL_METRICS_EXPORTER: use `otlp` or `none`".to_owned());
            return Self {
                otlp: None,
                problems,
            };
        }
        let protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";
        let of_metrics = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL";
        if let Some(name) = read(of_metrics).or_else(|| read(protocol))
            && name != "http/protobuf"
        {
            problems.push(format!("{protocol}: metrics are sent as `http/protobuf`"));
        }
        let headers = headers(&read, &mut problems);
        let interval = millis(
            &read,
            "OTEL_METRIC_EXPORT_INTERVAL",
            INTERVAL,
            &mut problems,
        );
        let timeout = millis(&read, "OTEL_METRIC_EXPORT_TIMEOUT", TIMEOUT, &mut problems);
        let resource = resource(program, &read, &mut problems);
        let otlp = Some(Otlp {
            endpoint,
            headers,
            interval,
            timeout,
            resource,
        });
        Self { otlp, problems }
    }
}

/// The endpoint for metrics is used as it is; the one for all signals is a base URL.
fn endpoint(read: &impl Fn(&str) -> Option<String>, problems: &mut Vec<String>) -> Option<Url> {
    let (name, text) = match read("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") {
        Some(url) => ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", url),
        None => {
            let base = read("OTEL_EXPORTER_OTLP_ENDPOINT")?;
            let url = format!("{}/v1/metrics", base.trim_end_matches('/'));
            ("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        }
    };
    let url = text.parse::<Url>().ok();
    let url = url.filter(|it| matches!(it.scheme(), "http" | "https"));
    if url.is_none() {
        problems.push(format!("{name}: use a URL with http:// or https://"));
    }
    url
}

/// `name=value,name=value` with percent-encoded values, as in W3C Baggage. Those for metrics take precedence.
fn headers(read: &impl Fn(&str) -> Option<String>, problems: &mut Vec<String>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    ] {
        let Some(text) = read(name) else { continue };
        let parsed = pairs(&text).and_then(|pairs| {
            let parsed = pairs.into_iter().map(|(name, value)| {
                let mut value = HeaderValue::from_str(&value).ok()?;
                value.set_sensitive(true);
                Some((name.parse::<HeaderName>().ok()?, value))
            });
            parsed.collect::<Option<Vec<_>>>()
        });
        match parsed {
            Some(parsed) => {
                for (name, value) in parsed {
                    headers.insert(name, value);
                }
            }
            None => problems.push(format!("{name}: use NAME=VALUE,NAME=VALUE")),
        }
    }
    headers
}

fn millis(
    read: &impl Fn(&str) -> Option<String>,
    name: &str,
    default: Duration,
    problems: &mut Vec<String>,
) -> Duration {
    let Some(text) = read(name) else {
        return default;
    };
    match text.parse::<u64>().ok().filter(|it| *it > 0) {
        Some(number) => Duration::from_millis(number),
        None => {
            problems.push(format!("{name}: use a number of milliseconds above 0"));
            default
        }
    }
}

/// The attributes of this process: those of `OTEL_RESOURCE_ATTRIBUTES`, and the name of the service, its version and a
/// random id of the process, so that the series of several processes stay apart.
fn resource(
    program: Program,
    read: &impl Fn(&str) -> Option<String>,
    problems: &mut Vec<String>,
) -> Vec<(String, String)> {
    let mut attributes = vec![];
    if let Some(text) = read("OTEL_RESOURCE_ATTRIBUTES") {
        match pairs(&text) {
            Some(pairs) => attributes = pairs,
            None => {
                let problem = "OTEL_RESOURCE_ATTRIBUTES: use NAME=VALUE,NAME=VALUE";
                problems.push(problem.to_owned());
            }
        }
    }
    if let Some(name) = read("OTEL_SERVICE_NAME") {
        attributes.retain(|it| it.0 != "service.name");
        attributes.push(("service.name".to_owned(), name));
    }
    for (name, value) in [
        ("service.name", format!("edgereel-{}", program.as_str())),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", instance()),
    ] {
        if attributes.iter().all(|it| it.0 != name) {
            attributes.push((name.to_owned(), value));
        }
    }
    attributes
}

fn instance() -> String {
    let mut random = [0; 8];
    match getrandom::fill(&mut random) {
        Ok(()) => random.iter().map(|byte| format!("{byte:02x}")).collect(),
        // Without randomness, processes of one host still differ.
        Err(_) => std::process::id().to_string(),
    }
}

/// `None`: a pair has no `=` or no name, or a value is not UTF-8.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let pair = |it: &str| {
        let (name, value) = it.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let name = Some(name.trim()).filter(|it| !it.is_empty())?;
        Some((name.to_owned(), value.into_owned()))
    };
    pairs.map(pair).collect()
}

#[cfg(test)]
mod tests;
