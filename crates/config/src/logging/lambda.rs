//! Log lines of Lambda functions: one flat JSON object, with the field names of Powertools for AWS Lambda, so that the
//! same query finds the lines of functions in other languages.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use platform::clock;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Formats events. The fields of the spans must be formatted as JSON objects.
pub(super) struct LambdaFormat {
    service: String,
    /// Id of the first request: it is the one that waited for the cold start.
    first_request: OnceLock<String>,
}

/// The names that fields of spans have in a line.
const RENAMED: [(&str, &str); 3] = [
    ("requestId", "function_request_id"),
    ("xrayTraceId", "xray_trace_id"),
    ("request_id", "correlation_id"),
];

impl LambdaFormat {
    /// `service`: the name of the service in each line.
    pub(super) fn new(service: String) -> Self {
        Self {
            service,
            first_request: OnceLock::new(),
        }
    }

    /// Whether a line belongs to the start of the function or to its first request.
    fn is_cold(&self, request: Option<&str>) -> bool {
        request.is_none_or(|it| self.first_request.get_or_init(|| it.to_owned()) == it)
    }
}

impl<S, N> FormatEvent<S, N> for LambdaFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        let spans = context.event_scope().into_iter();
        for span in spans.flat_map(tracing_subscriber::registry::Scope::from_root) {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<N>>() else {
                continue;
            };
            // The fields of an inner span replace those of an outer one.
            line.extend(serde_json::from_str::<Map<String, Value>>(fields).unwrap_or_default());
        }
        for (field, name) in RENAMED {
            if let Some(value) = line.remove(field) {
                line.insert(name.to_owned(), value);
            }
        }
        if let Some(Value::String(header)) = line.get_mut("xray_trace_id") {
            *header = root_of(header).to_owned();
        }
        let request = line.get("function_request_id").and_then(Value::as_str);
        let cold_start = self.is_cold(request);
        event.record(&mut Fields(&mut line));
        let metadata = event.metadata();
        let fixed: HashMap<_, Value> = HashMap::from([
            ("timestamp", clock::rfc3339(clock::now()).into()),
            ("level", metadata.level().as_str().into()),
            ("service", self.service.as_str().into()),
            ("cold_start", cold_start.into()),
            ("target", metadata.target().into()),
        ]);
        line.extend(fixed.into_iter().map(|(name, it)| (name.to_owned(), it)));
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// The id of the trace in the header of X-Ray, `Root=1-...;Parent=...;Sampled=1`.
fn root_of(header: &str) -> &str {
    let mut parts = header.split(';');
    parts
        .find_map(|it| it.trim().strip_prefix("Root="))
        .unwrap_or(header)
}

/// Collects the fields of an event.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        let name = field.name();
        // Metadata of events that came by the crate `log`.
        if !name.starts_with("log.") {
            let name = name.strip_prefix("r#").unwrap_or(name);
            self.0.insert(name.to_owned(), value.into());
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::format::JsonFields;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(log: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(LambdaFormat::new("edgereel-api".to_owned()))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect()
    }

    #[test]
    fn lines_have_the_names_of_powertools() {
        let lines = lines_of(|| {
            tracing::warn!(count = 3_u64, "the function starts");
            for number in ["one", "two"] {
                let trace =
                    "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1";
                let _invoke = tracing::info_span!(
                    "Lambda runtime invoke",
                    requestId = number,
                    xrayTraceId = trace
                )
                .entered();
                let _request =
                    tracing::info_span!("request", request_id = "from-client", trace_id = "4bf9")
                        .entered();
                tracing::info!(video.id = %"vid_1", is_new = true, share = 0.5, "a \"quoted\" line");
            }
        });
        let [start, first, second] = &lines[..] else {
            panic!("{lines:?}")
        };
        for (line, expected) in [
            (
                start,
                serde_json::json!({
                    "level": "WARN", "message": "the function starts", "service": "edgereel-api", "cold_start": true, "count": 3
                }),
            ),
            (
                first,
                serde_json::json!({
                    "level": "INFO", "message": "a \"quoted\" line", "service": "edgereel-api", "cold_start": true,
                    "function_request_id": "one", "xray_trace_id": "1-67891233-abcdef012345678912345678",
                    "correlation_id": "from-client", "trace_id": "4bf9", "video.id": "vid_1", "is_new": true, "share": 0.5
                }),
            ),
        ] {
            let mut line = line.as_object().unwrap().clone();
            let at = line.remove("timestamp").unwrap();
            assert!(at.as_str().unwrap().ends_with('Z'), "{at}");
            assert_eq!(line.remove("target").unwrap(), module_path!());
            assert_eq!(Value::Object(line), expected);
        }
        assert_eq!(second["cold_start"], false);
        assert_eq!(second["function_request_id"], "two");
    }

    #[test]
    fn the_root_is_the_id_of_an_x_ray_trace() {
        for (header, root) in [
            ("Root=1-6-a;Parent=b;Sampled=1", "1-6-a"),
            ("Parent=b; Root=1-6-a", "1-6-a"),
            ("1-6-a", "1-6-a"),
            ("", ""),
        ] {
            assert_eq!(root_of(header), root, "{header}");
        }
    }
}
