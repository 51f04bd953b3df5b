//! The program as users run it: its arguments, output and exit codes.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod convert;
mod dev;
mod import;
mod process;
mod redrive;
mod secrecy;
mod upload;
mod usage;
mod videos;
