//! The names that exported spans and their attributes have, and the fields that are exported at all.
//!
//! The fields of our spans have the names that logs have. Collectors expect those of OpenTelemetry's semantic
//! conventions, where there are some (HTTP spans, `error.type`); the others begin with `edgereel.`. A field that the
//! table below does not list stays here. So a field that is added for logs cannot reach a collector by accident.

use std::borrow::Cow;

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// Longest value of an attribute: ids, templates of routes, and words of ours are shorter.
const LONGEST_VALUE: usize = 80;

/// Methods that the convention has (RFC 9110 and RFC 5789); clients can send any word.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];
/// Routes that monitors ask all the time.
const NOT_TRACED: [&str; 3] = ["/healthz", "/metrics", "/readyz"];

/// The form of an attribute.
#[derive(Clone, Copy)]
enum Form {
    Word,
    Number,
}
use Form::{Number, Word};

/// How spans of a name are exported.
struct Convention {
    /// The name in the program.
    span: &'static str,
    kind: SpanKind,
    /// Each field and its attribute.
    fields: &'static [(&'static str, &'static str, Form)],
    /// The name in the collector, in which no id occurs.
    name: fn(&Fields) -> String,
}

const CONVENTIONS: [Convention; 7] = [
    Convention {
        span: "request",
        kind: SpanKind::Server,
        fields: &[
            ("method", "http.request.method", Word),
            ("route", "http.route", Word),
            ("status", "http.response.status_code", Number),
        ],
        name: |fields| match fields.word("route").as_deref() {
            None | Some("none") => fields.method(),
            Some(route) => format!("{} {route}", fields.method()),
        },
    },
    Convention {
        span: "job",
        kind: SpanKind::Consumer,
        fields: &[
            ("job.kind", "edgereel.job.kind", Word),
            ("job.id", "edgereel.job.id", Word),
            ("video.id", "edgereel.video.id", Word),
            ("attempt", "edgereel.job.attempt", Number),
            ("failure", "error.type", Word),
        ],
        name: |fields| format!("job {}", fields.word("job.kind").unwrap_or_default()),
    },
    Convention {
        span: "stage",
        kind: SpanKind::Internal,
        fields: &[("stage", "edgereel.stage", Word)],
        name: |fields| fields.word("stage").unwrap_or_default(),
    },
    Convention {
        span: "lane",
        kind: SpanKind::Internal,
        fields: &[
            ("lane", "edgereel.lane", Word),
            ("first_chunk", "edgereel.chunk.first", Number),
        ],
        name: |fields| format!("lane {}", fields.word("lane").unwrap_or_default()),
    },
    Convention {
        span: "chunk",
        kind: SpanKind::Internal,
        fields: &[
            ("lane", "edgereel.lane", Word),
            ("chunk", "edgereel.chunk", Number),
        ],
        name: |_| "chunk".to_owned(),
    },
    Convention {
        span: "delivery",
        kind: SpanKind::Client,
        fields: &[
            ("event.kind", "edgereel.event.type", Word),
            ("event.id", "edgereel.event.id", Word),
            ("webhook.id", "edgereel.webhook.id", Word),
            ("attempt", "edgereel.webhook.attempt", Number),
            ("status", "http.response.status_code", Number),
            ("failure", "error.type", Word),
        ],
        name: |fields| format!("webhook {}", fields.word("event.kind").unwrap_or_default()),
    },
    Convention {
        span: "bucket event",
        kind: SpanKind::Consumer,
        fields: &[
            ("video.id", "edgereel.video.id", Word),
            ("outcome", "edgereel.event.outcome", Word),
        ],
        name: |_| "bucket event".to_owned(),
    },
];

/// Converts a span for the collector. `None`: it is not exported.
pub(crate) fn convert(mut span: SpanData) -> Option<SpanData> {
    let fields = Fields(std::mem::take(&mut span.attributes));
    // Log lines are not exported, and nothing else makes events.
    span.events = opentelemetry_sdk::trace::SpanEvents::default();
    let Some(convention) = CONVENTIONS.iter().find(|it| it.span == span.name) else {
        return Some(span);
    };
    if fields
        .word("route")
        .is_some_and(|it| NOT_TRACED.contains(&it.as_str()))
    {
        return None;
    }
    span.attributes = fields.exported(convention.fields);
    span.name = Cow::Owned((convention.name)(&fields));
    span.span_kind = convention.kind.clone();
    let error = fields.error(&convention.kind);
    span.status = error.as_ref().map_or(Status::Unset, |_| Status::error(""));
    if let Some(status) = error.filter(|_| fields.word("failure").is_none()) {
        span.attributes.push(KeyValue::new("error.type", status));
    }
    if convention.span == "delivery" {
        span.attributes
            .push(KeyValue::new("http.request.method", "POST"));
    }
    Some(span)
}

/// The fields of a span.
struct Fields(Vec<KeyValue>);

impl Fields {
    fn value(&self, field: &str) -> Option<&Value> {
        let found = self.0.iter().rev().find(|it| it.key.as_str() == field);
        found.map(|it| &it.value)
    }

    fn word(&self, field: &str) -> Option<String> {
        let value = self.value(field)?.as_str().into_owned();
        (value.len() <= LONGEST_VALUE).then_some(value)
    }

    fn number(&self, field: &str) -> Option<i64> {
        match self.value(field)? {
            Value::I64(number) => Some(*number),
            // The layer keeps unsigned numbers as texts.
            other => other.as_str().parse().ok(),
        }
    }

    /// The method as the convention names it (HTTP spans, `http.request.method`).
    fn method(&self) -> String {
        let method = self.word("method").unwrap_or_default();
        let is_known = METHODS.contains(&method.as_str());
        if is_known { method } else { "HTTP".to_owned() }
    }

    /// The kind of failure, if the operation failed: servers are at fault from status 500 on, and a client has failed
    /// with any error status (HTTP spans, status).
    fn error(&self, kind: &SpanKind) -> Option<String> {
        let first_error = match kind {
            SpanKind::Server => 500,
            SpanKind::Client | SpanKind::Consumer | SpanKind::Producer | SpanKind::Internal => 400,
        };
        let status = self.number("status").filter(|it| *it >= first_error);
        self.word("failure").or(status.map(|it| it.to_string()))
    }

    fn exported(&self, fields: &[(&'static str, &'static str, Form)]) -> Vec<KeyValue> {
        let one = |(field, attribute, form): &(&'static str, &'static str, Form)| {
            let value = match (form, *field) {
                (Number, _) => Value::I64(self.number(field)?),
                (Word, "method") if self.method() == "HTTP" => Value::from("_OTHER"),
                (Word, "route") if self.word(field)? == "none" => return None,
                (Word, _) => Value::from(self.word(field)?),
            };
            Some(KeyValue::new(*attribute, value))
        };
        fields.iter().filter_map(one).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::SystemTime;

    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    /// A span with these fields.
    pub(crate) fn span(name: &'static str, fields: &[(&'static str, &str)]) -> SpanData {
        let field =
            |(name, value): &(&'static str, &str)| KeyValue::new(*name, (*value).to_owned());
        SpanData {
            span_context: SpanContext::NONE,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: SystemTime::UNIX_EPOCH,
            end_time: SystemTime::UNIX_EPOCH,
            attributes: fields.iter().map(field).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    /// Name, kind, whether it failed, and the attributes as text.
    fn exported(
        name: &'static str,
        fields: &[(&'static str, &str)],
    ) -> (String, SpanKind, bool, String) {
        let span = convert(span(name, fields)).unwrap();
        let failed = matches!(span.status, Status::Error { .. });
        let attributes: Vec<_> = span
            .attributes
            .iter()
            .map(|it| format!("{}={:?}", it.key, it.value.as_str()))
            .collect();
        (
            span.name.into_owned(),
            span.span_kind,
            failed,
            attributes.join(" "),
        )
    }

    #[test]
    fn spans_have_the_names_of_the_conventions() {
        let route = "/v1/videos/{id}";
        for (name, fields, expected) in [
            (
                "request",
                &[("method", "GET"), ("route", route), ("status", "404")][..],
                (
                    "GET /v1/videos/{id}",
                    SpanKind::Server,
                    false,
                    r#"http.request.method="GET" http.route="/v1/videos/{id}" http.response.status_code="404""#,
                ),
            ),
            (
                "request",
                &[("method", "SECRET"), ("route", "none"), ("status", "500")],
                (
                    "HTTP",
                    SpanKind::Server,
                    true,
                    r#"http.request.method="_OTHER" http.response.status_code="500" error.type="500""#,
                ),
            ),
            (
                "job",
                &[
                    ("job.kind", "transcode"),
                    ("attempt", "2"),
                    ("failure", "internal"),
                ],
                (
                    "job transcode",
                    SpanKind::Consumer,
                    true,
                    r#"edgereel.job.kind="transcode" edgereel.job.attempt="2" error.type="internal""#,
                ),
            ),
            (
                "stage",
                &[("stage", "verify")],
                (
                    "verify",
                    SpanKind::Internal,
                    false,
                    r#"edgereel.stage="verify""#,
                ),
            ),
            (
                "chunk",
                &[("lane", "encode"), ("chunk", "3")],
                (
                    "chunk",
                    SpanKind::Internal,
                    false,
                    r#"edgereel.lane="encode" edgereel.chunk="3""#,
                ),
            ),
            (
                "delivery",
                &[("event.kind", "video.ready"), ("status", "410")],
                (
                    "webhook video.ready",
                    SpanKind::Client,
                    true,
                    r#"edgereel.event.type="video.ready" http.response.status_code="410" error.type="410" http.request.method="POST""#,
                ),
            ),
            (
                "bucket event",
                &[("outcome", "queued")],
                (
                    "bucket event",
                    SpanKind::Consumer,
                    false,
                    r#"edgereel.event.outcome="queued""#,
                ),
            ),
        ] {
            let (name, kind, failed, attributes) = exported(name, fields);
            assert_eq!((name.as_str(), kind, failed, attributes.as_str()), expected);
        }
    }

    #[test]
    fn fields_for_logs_stay_here() {
        let secrets = [
            ("caller", "someone@example.com"),
            ("request_id", "er_secret"),
            ("key", "uploads/vid/Private film.mp4"),
            ("url", "https://example.com/?X-Amz-Signature=secret"),
            ("title", "Private film"),
        ];
        for name in [
            "request",
            "job",
            "stage",
            "lane",
            "chunk",
            "delivery",
            "bucket event",
            "other",
        ] {
            let (_, _, _, attributes) = exported(name, &secrets);
            assert!(
                !attributes.contains("secret") && !attributes.contains("rivate"),
                "{attributes}"
            );
            assert!(!attributes.contains('@'), "{attributes}");
        }
        let long = "x".repeat(LONGEST_VALUE + 1);
        assert_eq!(exported("stage", &[("stage", &long)]).3, "");
    }

    #[test]
    fn monitors_are_not_traced() {
        for (route, is_exported) in [
            ("/healthz", false),
            ("/metrics", false),
            ("/v1/videos", true),
        ] {
            let span = span("request", &[("method", "GET"), ("route", route)]);
            assert_eq!(convert(span).is_some(), is_exported, "{route}");
        }
    }
}
