//! What a command says: to people, or as one JSON object per line. Logs go elsewhere.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use console::style;
use serde::Serialize;
use serde_json::json;

use crate::api::ApiError;

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Stop {
    /// It failed: exit code 1.
    Failed {
        /// For programs.
        code: String,
        /// For people: the first is the sentence, the others are why.
        error: anyhow::Error,
    },
    /// The answer itself is no, and has been given: exit code 1.
    Answered,
    /// It was asked wrongly: exit code 2.
    Usage(String),
}

impl Stop {
    /// A failure with a code of its own.
    pub fn failed(code: impl Display, error: impl Into<anyhow::Error>) -> Self {
        Self::Failed { code: code.to_string(), error: error.into() }
    }

    /// The exit code that belongs to it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed { .. } | Self::Answered => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        let error = error.into();
        let code = error.downcast_ref::<ApiError>().map_or("failed", ApiError::code).to_owned();
        Self::Failed { code, error }
    }
}

/// Where answers go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// For people, or for programs.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read it.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a progress bar makes sense.
    pub fn has_bars(&self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// A line for people; programs do not get it.
    pub fn line(&self, text: impl Display) {
        if !self.json {
            write_line(&text.to_string());
        }
    }

    /// An object for programs; people do not get it.
    pub fn object(&self, object: &impl Serialize) {
        if self.json {
            // What is serialised here has string keys and no floats that are not finite.
            write_line(&serde_json::to_string(object).unwrap_or_default());
        }
    }

    /// The last words of a command that did not succeed.
    pub fn stopped(&self, stop: &Stop) {
        match stop {
            Stop::Failed { code, error } if self.json => {
                let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
                let mut told = json!({ "code": code, "message": error.to_string() });
                if !causes.is_empty() {
                    told["causes"] = json!(causes);
                }
                self.object(&json!({ "error": told }));
            }
            Stop::Usage(message) if self.json => {
                self.object(&json!({ "error": { "code": "usage", "message": message } }));
            }
            Stop::Failed { error, .. } => {
                let mut text = format!("{} {error}", style("error:").red().bold().for_stderr());
                for cause in error.chain().skip(1) {
                    text += &format!("\n  {} {cause}", style("because:").dim().for_stderr());
                }
                write_error(&text);
            }
            Stop::Usage(message) => write_error(&format!("{} {message}", style("error:").red().bold().for_stderr())),
            Stop::Answered => {}
        }
    }
}

/// A reader that has gone away (`| head`) is no reason to fail.
fn write_line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn write_error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Bytes, in the units that shops and browsers count in.
pub fn bytes(count: u64) -> String {
    for (unit, name) in [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")] {
        if count >= unit {
            return format!("{:.1} {name}", count as f64 / unit as f64);
        }
    }
    format!("{count} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_in_decimal_units() {
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(bytes(64 << 20), "67.1 MB");
        assert_eq!(bytes(5_450_000_000), "5.5 GB");
    }
}
