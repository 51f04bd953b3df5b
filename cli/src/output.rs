//! The output of commands: text, or one JSON object per line. Logs are separate.

use std::fmt::Display;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use config::ProfileError;
use console::style;
use health::PortError;
use serde::Serialize;
use serde_json::json;
use transcoder::service::StartError;
use transcoder::setup::SetupError;

use crate::api::ApiError;
use crate::import::ServiceError;

/// Why a command failed.
#[derive(Debug)]
pub enum CommandError {
    /// Failure: exit code 1.
    Failed {
        /// Machine-readable code.
        code: String,
        /// The message and its causes.
        error: anyhow::Error,
    },
    /// Failure that was already reported: exit code 1.
    Reported,
    /// Usage error: exit code 2.
    Usage(String),
    /// A limit that the caller set ended the command before its work was done: exit code 3.
    Limit {
        /// Machine-readable code.
        code: &'static str,
        /// What was not done, and what to do.
        message: String,
    },
}

impl CommandError {
    /// A failure with a code.
    pub fn failed(code: impl Display, error: impl Into<anyhow::Error>) -> Self {
        Self::Failed {
            code: code.to_string(),
            error: error.into(),
        }
    }

    /// The exit code of this error.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed { .. } | Self::Reported => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
            Self::Limit { .. } => ExitCode::from(3),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        let error = error.into();
        let code = code_of(&error).unwrap_or("failed").to_owned();
        Self::Failed { code, error }
    }
}

/// The machine-readable code of an error that has one.
pub(crate) fn code_of(error: &anyhow::Error) -> Option<&str> {
    let of_setup = || error.downcast_ref::<SetupError>().map(SetupError::code);
    let of_start = || match error.downcast_ref::<StartError>()? {
        StartError::Setup(error) => Some(error.code()),
        StartError::Port(_) => Some("port-in-use"),
        StartError::Queue(_) | StartError::Connect(_) | StartError::Release(_) => None,
    };
    let of_profile = || error.downcast_ref::<ProfileError>().map(ProfileError::code);
    error
        .downcast_ref::<ApiError>()
        .map(ApiError::code)
        .or_else(|| error.downcast_ref::<ServiceError>().map(ServiceError::code))
        .or_else(of_setup)
        .or_else(of_start)
        .or_else(of_profile)
        .or_else(|| error.is::<PortError>().then_some("port-in-use"))
}

/// The output of a command.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Text, or JSON.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether the output is JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether to show progress bars.
    pub fn has_bars(&self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// Prints a line of text; nothing with JSON output.
    pub fn line(&self, text: impl Display) {
        if !self.json {
            write_line(&text.to_string());
        }
    }

    /// Prints a JSON object; nothing with text output. Returns whether anybody reads the output.
    pub fn object(&self, object: &impl Serialize) -> bool {
        // Serialisation cannot fail: all keys are strings, and all floats are finite.
        !self.json || write_line(&serde_json::to_string(object).unwrap_or_default())
    }

    /// Prints the error of a command.
    pub fn print_error(&self, error: &CommandError) {
        match error {
            CommandError::Failed { code, error } if self.json => {
                let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
                let mut document = json!({ "code": code, "message": error.to_string() });
                if !causes.is_empty() {
                    document["causes"] = json!(causes);
                }
                self.object(&json!({ "error": document }));
            }
            CommandError::Usage(message) if self.json => {
                self.object(&json!({ "error": { "code": "usage", "message": message } }));
            }
            CommandError::Failed { error, .. } => {
                let mut text = format!("{} {error}", style("error:").red().bold().for_stderr());
                for cause in error.chain().skip(1) {
                    text += &format!("\n  {} {cause}", style("because:").dim().for_stderr());
                }
                write_error(&text);
            }
            CommandError::Limit { code, message } if self.json => {
                self.object(&json!({ "error": { "code": code, "message": message } }));
            }
            CommandError::Usage(message) | CommandError::Limit { message, .. } => write_error(
                &format!("{} {message}", style("error:").red().bold().for_stderr()),
            ),
            CommandError::Reported => {}
        }
    }
}

/// Asks on the terminal.
///
/// # Errors
/// `not-confirmed` with the text `otherwise`, unless the answer is `y` or `yes`.
pub fn confirm(question: &str, otherwise: &'static str) -> crate::Result {
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "{question} [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CommandError::failed(
            "not-confirmed",
            anyhow::anyhow!(otherwise),
        )),
    }
}

/// Writes a line. A closed pipe (`| head`) is not an error: it returns false.
fn write_line(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
}

fn write_error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Formats bytes in decimal units.
pub fn bytes(count: u64) -> String {
    for (unit, name) in [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ] {
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
