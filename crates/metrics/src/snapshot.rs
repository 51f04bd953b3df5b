//! The values of a process at one moment.

use std::time::SystemTime;

use crate::definition::Definition;

/// The values of a process at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// When counters and histograms began at 0.
    pub started: SystemTime,
    /// When the values were read.
    pub taken: SystemTime,
    /// The metrics that have values, by name.
    pub families: Vec<Family>,
}

/// A metric with its values.
#[derive(Debug)]
pub struct Family {
    /// The metric.
    pub definition: &'static Definition,
    /// Its series, by labels.
    pub series: Vec<Series>,
}

/// The value of a metric for one set of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The values of the labels, in the order of the definition.
    pub labels: Vec<String>,
    /// The value.
    pub point: Point,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Point {
    /// Of a counter or a gauge.
    Number(f64),
    /// Of a histogram.
    Distribution {
        /// The number of values in each bucket; the last one has no upper bound.
        buckets: Vec<u64>,
        /// The sum of all values.
        sum: f64,
    },
}

/// What one series recorded since the changes before it.
#[derive(Debug, Clone)]
pub struct Change {
    /// The metric.
    pub definition: &'static Definition,
    /// The values of the labels, in the order of the definition.
    pub labels: Vec<String>,
    /// Counter: the increase. Gauge: the last value. Histogram: the values.
    pub values: Vec<f64>,
}
