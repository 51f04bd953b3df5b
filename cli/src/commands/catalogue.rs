//! How commands show a catalogue: its plan, its progress and its end.

use std::time::Duration;

use console::style;
use domain::estimate::Basis;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::Result;
use crate::catalogue::{Catalogue, Counts, Ended, Engine, Item, ItemState, Notice, Row, Source};
use crate::output::{CommandError, Output, bytes, code_of};
use crate::table::{Table, duration, visible};

/// The words of a kind of sources.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// One source: also the name of its event.
    pub one: &'static str,
    /// Several sources.
    pub many: &'static str,
    /// What the command does with them.
    pub verb: &'static str,
    /// The same, done.
    pub done: &'static str,
}

/// Shows a catalogue to people, or to programs as events.
#[derive(Debug, Clone, Copy)]
pub struct Show<'a> {
    /// The output of the command.
    pub output: &'a Output,
    /// The words for the sources.
    pub words: Words,
}

/// The error of a run that a signal ended.
pub fn interrupted() -> CommandError {
    CommandError::failed(
        "interrupted",
        anyhow::anyhow!(
            "stopped: what is in flight goes on in the installation, and the same command continues"
        ),
    )
}

impl Show<'_> {
    /// Runs over a catalogue to its end, with a progress bar or lines.
    ///
    /// # Errors
    /// Those of the run; `videos-failed`, `budget-reached`, `limit-reached` and `interrupted`.
    pub async fn run<S: Source>(
        self,
        engine: &mut Engine<'_, S>,
        stop: &CancellationToken,
    ) -> Result {
        self.output
            .object(&self.overview(engine.catalogue(), "inventory"));
        self.output.line(self.sentence(engine.catalogue()));
        let bar = self.output.has_bars().then(work_bar);
        if let Some(bar) = &bar {
            bar.set_message(progress(engine.catalogue()));
        }
        let ended = engine
            .run(stop, &mut |notice: Notice<'_>, catalogue: &Catalogue| {
                self.report_notice(&notice, catalogue, bar.as_ref());
            })
            .await;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let catalogue = engine.catalogue();
        self.output.object(&self.overview(catalogue, "ended"));
        let counts = catalogue.counts();
        self.output.line(format!(
            "{}, {} duplicates, {} skipped",
            progress(catalogue),
            counts.duplicates,
            counts.skipped
        ));
        self.result(ended?, counts)
    }

    fn result(self, ended: Ended, counts: Counts) -> Result {
        let Words { many, .. } = self.words;
        match ended {
            Ended::Done if counts.failed > 0 => Err(CommandError::failed(
                "videos-failed",
                anyhow::anyhow!(
                    "{} {many} have no correct video: --report has the reasons",
                    counts.failed
                ),
            )),
            Ended::Done if counts.left > 0 => Err(CommandError::Limit {
                code: "limit-reached",
                message: format!(
                    "{} {many} are left: run the same command again, with another --limit or without",
                    counts.left
                ),
            }),
            Ended::Done => Ok(()),
            Ended::Budget => Err(CommandError::Limit {
                code: "budget-reached",
                message: format!(
                    "the budget does not suffice for the other {} {many}: run the same command with a larger --budget",
                    counts.left
                ),
            }),
            Ended::Interrupted => Err(interrupted()),
        }
    }

    fn report_notice(self, notice: &Notice<'_>, catalogue: &Catalogue, bar: Option<&ProgressBar>) {
        let line = |text: &str| match bar {
            Some(bar) => bar.suspend(|| self.output.line(text)),
            None => self.output.line(text),
        };
        match notice {
            Notice::Changed(item) => {
                let mut event = self.overview(catalogue, self.words.one);
                event[self.words.one] = json!(Row::of(item, item.video));
                self.output.object(&event);
                // With a bar, only what needs attention: there may be thousands of others.
                let needs_attention = matches!(
                    item.state,
                    ItemState::Failed | ItemState::Unavailable | ItemState::Changed
                );
                if needs_attention || (bar.is_none() && !item.state.is_under_way()) {
                    line(&sentence_about(item));
                }
            }
            Notice::Outage(error) => {
                let code = code_of(error).unwrap_or("failed");
                self.output.object(
                    &json!({ "event": "outage", "code": code, "message": error.to_string() }),
                );
                line(&format!("{} {error}: waiting", style("warning:").yellow()));
            }
        }
        if let Some(bar) = bar {
            bar.set_message(progress(catalogue));
        }
    }

    fn overview(self, catalogue: &Catalogue, event: &str) -> Value {
        let counts = catalogue.counts();
        let mut overview = json!({
            "event": event, "done": counts.done, "in_flight": counts.in_flight, "failed": counts.failed,
            "left": counts.left, "duplicates": counts.duplicates, "skipped": counts.skipped,
            "spent_usd": catalogue.budget().spent(),
        });
        if event != self.words.one {
            let left = catalogue.left();
            let measured = match catalogue.budget().basis() {
                Basis::Measured(videos) => Some(videos),
                Basis::Assumed => None,
            };
            overview["left_estimate"] = json!({
                "bytes": left.size, "seconds": left.seconds, "usd": left.usd, "by_receipts_of_videos": measured,
            });
        }
        overview
    }

    fn sentence(self, catalogue: &Catalogue) -> String {
        let Words {
            many, verb, done, ..
        } = self.words;
        let (counts, left) = (catalogue.counts(), catalogue.left());
        let basis = match catalogue.budget().basis() {
            Basis::Measured(videos) => format!("by the receipts of {videos} videos"),
            Basis::Assumed => {
                "by the default prices, 6 Mbit/s of source and the default profile".to_owned()
            }
        };
        let size = match left.size {
            0 => String::new(),
            size => format!("{}, ", bytes(size)),
        };
        let mut text = format!(
            "{} {many} to {verb}: {size}about {} of video\n",
            counts.left,
            duration(left.seconds)
        );
        text += &format!(
            "{} {done} before, {} in flight, {} failed, {} duplicates, {} skipped\n",
            counts.done, counts.in_flight, counts.failed, counts.duplicates, counts.skipped
        );
        text += &format!(
            "Estimated cost: {:.4} USD, {basis}; spent before: {:.4} USD",
            left.usd,
            catalogue.budget().spent()
        );
        text
    }

    /// What would be done, and what not, and why.
    pub fn plan(self, catalogue: &Catalogue) {
        if self.output.is_json() {
            for item in catalogue.items() {
                let mut event = json!({ "event": self.words.one });
                event[self.words.one] = json!(Row::of(item, item.video));
                if let ItemState::Waiting(_) = item.state {
                    let estimate = catalogue.budget().estimate(item);
                    event["estimate"] = json!({ "seconds": estimate.seconds, "usd": estimate.usd });
                }
                if !self.output.object(&event) {
                    return;
                }
            }
            self.output.object(&self.overview(catalogue, "plan"));
            return;
        }
        let name = self.words.one.to_uppercase();
        let mut table = Table::new([name.as_str(), "SIZE", "LENGTH", "USD", "PLAN"]);
        for item in catalogue.items() {
            table.add(self.line_of(catalogue, item));
        }
        self.output.line(table.render());
        self.output.line(self.sentence(catalogue));
    }

    fn line_of(self, catalogue: &Catalogue, item: &Item) -> [String; 5] {
        let is_waiting = matches!(item.state, ItemState::Waiting(_));
        let estimate = is_waiting.then(|| catalogue.budget().estimate(item));
        let plan = match (&item.state, &item.problem) {
            (ItemState::Waiting(_), _) => self.words.verb.to_owned(),
            (ItemState::Duplicate(key), _) => format!("duplicate of {key}"),
            (state, Some(problem)) => format!("{}: {problem}", state.name()),
            (state, None) => state.name().to_owned(),
        };
        let size = match (item.size, &item.asset) {
            (0, Some(_)) => String::new(),
            (size, _) => bytes(size),
        };
        let known = item
            .seconds
            .or_else(|| item.asset.as_ref().and_then(|it| it.seconds));
        [
            item.key.clone(),
            size,
            known
                .map(duration)
                .or_else(|| estimate.map(|it| format!("~{}", duration(it.seconds))))
                .unwrap_or_default(),
            item.usd
                .map(|it| format!("{it:.4}"))
                .or_else(|| estimate.map(|it| format!("~{:.4}", it.usd)))
                .unwrap_or_default(),
            plan,
        ]
    }
}

fn sentence_about(item: &Item) -> String {
    let mut text = format!("{} {}", item.state.name(), visible(&item.key));
    if let Some(video) = item.video {
        text += &format!(" {video}");
    }
    if let Some(problem) = &item.problem {
        text += &format!(": {}", visible(problem));
    }
    if let Some(usd) = item.usd {
        text += &format!(" {usd:.4} USD");
    }
    text
}

fn progress(catalogue: &Catalogue) -> String {
    let counts = catalogue.counts();
    format!(
        "{} done, {} in flight, {} failed, {} left, {:.4} USD spent",
        counts.done,
        counts.in_flight,
        counts.failed,
        counts.left,
        catalogue.budget().spent()
    )
}

fn work_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
    let bar = ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
