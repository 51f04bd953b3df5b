//! `edgereel convert`.

use std::time::Duration;

use console::style;
use domain::estimate::Basis;
use domain::job::Mode;
use indicatif::{ProgressBar, ProgressStyle};
use platform::signals::stop_on_signals;
use serde_json::{Value, json};

use crate::Result;
use crate::api::Api;
use crate::args::{ConvertArgs, ExternalIdArg};
use crate::convert::{
    ConvertOptions, Counts, Ended, Engine, Item, ItemState, Notice, Report, Row, Selection, take,
};
use crate::output::{CommandError, Output, bytes};
use crate::table::{Table, duration, visible};

/// Converts objects of the private bucket, or shows what would be converted.
pub async fn run(args: ConvertArgs, output: &Output) -> Result {
    let selection = Selection::new(
        &args.include,
        &args.exclude,
        args.newer_than,
        args.larger_than,
    );
    let selection = selection.map_err(|it| CommandError::Usage(format!("{it:#}")))?;
    let report = args.report.as_deref().map(Report::at).transpose();
    let report = report.map_err(CommandError::Usage)?;
    let options = ConvertOptions {
        profile: args.profile,
        mode: args.mode.map(Mode::from),
        owner: args.owner,
        keys_are_external_ids: args.external_id == ExternalIdArg::Key,
        rate: args.rate.into(),
    };
    let api = Api::of(&args.api)?;
    let stop = stop_on_signals()?;
    let inventory = tokio::select! {
        inventory = take(&api, args.prefix, &selection, &options) => inventory?,
        () = stop.cancelled() => return Err(interrupted()),
    };
    let mut engine = Engine::new(&api, options, inventory, args.budget, report);
    if args.dry_run {
        show_plan(&engine, output);
        return engine.end_dry_run();
    }
    output.object(&overview(&engine, "inventory"));
    output.line(sentence(&engine));
    let bar = output.has_bars().then(work_bar);
    if let Some(bar) = &bar {
        bar.set_message(progress(engine.counts(), engine.budget().spent()));
    }
    let ended = engine
        .run(&stop, &mut |notice: Notice<'_>, engine: &Engine<'_>| {
            report_notice(&notice, engine, output, bar.as_ref());
        })
        .await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    output.object(&overview(&engine, "ended"));
    let counts = engine.counts();
    output.line(format!(
        "{}, {} duplicates, {} skipped",
        progress(counts, engine.budget().spent()),
        counts.duplicates,
        counts.skipped
    ));
    match ended? {
        Ended::Done if counts.failed == 0 => Ok(()),
        Ended::Done => Err(CommandError::failed(
            "videos-failed",
            anyhow::anyhow!(
                "{} objects have no correct video: --report has the reasons",
                counts.failed
            ),
        )),
        Ended::Budget => Err(CommandError::Limit {
            code: "budget-reached",
            message: format!(
                "the budget does not suffice for the other {} objects: run the same command with a larger --budget",
                counts.left
            ),
        }),
        Ended::Interrupted => Err(interrupted()),
    }
}

fn interrupted() -> CommandError {
    CommandError::failed(
        "interrupted",
        anyhow::anyhow!(
            "stopped: what is in flight goes on in the installation, and the same command continues"
        ),
    )
}

fn report_notice(
    notice: &Notice<'_>,
    engine: &Engine<'_>,
    output: &Output,
    bar: Option<&ProgressBar>,
) {
    let line = |text: &str| match bar {
        Some(bar) => bar.suspend(|| output.line(text)),
        None => output.line(text),
    };
    match notice {
        Notice::Changed(item) => {
            let mut event = overview(engine, "object");
            event["object"] = json!(Row::of(item, item.video));
            output.object(&event);
            // With a bar, only what needs attention: there may be thousands of others.
            let needs_attention = matches!(item.state, ItemState::Failed | ItemState::Changed);
            if needs_attention || (bar.is_none() && item.state != ItemState::InFlight) {
                line(&sentence_about(item));
            }
        }
        Notice::Outage(error) => {
            output.object(
                &json!({ "event": "outage", "code": error.code(), "message": error.to_string() }),
            );
            line(&format!("{} {error}: waiting", style("warning:").yellow()));
        }
    }
    if let Some(bar) = bar {
        bar.set_message(progress(engine.counts(), engine.budget().spent()));
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

fn progress(counts: Counts, spent: f64) -> String {
    format!(
        "{} done, {} in flight, {} failed, {} left, {spent:.4} USD spent",
        counts.done, counts.in_flight, counts.failed, counts.left
    )
}

fn work_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
    let bar = ProgressBar::new_spinner()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Totals of what is left to convert.
fn left(engine: &Engine<'_>) -> (u64, f64, f64) {
    let waiting = engine
        .items()
        .iter()
        .filter(|it| matches!(it.state, ItemState::Waiting(_) | ItemState::NotStarted(_)));
    waiting.fold((0, 0.0, 0.0), |(size, seconds, usd), item| {
        let estimate = engine.budget().estimate(item.size);
        (
            size + item.size,
            seconds + estimate.seconds,
            usd + estimate.usd,
        )
    })
}

fn overview(engine: &Engine<'_>, event: &str) -> Value {
    let counts = engine.counts();
    let mut overview = json!({
        "event": event, "done": counts.done, "in_flight": counts.in_flight, "failed": counts.failed,
        "left": counts.left, "duplicates": counts.duplicates, "skipped": counts.skipped,
        "spent_usd": engine.budget().spent(),
    });
    if event != "object" {
        let (size, seconds, usd) = left(engine);
        let measured = match engine.budget().basis() {
            Basis::Measured(videos) => Some(videos),
            Basis::Assumed => None,
        };
        overview["left_estimate"] = json!({
            "bytes": size, "seconds": seconds, "usd": usd, "by_receipts_of_videos": measured,
        });
    }
    overview
}

fn sentence(engine: &Engine<'_>) -> String {
    let (counts, (size, seconds, usd)) = (engine.counts(), left(engine));
    let basis = match engine.budget().basis() {
        Basis::Measured(videos) => format!("by the receipts of {videos} videos"),
        Basis::Assumed => {
            "by the default prices, 6 Mbit/s of source and the default profile".to_owned()
        }
    };
    let mut text = format!(
        "{} objects to convert: {}, about {} of video\n",
        counts.left,
        bytes(size),
        duration(seconds)
    );
    text += &format!(
        "{} converted before, {} in flight, {} failed, {} duplicates, {} skipped\n",
        counts.done, counts.in_flight, counts.failed, counts.duplicates, counts.skipped
    );
    text += &format!(
        "Estimated cost: {usd:.4} USD, {basis}; spent before: {:.4} USD",
        engine.budget().spent()
    );
    text
}

/// What would be converted, and what not, and why.
fn show_plan(engine: &Engine<'_>, output: &Output) {
    if output.is_json() {
        for item in engine.items() {
            let mut event = json!({ "event": "object", "object": Row::of(item, item.video) });
            if let ItemState::Waiting(_) = item.state {
                let estimate = engine.budget().estimate(item.size);
                event["estimate"] = json!({ "seconds": estimate.seconds, "usd": estimate.usd });
            }
            if !output.object(&event) {
                return;
            }
        }
        output.object(&overview(engine, "plan"));
        return;
    }
    let mut table = Table::new(["OBJECT", "SIZE", "LENGTH", "USD", "PLAN"]);
    for item in engine.items() {
        let is_waiting = matches!(item.state, ItemState::Waiting(_));
        let estimate = is_waiting.then(|| engine.budget().estimate(item.size));
        let plan = match (&item.state, &item.problem) {
            (ItemState::Waiting(_), _) => "convert".to_owned(),
            (ItemState::Duplicate(key), _) => format!("duplicate of {key}"),
            (state, Some(problem)) => format!("{}: {problem}", state.name()),
            (state, None) => state.name().to_owned(),
        };
        let seconds = item.seconds.map(duration);
        table.add([
            item.key.clone(),
            bytes(item.size),
            seconds
                .or_else(|| estimate.map(|it| format!("~{}", duration(it.seconds))))
                .unwrap_or_default(),
            item.usd
                .map(|it| format!("{it:.4}"))
                .or_else(|| estimate.map(|it| format!("~{:.4}", it.usd)))
                .unwrap_or_default(),
            plan,
        ]);
    }
    output.line(table.render());
    output.line(sentence(engine));
}
