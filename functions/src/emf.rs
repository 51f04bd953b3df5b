//! The metrics of the functions in CloudWatch: lines of the embedded metric format in the log ([`metrics::emf`]).
//!
//! A function writes them before it answers, because Lambda may freeze the process afterwards.

use std::io::Write as _;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use metrics::Registry;
use metrics::table::{LAUNCH_FAILURES, TRANSCODERS_STARTED};
use platform::launch::LaunchOutcome;

/// Writes what was recorded since the last call.
pub fn flush(registry: &Registry) {
    let function = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let now_ms = platform::clock::now().get();
    for line in metrics::emf::lines(&registry.take_changes(), &function, now_ms) {
        // If standard output is closed, the metric is lost, and the function goes on.
        drop(writeln!(std::io::stdout(), "{line}"));
    }
}

/// Middleware that writes what a request recorded.
pub async fn flush_after(
    State(registry): State<Registry>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    flush(&registry);
    response
}

/// Writes the outcome of a launch of transcoders.
pub fn write_launch(outcome: LaunchOutcome) {
    flush(&launch(outcome));
}

fn launch(outcome: LaunchOutcome) -> Registry {
    let registry = Registry::default();
    registry.add(&TRANSCODERS_STARTED, [], outcome.started.into());
    if outcome.has_failed {
        registry.count(&LAUNCH_FAILURES, []);
    }
    registry
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn lines(outcome: LaunchOutcome) -> Vec<Value> {
        let changes = launch(outcome).take_changes();
        let lines = metrics::emf::lines(&changes, "api", 1_700_000_000_000);
        let parsed = lines.iter().map(|it| serde_json::from_str(it).unwrap());
        parsed.collect()
    }

    #[test]
    fn a_launch_has_the_metrics_of_the_alarm_and_the_dashboard() {
        let outcome = LaunchOutcome {
            started: 2,
            has_failed: true,
        };
        let [line] = &lines(outcome)[..] else {
            panic!("one line has both");
        };
        assert_eq!(
            (&line["TranscodersStarted"], &line["LaunchFailures"]),
            (&json!(2), &json!(1))
        );
        let nothing = LaunchOutcome {
            started: 0,
            has_failed: false,
        };
        // A metric costs money as soon as it has a value.
        assert_eq!(lines(nothing), [] as [Value; 0]);
    }

    /// The alarms and the dashboard of the template name only metrics of the table, without labels.
    #[test]
    fn the_template_names_metrics_of_the_table() {
        let template = include_str!("../../infra/aws/template.yaml");
        let of_dashboard = template.split("[\"Edgereel\", \"").skip(1);
        let of_dashboard = of_dashboard.map(|it| it.split('"').next().unwrap());
        let of_alarms = template.split("Namespace: Edgereel").skip(1);
        let of_alarms = of_alarms.map(|it| {
            let name = it.split("MetricName: ").nth(1).unwrap();
            name.split([',', '\n']).next().unwrap()
        });
        let names: Vec<&str> = of_dashboard.chain(of_alarms).collect();
        assert!(names.len() >= 10, "{names:?}");
        for name in names {
            let found = metrics::table::ALL
                .iter()
                .find(|it| it.cloudwatch == Some(name));
            assert!(found.is_some_and(|it| it.labels.is_empty()), "{name}");
        }
    }
}
