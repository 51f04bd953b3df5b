//! The properties of a metric, and the instruments that record it.

/// A program that reports metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `edgereel serve`, and `edgereel dev`, which runs the same parts.
    Serve,
    /// `edgereel api`.
    Api,
    /// `edgereel ingest`.
    Ingest,
    /// `edgereel transcoder`, `edgereel-transcoder`.
    Transcoder,
    /// `edgereel edge`.
    Edge,
    /// The Lambda functions.
    Lambda,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 6] = [
        Self::Serve,
        Self::Api,
        Self::Ingest,
        Self::Transcoder,
        Self::Edge,
        Self::Lambda,
    ];

    /// Its name, as in documents and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Api => "api",
            Self::Ingest => "ingest",
            Self::Transcoder => "transcoder",
            Self::Edge => "edge",
            Self::Lambda => "Lambda",
        }
    }
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Seconds. A point in time is in seconds since the Unix epoch.
    Seconds,
    /// Bytes.
    Bytes,
    /// US dollars.
    Usd,
}

impl Unit {
    /// The suffix of the name, which OpenMetrics requires; a count has none.
    pub fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Count => None,
            Self::Seconds => Some("seconds"),
            Self::Bytes => Some("bytes"),
            Self::Usd => Some("usd"),
        }
    }
}

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// The distribution of values, by these ascending upper bounds. Values beyond the last one are in a bucket of their
    /// own.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Its name, as in the text format of Prometheus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// The values that a label may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// These. Any other value is recorded as `other`.
    Listed(&'static [&'static str]),
    /// Values from a bounded set, described here.
    Described(&'static str),
}

/// A label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

/// The properties of a metric.
#[derive(Debug)]
pub struct Definition {
    /// The name: `edgereel_`, the subject, the unit, and `_total` for counters.
    pub name: &'static str,
    /// The kind.
    pub kind: Kind,
    /// The unit.
    pub unit: Unit,
    /// The labels, in the order in which instruments expect their values.
    pub labels: &'static [Label],
    /// The programs that report it.
    pub programs: &'static [Program],
    /// The meaning: one sentence without a full stop.
    pub help: &'static str,
    /// What an operator looks for.
    pub watch: &'static str,
    /// The name in CloudWatch; `None`: the functions do not write it, because each metric costs money there.
    pub cloudwatch: Option<&'static str>,
}

impl Definition {
    /// The name of the family in OpenMetrics, which has no `_total`.
    pub fn family(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }
}

/// Records a counter with `N` labels.
#[derive(Debug)]
pub struct Counter<const N: usize>(pub(crate) Definition);

/// Records a gauge with `N` labels.
#[derive(Debug)]
pub struct Gauge<const N: usize>(pub(crate) Definition);

/// Records a histogram with `N` labels.
#[derive(Debug)]
pub struct Histogram<const N: usize>(pub(crate) Definition);

/// The properties that all kinds have: unit, programs, meaning, and what to look for.
#[derive(Clone, Copy)]
pub(crate) struct About(
    pub(crate) Unit,
    pub(crate) &'static [Program],
    pub(crate) &'static str,
    pub(crate) &'static str,
);

pub(crate) const fn counter<const N: usize>(
    name: &'static str,
    labels: &'static [Label; N],
    about: About,
) -> Counter<N> {
    Counter(definition(name, Kind::Counter, labels, about))
}

pub(crate) const fn gauge<const N: usize>(
    name: &'static str,
    labels: &'static [Label; N],
    about: About,
) -> Gauge<N> {
    Gauge(definition(name, Kind::Gauge, labels, about))
}

pub(crate) const fn histogram<const N: usize>(
    name: &'static str,
    bounds: &'static [f64],
    labels: &'static [Label; N],
    about: About,
) -> Histogram<N> {
    Histogram(definition(name, Kind::Histogram(bounds), labels, about))
}

const fn definition(
    name: &'static str,
    kind: Kind,
    labels: &'static [Label],
    about: About,
) -> Definition {
    let About(unit, programs, help, watch) = about;
    Definition {
        name,
        kind,
        unit,
        labels,
        programs,
        help,
        watch,
        cloudwatch: None,
    }
}

impl Definition {
    const fn named_in_cloudwatch(mut self, name: &'static str) -> Self {
        self.cloudwatch = Some(name);
        self
    }
}

impl<const N: usize> Counter<N> {
    pub(crate) const fn in_cloudwatch(self, name: &'static str) -> Self {
        let Self(definition) = self;
        Self(definition.named_in_cloudwatch(name))
    }
}

impl<const N: usize> Gauge<N> {
    pub(crate) const fn in_cloudwatch(self, name: &'static str) -> Self {
        let Self(definition) = self;
        Self(definition.named_in_cloudwatch(name))
    }
}

impl<const N: usize> Histogram<N> {
    pub(crate) const fn in_cloudwatch(self, name: &'static str) -> Self {
        let Self(definition) = self;
        Self(definition.named_in_cloudwatch(name))
    }
}
