//! Metrics in the embedded metric format of AWS: a line of JSON in the log becomes a metric.

use std::io::Write as _;

use domain::time::UnixMillis;
use serde_json::{Value, json};

/// Writes one value of a metric, in seconds, with the name of the function as its dimension.
pub fn write_seconds(name: &str, seconds: u64, now: UnixMillis) {
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let line = line(name, seconds, &function, now);
    // If standard output is closed, the metric is lost, and the function goes on.
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn line(name: &str, seconds: u64, function: &str, now: UnixMillis) -> Value {
    json!({
        "_aws": {
            "Timestamp": now.get(),
            "CloudWatchMetrics": [{
                "Namespace": "Edgereel",
                "Dimensions": [["FunctionName"]],
                "Metrics": [{ "Name": name, "Unit": "Seconds" }],
            }],
        },
        "FunctionName": function,
        (name): seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_metric_its_unit_and_its_dimension() {
        let line = line(
            "OldestJobWait",
            7,
            "sweeper",
            UnixMillis::new(1_700_000_000_000),
        );
        assert_eq!(
            line.to_string(),
            r#"{"FunctionName":"sweeper","OldestJobWait":7,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["FunctionName"]],"Metrics":[{"Name":"OldestJobWait","Unit":"Seconds"}],"Namespace":"Edgereel"}],"Timestamp":1700000000000}}"#
        );
    }
}
