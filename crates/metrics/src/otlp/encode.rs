//! The message of an export.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::definition::{Definition, Kind, Unit};
use crate::snapshot::{Family, Point, Series, Snapshot};

/// All values, with the attributes of the process. Names are those of Prometheus, so dashboards work with both.
pub(super) fn request(
    snapshot: &Snapshot,
    resource: &[(String, String)],
) -> ExportMetricsServiceRequest {
    let times = Times {
        start: nanos(snapshot.started),
        now: nanos(snapshot.taken),
    };
    let metrics = snapshot.families.iter().map(|it| metric(it, times));
    let scope = InstrumentationScope {
        name: "edgereel".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let attributes = resource.iter().map(|(name, value)| attribute(name, value));
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: attributes.collect(),
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: metrics.collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

#[derive(Clone, Copy)]
struct Times {
    start: u64,
    now: u64,
}

fn metric(family: &Family, times: Times) -> Metric {
    let definition = family.definition;
    let cumulative = AggregationTemporality::Cumulative as i32;
    let numbers = || {
        let points = family.series.iter();
        points.filter_map(|it| number(definition, it, times))
    };
    let data = match definition.kind {
        Kind::Counter => Data::Sum(Sum {
            data_points: numbers().collect(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        Kind::Gauge => Data::Gauge(Gauge {
            data_points: numbers().collect(),
        }),
        Kind::Histogram(bounds) => Data::Histogram(Histogram {
            data_points: family
                .series
                .iter()
                .filter_map(|it| distribution(definition, it, bounds, times))
                .collect(),
            aggregation_temporality: cumulative,
        }),
    };
    Metric {
        name: definition.name.to_owned(),
        description: definition.help.to_owned(),
        unit: unit(definition.unit).to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn number(definition: &Definition, series: &Series, times: Times) -> Option<NumberDataPoint> {
    let Point::Number(value) = series.point else {
        return None;
    };
    Some(NumberDataPoint {
        attributes: attributes(definition, series),
        start_time_unix_nano: match definition.kind {
            Kind::Gauge => 0,
            Kind::Counter | Kind::Histogram(_) => times.start,
        },
        time_unix_nano: times.now,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    })
}

fn distribution(
    definition: &Definition,
    series: &Series,
    bounds: &[f64],
    times: Times,
) -> Option<HistogramDataPoint> {
    let Point::Distribution { buckets, sum } = &series.point else {
        return None;
    };
    Some(HistogramDataPoint {
        attributes: attributes(definition, series),
        start_time_unix_nano: times.start,
        time_unix_nano: times.now,
        count: buckets.iter().sum(),
        sum: Some(*sum),
        bucket_counts: buckets.clone(),
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    })
}

fn attributes(definition: &Definition, series: &Series) -> Vec<KeyValue> {
    let labels = definition.labels.iter().zip(&series.labels);
    labels
        .map(|(label, value)| attribute(label.name, value))
        .collect()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// The unit in UCUM. A count has none, because `1` would be a ratio for Prometheus.
fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
        Unit::Usd => "{USD}",
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
