//! Metrics in the embedded metric format of AWS: a line of JSON in the log becomes a metric.

use std::io::Write as _;

use domain::time::UnixMillis;
use platform::launch::LaunchOutcome;
use serde_json::{Value, json};

/// Writes one value of a metric, in seconds, with the name of the function as its dimension.
pub fn write_seconds(name: &str, seconds: u64, now: UnixMillis) {
    write(&[(name, "Seconds", seconds)], now);
}

/// Writes the outcome of a launch of transcoders.
pub fn write_launch(outcome: LaunchOutcome) {
    // A metric costs money as soon as it has a value.
    if outcome.started > 0 || outcome.has_failed {
        write(&launch(outcome), platform::clock::now());
    }
}

fn launch(outcome: LaunchOutcome) -> [(&'static str, &'static str, u64); 2] {
    let failures = u64::from(outcome.has_failed);
    [
        ("TranscodersStarted", "Count", outcome.started.into()),
        ("LaunchFailures", "Count", failures),
    ]
}

fn write(metrics: &[(&str, &str, u64)], now: UnixMillis) {
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let line = line(metrics, &function, now);
    // If standard output is closed, the metric is lost, and the function goes on.
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn line(metrics: &[(&str, &str, u64)], function: &str, now: UnixMillis) -> Value {
    let names: Vec<Value> = metrics
        .iter()
        .map(|(name, unit, _)| json!({ "Name": name, "Unit": unit }))
        .collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": now.get(),
            "CloudWatchMetrics": [{
                "Namespace": "Edgereel",
                "Dimensions": [["FunctionName"]],
                "Metrics": names,
            }],
        },
        "FunctionName": function,
    });
    for (name, _, value) in metrics {
        line[*name] = json!(value);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_metric_its_unit_and_its_dimension() {
        let line = line(
            &[("OldestJobWait", "Seconds", 7)],
            "sweeper",
            UnixMillis::new(1_700_000_000_000),
        );
        assert_eq!(
            line.to_string(),
            r#"{"FunctionName":"sweeper","OldestJobWait":7,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["FunctionName"]],"Metrics":[{"Name":"OldestJobWait","Unit":"Seconds"}],"Namespace":"Edgereel"}],"Timestamp":1700000000000}}"#
        );
    }

    #[test]
    fn a_launch_has_the_metrics_of_the_alarm_and_the_dashboard() {
        let outcome = LaunchOutcome {
            started: 2,
            has_failed: true,
        };
        let line = line(&launch(outcome), "api", UnixMillis::new(1_700_000_000_000));
        assert_eq!(
            (&line["TranscodersStarted"], &line["LaunchFailures"]),
            (&json!(2), &json!(1))
        );
        let template = include_str!("../../infra/aws/template.yaml");
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            .as_array()
            .unwrap()
        {
            let name = metric["Name"].as_str().unwrap();
            assert!(
                template.contains(&format!("\"Edgereel\", \"{name}\"")),
                "{name}"
            );
        }
    }
}
