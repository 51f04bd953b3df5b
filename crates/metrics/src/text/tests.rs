//! Both formats, as text and as `promtool` reads them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::definition::Program;
use crate::registry::Registry;
use crate::table::{
    ATTEMPTS, COST_USD, DATABASE_CONNECTIONS, HTTP_REQUEST_SECONDS, HTTP_REQUESTS, JOBS,
    LAST_SUCCESS, OLDEST_JOB_WAIT,
};

fn some() -> Registry {
    let registry = Registry::default();
    registry.count(&HTTP_REQUESTS, ["GET", "/videos/{video}", "200"]);
    registry.observe(&HTTP_REQUEST_SECONDS, ["a\"b\\c\nd"], 0.75);
    registry.set(&OLDEST_JOB_WAIT, [], 1.5);
    registry.add(&COST_USD, ["compute"], 2.0);
    registry
}

#[test]
fn openmetrics_has_families_without_total_units_and_an_end() {
    let text = encode(&some().snapshot(), Format::OpenMetrics);
    let expected = r#"# HELP edgereel_http_request_duration_seconds Time from the request to the response headers.
# TYPE edgereel_http_request_duration_seconds histogram
# UNIT edgereel_http_request_duration_seconds seconds
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="0.002"} 0
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="0.005"} 0
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="0.01"} 0
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="0.025"} 0
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="0.05"} 0
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="0.1"} 0
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="0.25"} 0
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="0.5"} 0
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="1.0"} 1
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="5.0"} 1
edgereel_http_request_duration_seconds_bucket{route="a\"b\\c\nd",le="+Inf"} 1
edgereel_http_request_duration_seconds_count{route="a\"b\\c\nd"} 1
edgereel_http_request_duration_seconds_sum{route="a\"b\\c\nd"} 0.75
# HELP edgereel_http_requests Responses of the API.
# TYPE edgereel_http_requests counter
edgereel_http_requests_total{method="GET",route="/videos/{video}",status="200"} 1
# HELP edgereel_oldest_job_wait_seconds How long the job has waited that waits longest, 0 if none waits.
# TYPE edgereel_oldest_job_wait_seconds gauge
# UNIT edgereel_oldest_job_wait_seconds seconds
edgereel_oldest_job_wait_seconds 1.5
# HELP edgereel_transcoder_cost_usd One-time cost of videos that became ready, at the configured prices.
# TYPE edgereel_transcoder_cost_usd counter
# UNIT edgereel_transcoder_cost_usd usd
edgereel_transcoder_cost_usd_total{part="compute"} 2
# EOF
"#;
    assert_eq!(text, expected);
}

#[test]
fn the_older_format_names_a_counter_with_total() {
    let text = encode(&some().snapshot(), Format::Plain);
    assert!(text.contains("# TYPE edgereel_http_requests_total counter\n"));
    assert!(
        !text.contains("# UNIT") && !text.contains("# EOF"),
        "{text}"
    );
}

#[test]
fn the_format_follows_the_header() {
    // The first one is that of Prometheus 3, the second one that of `curl`.
    for (accept, format) in [
        (
            Some(
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.4",
            ),
            Format::OpenMetrics,
        ),
        (Some("*/*"), Format::OpenMetrics),
        (None, Format::OpenMetrics),
        (Some("text/plain"), Format::Plain),
        (
            Some("text/plain;version=0.0.4;q=1,*/*;q=0.1"),
            Format::Plain,
        ),
    ] {
        assert_eq!(Format::accepted(accept), format, "{accept:?}");
    }
}

#[test]
fn promtool_accepts_every_metric() {
    let registry = some();
    for program in Program::ALL {
        registry.begin(program);
    }
    registry.count(&ATTEMPTS, ["done"]);
    registry.set(&JOBS, ["ready"], 1.0);
    registry.set(&DATABASE_CONNECTIONS, ["used"], 1.0);
    registry.set(&LAST_SUCCESS, ["sweep"], 1.7e9);
    let text = encode(&registry.snapshot(), Format::Plain);
    let Some(promtool) = testkit::promtool() else {
        return;
    };
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problems}\n{text}");
}
