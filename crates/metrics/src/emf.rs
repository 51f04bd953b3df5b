//! CloudWatch's embedded metric format: a JSON line on standard output becomes metrics.
//!
//! Source: [the specification](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
//! A line has at most 100 metrics, and a metric at most 100 values. Only metrics of the table with a name for CloudWatch
//! are written, and only if they changed: CloudWatch charges for each metric, which is each name with each set of
//! dimensions.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::definition::Unit;
use crate::snapshot::Change;

/// Metrics of one line, and values of one metric.
const LIMIT: usize = 100;
/// The namespace in CloudWatch.
const NAMESPACE: &str = "Edgereel";

/// The lines for changes, without line ends. Their dimensions are the name of the function and the labels of the metric.
/// `now_ms` is in Unix milliseconds.
pub fn lines(changes: &[Change], function: &str, now_ms: u64) -> Vec<String> {
    let mut by_dimensions: BTreeMap<Vec<(String, String)>, Vec<Metric<'_>>> = BTreeMap::new();
    for change in changes {
        let Some(name) = change.definition.cloudwatch else {
            continue;
        };
        let labels = change.definition.labels.iter().zip(&change.labels);
        let labels = labels.map(|(label, value)| (pascal_case(label.name), value.clone()));
        let metrics = by_dimensions.entry(labels.collect()).or_default();
        metrics.extend(change.values.chunks(LIMIT).map(|values| Metric {
            name,
            unit: unit(change.definition.unit),
            values,
        }));
    }
    let lines = by_dimensions.iter().flat_map(|(dimensions, metrics)| {
        lines_of(metrics)
            .into_iter()
            .map(move |it| line(dimensions, &it, function, now_ms).to_string())
    });
    lines.collect()
}

/// A metric with at most 100 values.
#[derive(Clone, Copy)]
struct Metric<'a> {
    name: &'static str,
    unit: &'static str,
    values: &'a [f64],
}

/// Distributes metrics over lines: a name can occur once in a line.
fn lines_of<'a>(metrics: &[Metric<'a>]) -> Vec<Vec<Metric<'a>>> {
    let mut lines: Vec<Vec<Metric<'a>>> = vec![];
    for metric in metrics {
        let fits = |line: &&mut Vec<Metric<'a>>| {
            line.len() < LIMIT && line.iter().all(|it| it.name != metric.name)
        };
        match lines.iter_mut().find(fits) {
            Some(line) => line.push(*metric),
            None => lines.push(vec![*metric]),
        }
    }
    lines
}

fn line(
    dimensions: &[(String, String)],
    metrics: &[Metric<'_>],
    function: &str,
    now_ms: u64,
) -> Value {
    let names = dimensions.iter().map(|it| it.0.as_str());
    let names: Vec<&str> = ["FunctionName"].into_iter().chain(names).collect();
    let described = metrics
        .iter()
        .map(|it| json!({ "Name": it.name, "Unit": it.unit }));
    let described: Vec<Value> = described.collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now_ms,
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [names],
                "Metrics": described,
            }],
        }),
    );
    line.insert("FunctionName".to_owned(), function.into());
    for (name, value) in dimensions {
        line.insert(name.clone(), value.as_str().into());
    }
    for metric in metrics {
        let values: Vec<Value> = metric.values.iter().map(|it| number(*it)).collect();
        let value = match <[Value; 1]>::try_from(values) {
            Ok([value]) => value,
            Err(values) => values.into(),
        };
        line.insert(metric.name.to_owned(), value);
    }
    line.into()
}

/// A whole number without a fraction, so that lines stay short.
fn number(value: f64) -> Value {
    match value.fract() == 0.0 && value.abs() < 9e15 {
        true => json!(value as i64),
        false => json!(value),
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "Count",
        Unit::Seconds => "Seconds",
        Unit::Bytes => "Bytes",
        Unit::Usd => "None",
    }
}

/// `a_name` as `AName`, as dimensions are written in CloudWatch.
fn pascal_case(name: &str) -> String {
    let words = name.split(['_', '-']).map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|it| it.to_ascii_uppercase()).into_iter();
        first.chain(letters).collect::<String>()
    });
    words.collect()
}

#[cfg(test)]
mod tests;
