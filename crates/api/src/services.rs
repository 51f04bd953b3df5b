//! What events and schedules start, on Lambda and in `edgereel api`: the API itself only uses [`ingest`].

pub mod arrivals;
pub mod dead_letter;
pub mod ingest;
pub mod rebuild;
pub mod rewrap;
pub mod sweeper;
