//! The Lambda programs, with a fake runtime API.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod cases;
mod cold_start;
mod launching;
mod runtime;
mod traces;
