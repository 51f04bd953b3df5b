//! Values, limits, and changes.

use super::*;
use crate::table::{
    BUCKET_EVENTS, DATABASE_WAIT_SECONDS, EDGE_RESPONSES, JOBS_RUNNING, OLDEST_JOB_WAIT,
    SOURCE_SECONDS,
};

fn numbers(registry: &Registry, name: &str) -> Vec<(Vec<String>, f64)> {
    let snapshot = registry.snapshot();
    let family = snapshot
        .families
        .iter()
        .find(|it| it.definition.name == name);
    let series = family.map(|it| it.series.clone()).unwrap_or_default();
    let numbers = series.into_iter().map(|it| match it.point {
        Point::Number(number) => (it.labels, number),
        Point::Distribution { sum, .. } => (it.labels, sum),
    });
    numbers.collect()
}

fn number(registry: &Registry, name: &str, labels: &[&str]) -> Option<f64> {
    let found = numbers(registry, name);
    let found = found.into_iter().find(|it| it.0 == labels);
    found.map(|it| it.1)
}

#[test]
fn counters_only_grow() {
    let registry = Registry::default();
    for amount in [1.5, 2.5, -1.0, f64::NAN, f64::INFINITY] {
        registry.add(&SOURCE_SECONDS, [], amount);
    }
    let name = "edgereel_transcoder_source_seconds_total";
    assert_eq!(number(&registry, name, &[]), Some(4.0));
}

#[test]
fn clones_share_the_values_and_gauges_move() {
    let registry = Registry::default();
    let other = registry.clone();
    registry.shift(&JOBS_RUNNING, [], 2.0);
    other.shift(&JOBS_RUNNING, [], -1.0);
    let name = "edgereel_transcoder_jobs_running";
    assert_eq!(number(&registry, name, &[]), Some(1.0));
}

#[test]
fn a_value_is_in_the_first_bucket_that_is_large_enough() {
    for (value, bucket) in [(0.0, 0), (0.001, 0), (0.0011, 1), (30.0, 7), (31.0, 8)] {
        let registry = Registry::default();
        registry.observe(&DATABASE_WAIT_SECONDS, [], value);
        registry.observe(&DATABASE_WAIT_SECONDS, [], f64::NAN);
        let snapshot = registry.snapshot();
        let Point::Distribution { buckets, sum } = &snapshot.families[0].series[0].point else {
            panic!("not a histogram");
        };
        let mut expected = vec![0; 9];
        expected[bucket] = 1;
        assert_eq!((buckets, *sum), (&expected, value), "{value}");
    }
}

#[test]
fn label_values_outside_the_table_become_other() {
    let registry = Registry::default();
    registry.count(&BUCKET_EVENTS, ["queued"]);
    registry.count(&BUCKET_EVENTS, ["vid_018bcfe5680077078707070707070707"]);
    let name = "edgereel_bucket_events_total";
    let expected = [
        (vec!["other".to_owned()], 1.0),
        (vec!["queued".to_owned()], 1.0),
    ];
    assert_eq!(numbers(&registry, name), expected);
}

#[test]
fn the_number_of_series_is_limited() {
    let registry = Registry::default();
    for status in 0..SERIES_LIMIT + 50 {
        registry.count(&EDGE_RESPONSES, [&status.to_string()]);
    }
    let name = "edgereel_edge_responses_total";
    assert_eq!(numbers(&registry, name).len(), SERIES_LIMIT + 1);
    assert_eq!(number(&registry, name, &["other"]), Some(50.0));
    // Known series go on.
    registry.count(&EDGE_RESPONSES, ["7"]);
    assert_eq!(number(&registry, name, &["7"]), Some(2.0));
}

#[test]
fn a_program_begins_with_zeros_of_its_own_metrics() {
    let registry = Registry::default();
    registry.begin(Program::Transcoder);
    let snapshot = registry.snapshot();
    for it in &snapshot.families {
        assert!(it.definition.programs.contains(&Program::Transcoder));
    }
    let name = "edgereel_transcoder_attempts_total";
    assert_eq!(number(&registry, name, &["lost"]), Some(0.0));
    assert_eq!(numbers(&registry, name).len(), 5);
    let memory = "edgereel_process_resident_memory_bytes";
    let memory = number(&registry, memory, &[]);
    assert!(memory.is_none_or(|it| it > 1e5), "{memory:?}");
    assert!(numbers(&registry, "edgereel_http_requests_total").is_empty());
    assert!(numbers(&registry, "edgereel_database_connections").is_empty());
}

#[test]
fn changes_are_taken_once() {
    let registry = Registry::default();
    registry.keep_changes();
    let taken = || -> Vec<(&'static str, Vec<f64>)> {
        let changes = registry.take_changes().into_iter();
        changes.map(|it| (it.definition.name, it.values)).collect()
    };
    registry.begin(Program::Serve);
    assert!(taken().is_empty());
    registry.add(&SOURCE_SECONDS, [], 3.0);
    registry.set(&OLDEST_JOB_WAIT, [], 0.0);
    registry.observe(&DATABASE_WAIT_SECONDS, [], 0.25);
    registry.observe(&DATABASE_WAIT_SECONDS, [], 0.5);
    let all = [
        ("edgereel_database_wait_seconds", vec![0.25, 0.5]),
        ("edgereel_oldest_job_wait_seconds", vec![0.0]),
        ("edgereel_transcoder_source_seconds_total", vec![3.0]),
    ];
    assert_eq!(taken(), all);
    assert!(taken().is_empty());
    registry.add(&SOURCE_SECONDS, [], 1.5);
    assert_eq!(
        taken(),
        [("edgereel_transcoder_source_seconds_total", vec![1.5])]
    );
}
