//! The metrics of all programs, defined once, and their exporters.
