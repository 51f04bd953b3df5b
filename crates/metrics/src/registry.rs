//! The values of one process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::definition::{Counter, Definition, Gauge, Histogram, Kind, Label, Program, Values};
use crate::process;
use crate::snapshot::{Change, Family, Point, Series, Snapshot};
use crate::table::{ALL, OTHER};

/// Series of one metric. Further label values are recorded as `other`.
pub const SERIES_LIMIT: usize = 2_000;
/// Values of one histogram between two flushes. Further ones are missing in CloudWatch.
const KEPT_VALUES: usize = 1_000;

type Reader = Arc<dyn Fn(&Registry) + Send + Sync>;

/// The values of one process. Clones share them.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    started: SystemTime,
    state: Mutex<State>,
    readers: Mutex<Vec<Reader>>,
}

#[derive(Default)]
struct State {
    families: BTreeMap<&'static str, Recorded>,
    /// Whether changes are collected, for exporters that send differences.
    keeps_changes: bool,
}

struct Recorded {
    definition: &'static Definition,
    series: BTreeMap<Vec<String>, Value>,
}

/// The value of a series, and what was recorded since the last flush.
struct Value {
    point: Point,
    flushed: f64,
    kept: Vec<f64>,
    is_set: bool,
}

impl Default for Registry {
    fn default() -> Self {
        Self(Arc::new(Shared {
            started: SystemTime::now(),
            state: Mutex::default(),
            readers: Mutex::default(),
        }))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// Begins the counters and histograms of a program at 0, so that their first increase is visible, and reads the
    /// memory of the process. Series begin later if the table does not list the values of their labels.
    pub fn begin(&self, program: Program) {
        let mut state = self.state();
        for definition in ALL.iter().filter(|it| it.programs.contains(&program)) {
            // A gauge without a value is unknown, not 0.
            if definition.kind == Kind::Gauge {
                continue;
            }
            for labels in combinations(definition) {
                state.value(definition, labels);
            }
        }
        drop(state);
        self.read_with(process::record);
    }

    /// Calls `reader` before each snapshot: it sets gauges whose values are elsewhere.
    pub fn read_with(&self, reader: impl Fn(&Self) + Send + Sync + 'static) {
        lock(&self.0.readers).push(Arc::new(reader));
    }

    /// Adds to a counter. Amounts that are negative or not finite are ignored.
    pub fn add<const N: usize>(&self, to: &'static Counter<N>, labels: [&str; N], amount: f64) {
        if !amount.is_finite() || amount < 0.0 {
            return;
        }
        let mut state = self.state();
        if let Point::Number(number) = &mut state.labelled(&to.0, &labels).point {
            *number += amount;
        }
    }

    /// Adds 1 to a counter.
    pub fn count<const N: usize>(&self, to: &'static Counter<N>, labels: [&str; N]) {
        self.add(to, labels, 1.0);
    }

    /// Sets a gauge.
    pub fn set<const N: usize>(&self, gauge: &'static Gauge<N>, labels: [&str; N], value: f64) {
        self.change(gauge, labels, |_| value);
    }

    /// Changes a gauge by an amount; it begins at 0.
    pub fn shift<const N: usize>(&self, gauge: &'static Gauge<N>, labels: [&str; N], by: f64) {
        self.change(gauge, labels, |it| it + by);
    }

    fn change<const N: usize>(
        &self,
        gauge: &'static Gauge<N>,
        labels: [&str; N],
        next: impl FnOnce(f64) -> f64,
    ) {
        let mut state = self.state();
        let value = state.labelled(&gauge.0, &labels);
        if let Point::Number(number) = &mut value.point {
            *number = next(*number);
            value.is_set = true;
        }
    }

    /// Records a value in a histogram. Values that are not finite are ignored.
    pub fn observe<const N: usize>(
        &self,
        histogram: &'static Histogram<N>,
        labels: [&str; N],
        value: f64,
    ) {
        let Kind::Histogram(bounds) = histogram.0.kind else {
            return;
        };
        if !value.is_finite() {
            return;
        }
        let mut state = self.state();
        let keeps = state.keeps_changes;
        let recorded = state.labelled(&histogram.0, &labels);
        if let Point::Distribution { buckets, sum } = &mut recorded.point {
            // A value that equals an upper bound is inside: `le`.
            let bucket = bounds.partition_point(|bound| *bound < value);
            if let Some(number) = buckets.get_mut(bucket) {
                *number += 1;
            }
            *sum += value;
        }
        if keeps && recorded.kept.len() < KEPT_VALUES {
            recorded.kept.push(value);
        }
    }

    /// Records a duration in seconds.
    pub fn time<const N: usize>(
        &self,
        histogram: &'static Histogram<N>,
        labels: [&str; N],
        took: Duration,
    ) {
        self.observe(histogram, labels, took.as_secs_f64());
    }

    /// All values now.
    pub fn snapshot(&self) -> Snapshot {
        // Readers set gauges, so they are called without the lock.
        let readers = lock(&self.0.readers).clone();
        for reader in readers {
            reader(self);
        }
        let state = self.state();
        let families = state.families.values().map(|family| Family {
            definition: family.definition,
            series: family
                .series
                .iter()
                .map(|(labels, value)| Series {
                    labels: labels.clone(),
                    point: value.point.clone(),
                })
                .collect(),
        });
        Snapshot {
            started: self.0.started,
            taken: SystemTime::now(),
            families: families.collect(),
        }
    }

    /// From now on, keeps what [`Registry::take_changes`] returns: the values of histograms.
    pub fn keep_changes(&self) {
        self.state().keeps_changes = true;
    }

    /// What was recorded since the last call: increases, gauges that were set, and values of histograms.
    pub fn take_changes(&self) -> Vec<Change> {
        let mut state = self.state();
        let mut changes = vec![];
        for family in state.families.values_mut() {
            for (labels, value) in &mut family.series {
                let values = value.take(family.definition.kind);
                if !values.is_empty() {
                    changes.push(Change {
                        definition: family.definition,
                        labels: labels.clone(),
                        values,
                    });
                }
            }
        }
        changes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

impl State {
    /// The value of a series. Label values outside the table become `other`, as do those beyond the limit.
    fn labelled(&mut self, definition: &'static Definition, labels: &[&str]) -> &mut Value {
        let listed = definition.labels.iter().zip(labels);
        let known = |(label, value): (&Label, &&str)| match label.values {
            Values::Listed(values) if !values.contains(value) => OTHER.to_owned(),
            Values::Listed(_) | Values::Described(_) => (*value).to_owned(),
        };
        let labels: Vec<String> = listed.map(known).collect();
        let is_full = self
            .families
            .get(definition.name)
            .is_some_and(|it| it.series.len() >= SERIES_LIMIT && !it.series.contains_key(&labels));
        let labels = match is_full {
            true => vec![OTHER.to_owned(); labels.len()],
            false => labels,
        };
        self.value(definition, labels)
    }

    fn value(&mut self, definition: &'static Definition, labels: Vec<String>) -> &mut Value {
        let family = self
            .families
            .entry(definition.name)
            .or_insert_with(|| Recorded {
                definition,
                series: BTreeMap::new(),
            });
        family
            .series
            .entry(labels)
            .or_insert_with(|| Value::new(definition.kind))
    }
}

impl Value {
    fn new(kind: Kind) -> Self {
        let point = match kind {
            Kind::Counter | Kind::Gauge => Point::Number(0.0),
            Kind::Histogram(bounds) => Point::Distribution {
                buckets: vec![0; bounds.len() + 1],
                sum: 0.0,
            },
        };
        Self {
            point,
            flushed: 0.0,
            kept: vec![],
            is_set: false,
        }
    }

    fn take(&mut self, kind: Kind) -> Vec<f64> {
        let is_set = std::mem::take(&mut self.is_set);
        match (&self.point, kind) {
            (Point::Number(number), Kind::Counter) => {
                let increase = number - std::mem::replace(&mut self.flushed, *number);
                Some(increase).filter(|it| *it > 0.0).into_iter().collect()
            }
            (Point::Number(number), Kind::Gauge | Kind::Histogram(_)) => {
                Some(*number).filter(|_| is_set).into_iter().collect()
            }
            (Point::Distribution { .. }, _) => std::mem::take(&mut self.kept),
        }
    }
}

/// All label values of a metric whose labels are listed; nothing for others.
fn combinations(definition: &'static Definition) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = vec![vec![]];
    for label in definition.labels {
        let Values::Listed(values) = label.values else {
            return vec![];
        };
        let mut longer = vec![];
        for before in &found {
            for value in values {
                longer.push([&before[..], &[(*value).to_owned()]].concat());
            }
        }
        found = longer;
    }
    found
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
