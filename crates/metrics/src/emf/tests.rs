//! Lines, as the specification limits them.

use super::*;
use crate::registry::Registry;
use crate::table::{
    BUCKET_EVENTS, HTTP_REQUESTS, LAUNCH_FAILURES, OLDEST_JOB_WAIT, TRANSCODERS_STARTED,
    WEBHOOK_LAG_SECONDS,
};

const NOW: u64 = 1_700_000_000_000;

fn parsed(registry: &Registry) -> Vec<Value> {
    let lines = lines(&registry.take_changes(), "sweeper", NOW);
    let parsed = lines.iter().map(|it| serde_json::from_str(it).unwrap());
    parsed.collect()
}

#[test]
fn a_line_names_the_metric_its_unit_and_its_dimension() {
    let registry = Registry::default();
    registry.set(&OLDEST_JOB_WAIT, [], 7.0);
    assert_eq!(
        lines(&registry.take_changes(), "sweeper", NOW),
        [
            r#"{"FunctionName":"sweeper","OldestJobWait":7,"_aws":{"CloudWatchMetrics":[{"Dimensions":[["FunctionName"]],"Metrics":[{"Name":"OldestJobWait","Unit":"Seconds"}],"Namespace":"Edgereel"}],"Timestamp":1700000000000}}"#
        ]
    );
}

#[test]
fn only_metrics_with_a_name_are_written_and_labels_become_dimensions() {
    let registry = Registry::default();
    registry.begin(crate::Program::Lambda);
    assert_eq!(parsed(&registry), [] as [Value; 0]);
    registry.count(&HTTP_REQUESTS, ["GET", "/videos", "200"]);
    registry.add(&TRANSCODERS_STARTED, [], 2.0);
    registry.count(&LAUNCH_FAILURES, []);
    registry.add(&BUCKET_EVENTS, ["queued"], 3.0);
    registry.add(&BUCKET_EVENTS, ["known"], 1.0);
    let lines = parsed(&registry);
    assert_eq!(lines.len(), 3, "{lines:?}");
    let [all, known, queued] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(
        (&all["TranscodersStarted"], &all["LaunchFailures"]),
        (&json!(2), &json!(1))
    );
    let of = |line: &Value| {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        (
            directive["Dimensions"].clone(),
            line["Outcome"].clone(),
            line["BucketEvents"].clone(),
        )
    };
    let dimensions = json!([["FunctionName", "Outcome"]]);
    assert_eq!(of(queued), (dimensions.clone(), json!("queued"), json!(3)));
    assert_eq!(of(known), (dimensions, json!("known"), json!(1)));
}

#[test]
fn a_metric_has_at_most_100_values_in_a_line() {
    let registry = Registry::default();
    registry.keep_changes();
    for number in 0..250_u32 {
        registry.observe(&WEBHOOK_LAG_SECONDS, [], number.into());
    }
    registry.count(&LAUNCH_FAILURES, []);
    let lines = parsed(&registry);
    let lengths = lines
        .iter()
        .map(|it| it["WebhookLag"].as_array().unwrap().len());
    assert_eq!(lengths.collect::<Vec<_>>(), [100, 100, 50]);
    assert_eq!(lines[0]["LaunchFailures"], 1);
    assert_eq!(lines[1]["LaunchFailures"], Value::Null);
    assert_eq!(lines[2]["WebhookLag"][49], 249);
}

/// Members that a directive names must be in the line, and numbers.
#[test]
fn every_named_member_is_in_the_line() {
    let registry = Registry::default();
    registry.keep_changes();
    registry.observe(&WEBHOOK_LAG_SECONDS, [], 0.25);
    registry.set(&OLDEST_JOB_WAIT, [], 1.5);
    registry.count(&BUCKET_EVENTS, ["not-an-upload"]);
    for line in parsed(&registry) {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for name in directive["Dimensions"][0].as_array().unwrap() {
            assert!(line[name.as_str().unwrap()].is_string(), "{line}");
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number(), "{line}");
        }
    }
}
