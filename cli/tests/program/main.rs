//! The program as its users run it: another process, its arguments, its exit code, its words.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod dev;
mod process;
mod secrecy;
mod upload;
mod usage;
