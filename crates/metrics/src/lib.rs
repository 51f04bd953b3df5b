//! The metrics of all programs, defined once, and their exporters.
//!
//! [`table`] defines every metric: its name, kind, unit, labels and meaning. A [`Registry`] holds the values of one
//! process. It accepts only definitions of the table, with the number of labels that they have, so no metric exists
//! outside it. Three exporters read the same values: [`text`] for Prometheus, [`otlp`] for OpenTelemetry, and [`emf`]
//! for CloudWatch. `docs/metrics.md` lists the table for operators.
//!
//! Labels never contain ids, paths, or anything else that a client chooses: their values come from the table, or from
//! a set that the code bounds, such as route templates. A registry limits the series of a metric all the same.

mod definition;
pub mod emf;
pub mod otlp;
mod process;
mod registry;
mod snapshot;
mod source;
pub mod table;
pub mod text;

pub use definition::{Counter, Definition, Gauge, Histogram, Kind, Label, Program, Unit, Values};
pub use registry::{Registry, SERIES_LIMIT};
pub use snapshot::{Change, Family, Point, Series, Snapshot};
pub use source::Source;
