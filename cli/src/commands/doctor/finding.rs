//! The result of a check, and how it is shown.

use console::style;
use serde::Serialize;

use crate::output::Output;

/// The result of a check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) state: State,
    pub(super) found: String,
    /// What to do, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Ok,
    /// It works, but may cause trouble.
    Warning,
    Error,
}

impl Finding {
    pub(super) fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self {
            what,
            state: State::Ok,
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn other(
        what: &'static str,
        state: State,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            what,
            state,
            found: found.into(),
            advice: Some(advice.into()),
        }
    }

    /// Prints it as text.
    pub(super) fn show(&self, output: &Output) {
        let mark = match self.state {
            State::Ok => style("ok     ").green(),
            State::Warning => style("warning").yellow(),
            State::Error => style("error  ").red().bold(),
        };
        output.line(format!("{mark} {:<10} {}", self.what, self.found));
        if let Some(advice) = &self.advice {
            output.line(format!(
                "        {:<10} {} {advice}",
                "",
                style("do:").cyan()
            ));
        }
    }
}
