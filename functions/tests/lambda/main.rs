//! The Lambda functions as Lambda runs them: the real programs, fed by a runtime API of our own.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod cases;
mod cold_start;
mod runtime;
