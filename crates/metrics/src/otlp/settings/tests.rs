//! The variables, as the specification describes them.

use super::*;

fn read(variables: &[(&str, &str)]) -> Settings {
    Settings::read(Program::Api, |name| {
        let found = variables.iter().find(|it| it.0 == name);
        found.map(|it| it.1.to_owned())
    })
}

const ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/");
const METRICS: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";

#[test]
fn without_an_endpoint_nothing_is_exported() {
    for variables in [
        &[][..],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
        &[("OTEL_METRICS_EXPORTER", "otlp")],
        &[ALL, ("OTEL_SDK_DISABLED", "TRUE")],
        &[ALL, ("OTEL_METRICS_EXPORTER", "none")],
    ] {
        let settings = read(variables);
        assert!(settings.otlp.is_none(), "{variables:?}");
        assert!(settings.problems.is_empty(), "{:?}", settings.problems);
    }
}

#[test]
fn the_endpoint_of_metrics_is_used_as_it_is_and_the_other_is_a_base() {
    for (variables, url) in [
        (&[ALL][..], "http://localhost:4318/v1/metrics"),
        (
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otlp.example/a")][..],
            "https://otlp.example/a/v1/metrics",
        ),
        (
            &[ALL, (METRICS, "http://m.example/x")][..],
            "http://m.example/x",
        ),
        (&[(METRICS, "http://m.example")][..], "http://m.example/"),
    ] {
        let otlp = read(variables).otlp.unwrap();
        assert_eq!(otlp.endpoint.as_str(), url);
        assert_eq!((otlp.interval, otlp.timeout), (INTERVAL, TIMEOUT));
    }
}

#[test]
fn headers_are_decoded_and_never_printed() {
    let otlp = read(&[
        ALL,
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20s3cret,x-a=1",
        ),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", " x-a = 2 "),
    ]);
    let otlp = otlp.otlp.unwrap();
    assert_eq!(otlp.headers["authorization"], "Bearer s3cret");
    let last = otlp.headers.get_all("x-a").iter().next_back();
    assert_eq!(last.unwrap(), "2");
    assert_eq!(otlp.headers.get_all("x-a").iter().count(), 1);
    let shown = format!("{otlp:?} {:?}", otlp.headers);
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn values_that_cannot_be_parsed_are_reported_without_them() {
    let settings = read(&[
        ALL,
        ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "s3cret"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "0"),
        ("OTEL_RESOURCE_ATTRIBUTES", "=s3cret"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ]);
    let names = settings
        .problems
        .iter()
        .map(|it| it.split(':').next().unwrap());
    assert_eq!(
        names.collect::<Vec<_>>(),
        [
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_METRIC_EXPORT_INTERVAL",
            "OTEL_METRIC_EXPORT_TIMEOUT",
            "OTEL_RESOURCE_ATTRIBUTES",
        ]
    );
    assert!(!settings.problems.concat().contains("s3cret"));
    let otlp = settings.otlp.unwrap();
    assert_eq!((otlp.interval, otlp.timeout), (INTERVAL, TIMEOUT));

    for variables in [
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"), ("", "")],
        [ALL, ("OTEL_METRICS_EXPORTER", "console")],
    ] {
        let settings = read(&variables);
        assert!(settings.otlp.is_none());
        assert_eq!(settings.problems.len(), 1, "{:?}", settings.problems);
    }
}

#[test]
fn the_service_has_a_name_and_each_process_an_id() {
    let resource = |variables: &[(&str, &str)]| {
        let variables = [&[ALL][..], variables].concat();
        read(&variables).otlp.unwrap().resource
    };
    let value = |resource: &[(String, String)], name: &str| {
        let mut found = resource.iter().filter(|it| it.0 == name);
        let value = found.next().map(|it| it.1.clone());
        assert!(found.next().is_none(), "{name} is there twice");
        value
    };
    let default = resource(&[]);
    let name = value(&default, "service.name");
    assert_eq!(name.as_deref(), Some("edgereel-api"));
    let id = value(&default, "service.instance.id").unwrap();
    assert_ne!(value(&resource(&[]), "service.instance.id").unwrap(), id);

    let attributes = (
        "OTEL_RESOURCE_ATTRIBUTES",
        "service.name=a,service.instance.id=7,deployment.environment.name=eu%2C1",
    );
    let own = resource(&[attributes]);
    assert_eq!(value(&own, "service.name").as_deref(), Some("a"));
    assert_eq!(value(&own, "service.instance.id").as_deref(), Some("7"));
    let place = value(&own, "deployment.environment.name");
    assert_eq!(place.as_deref(), Some("eu,1"));
    let named = resource(&[attributes, ("OTEL_SERVICE_NAME", "b")]);
    assert_eq!(value(&named, "service.name").as_deref(), Some("b"));
}
