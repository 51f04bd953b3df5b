//! The variables of OpenTelemetry that decide whether traces are exported. The SDK reads the others itself.

use std::time::Duration;

/// Default limit of one export (OpenTelemetry Protocol Exporter, `OTEL_EXPORTER_OTLP_TIMEOUT`).
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a variable.
type Read = dyn Fn(&str) -> Option<String>;

/// The variables of a process.
pub(crate) struct Variables {
    read: Box<Read>,
}

/// Whether traces are exported.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Off,
    /// They are not, and this is wrong.
    Invalid(String),
    On {
        /// Limit of one export.
        timeout: Duration,
    },
}

impl Variables {
    pub(crate) fn of_process() -> Self {
        Self {
            read: Box::new(|name| std::env::var(name).ok()),
        }
    }

    /// Traces are exported if an endpoint is named, and neither the SDK nor the exporter is turned off.
    pub(crate) fn choice(&self) -> Choice {
        let is_disabled = self
            .value("OTEL_SDK_DISABLED")
            .is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let has_endpoint = self.of_signal("ENDPOINT").is_some();
        if is_disabled || !has_endpoint {
            return Choice::Off;
        }
        let exporters = self.value("OTEL_TRACES_EXPORTER");
        let exporters = exporters.as_deref().unwrap_or("otlp");
        let mut exporters = exporters.split(',').map(str::trim);
        if exporters.clone().any(|it| it == "otlp") {
            return Choice::On {
                timeout: self.timeout(),
            };
        }
        match exporters.find(|it| *it != "none") {
            None => Choice::Off,
            Some(_) => Choice::Invalid(
                "traces are off: OTEL_TRACES_EXPORTER must be `otlp` or `none`".to_owned(),
            ),
        }
    }

    /// A setting that has no effect.
    pub(crate) fn ignored(&self) -> Option<String> {
        let protocol = self.of_signal("PROTOCOL")?;
        (protocol != "http/protobuf").then(|| {
            "traces are sent as http/protobuf, whatever OTEL_EXPORTER_OTLP_PROTOCOL says: the endpoint must be that of \
             OTLP over HTTP, usually at port 4318"
                .to_owned()
        })
    }

    /// Whether the variables give a value to an attribute of the resource.
    pub(crate) fn names(&self, attribute: &str) -> bool {
        let of_list = |list: String| {
            let mut keys = list.split(',').filter_map(|it| it.split_once('='));
            keys.any(|(key, _)| key.trim() == attribute)
        };
        let is_name = attribute == "service.name" && self.value("OTEL_SERVICE_NAME").is_some();
        is_name || self.value("OTEL_RESOURCE_ATTRIBUTES").is_some_and(of_list)
    }

    fn timeout(&self) -> Duration {
        self.of_signal("TIMEOUT")
            .and_then(|it| it.parse().ok())
            .map_or(TIMEOUT, Duration::from_millis)
    }

    /// A variable of the exporter: that of traces, or the one of all signals.
    fn of_signal(&self, name: &str) -> Option<String> {
        self.value(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
            .or_else(|| self.value(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    /// A variable that is empty counts as not set, as the specification says.
    fn value(&self, name: &str) -> Option<String> {
        let value = (self.read)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &[(&'static str, &'static str)]) -> Variables {
        let set = set.to_vec();
        Variables {
            read: Box::new(move |name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            }),
        }
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

    #[test]
    fn an_endpoint_turns_traces_on() {
        let of_traces = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://127.0.0.1/v1/traces",
        );
        let on = |ms| Choice::On {
            timeout: Duration::from_millis(ms),
        };
        for (set, expected) in [
            (vec![], Choice::Off),
            (vec![("OTEL_TRACES_EXPORTER", "otlp")], Choice::Off),
            (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], Choice::Off),
            (vec![ENDPOINT], on(10_000)),
            (vec![of_traces], on(10_000)),
            (vec![ENDPOINT, ("OTEL_TRACES_EXPORTER", "")], on(10_000)),
            (
                vec![ENDPOINT, ("OTEL_TRACES_EXPORTER", "otlp,console")],
                on(10_000),
            ),
            (
                vec![ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")],
                Choice::Off,
            ),
            (vec![ENDPOINT, ("OTEL_SDK_DISABLED", "True")], Choice::Off),
            (vec![ENDPOINT, ("OTEL_SDK_DISABLED", "no")], on(10_000)),
            (
                vec![
                    ENDPOINT,
                    ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
                    ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "700"),
                ],
                on(700),
            ),
            (
                vec![ENDPOINT, ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")],
                on(10_000),
            ),
        ] {
            assert_eq!(variables(&set).choice(), expected, "{set:?}");
        }
        let console = variables(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "console")]).choice();
        assert!(matches!(console, Choice::Invalid(_)), "{console:?}");
    }

    #[test]
    fn another_protocol_is_reported() {
        for (protocol, is_reported) in [("http/protobuf", false), ("", false), ("grpc", true)] {
            let set = variables(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)]);
            assert_eq!(set.ignored().is_some(), is_reported, "{protocol}");
        }
    }

    #[test]
    fn the_variables_may_name_the_service() {
        let list = ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name = films");
        for (set, name, version) in [
            (vec![], false, false),
            (vec![("OTEL_SERVICE_NAME", "films")], true, false),
            (vec![list], true, false),
            (
                vec![("OTEL_RESOURCE_ATTRIBUTES", "service.version=7")],
                false,
                true,
            ),
        ] {
            let found = variables(&set);
            assert_eq!(
                (found.names("service.name"), found.names("service.version")),
                (name, version),
                "{set:?}"
            );
        }
    }
}
