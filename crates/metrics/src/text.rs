//! The text formats of Prometheus.
//!
//! [OpenMetrics 1.0](https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md) is the default;
//! clients that accept only `text/plain` get the
//! [older format](https://prometheus.io/docs/instrumenting/exposition_formats), which other agents and `promtool check
//! metrics` read.

use std::fmt::Write as _;

use crate::definition::{Definition, Kind};
use crate::snapshot::{Family, Point, Series, Snapshot};

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus.
    Plain,
}

impl Format {
    /// The format for the header `Accept` of a request.
    pub fn accepted(accept: Option<&str>) -> Self {
        match accept {
            Some(accept)
                if accept.contains("text/plain")
                    && !accept.contains("application/openmetrics-text") =>
            {
                Self::Plain
            }
            Some(_) | None => Self::OpenMetrics,
        }
    }

    /// The value of the header `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Writes all values.
pub fn encode(snapshot: &Snapshot, format: Format) -> String {
    let mut text = String::new();
    for family in &snapshot.families {
        write_family(&mut text, family, format);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn write_family(text: &mut String, family: &Family, format: Format) {
    let definition = family.definition;
    // OpenMetrics names the family of a counter without `_total`.
    let name = match format {
        Format::OpenMetrics => definition.family(),
        Format::Plain => definition.name,
    };
    line(
        text,
        format_args!("# HELP {name} {}.", escaped_help(definition.help)),
    );
    line(
        text,
        format_args!("# TYPE {name} {}", definition.kind.as_str()),
    );
    if let (Format::OpenMetrics, Some(unit)) = (format, definition.unit.suffix()) {
        line(text, format_args!("# UNIT {name} {unit}"));
    }
    for series in &family.series {
        write_series(text, definition, series);
    }
}

fn write_series(text: &mut String, definition: &Definition, series: &Series) {
    let name = definition.name;
    match (&series.point, definition.kind) {
        (Point::Number(number), _) => {
            let labels = labels(definition, series, None);
            line(text, format_args!("{name}{labels} {number}"));
        }
        (Point::Distribution { buckets, sum }, Kind::Histogram(bounds)) => {
            let uppers = bounds.iter().map(|it| format!("{it:?}"));
            let uppers = uppers.chain(["+Inf".to_owned()]);
            let mut count = 0;
            for (number, upper) in buckets.iter().zip(uppers) {
                count += number;
                let labels = labels(definition, series, Some(&upper));
                line(text, format_args!("{name}_bucket{labels} {count}"));
            }
            let labels = labels(definition, series, None);
            line(text, format_args!("{name}_count{labels} {count}"));
            line(text, format_args!("{name}_sum{labels} {sum}"));
        }
        (Point::Distribution { .. }, Kind::Counter | Kind::Gauge) => {}
    }
}

/// The labels in braces, with the upper bound of a bucket; nothing without labels.
fn labels(definition: &Definition, series: &Series, upper: Option<&str>) -> String {
    let own = definition.labels.iter().zip(&series.labels);
    let own = own.map(|(label, value)| format!("{}=\"{}\"", label.name, escaped(value)));
    let upper = upper.map(|it| format!("le=\"{it}\""));
    let all: Vec<String> = own.chain(upper).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", all.join(",")),
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

fn escaped(value: &str) -> String {
    escaped_help(value).replace('"', "\\\"")
}

fn escaped_help(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
