//! `edgereel show`.

use api_types::videos::Video;

use crate::Result;
use crate::api::Api;
use crate::args::ShowArgs;
use crate::output::{Output, bytes};
use crate::table::{Table, duration, visible};

/// Shows all details of a video.
pub async fn run(args: ShowArgs, output: &Output) -> Result {
    let video = Api::of(&args.api)?.video(args.video).await?;
    output.object(&video);
    for part in [facts(&video), renditions(&video), attempts(&video)] {
        if !part.is_empty() {
            output.line(part);
        }
    }
    Ok(())
}

/// What there is to say in a line each.
fn facts(video: &Video) -> String {
    let (summary, mut lines) = (&video.summary, vec![]);
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(format!("{name:<13}{}", visible(&value)));
        }
    };
    fact("id", Some(summary.id.to_string()));
    fact("title", summary.title.clone());
    fact("owner", summary.owner.clone());
    fact("external id", summary.external_id.clone());
    let stage = summary.stage.as_ref();
    let progress = stage.map(|it| format!(", {it} {}%", summary.percent.unwrap_or(0)));
    fact(
        "state",
        Some(format!("{}{}", summary.state, progress.unwrap_or_default())),
    );
    let failure = summary.failure.as_ref();
    fact(
        "failure",
        failure.map(|it| format!("{}: {}", it.code, it.message)),
    );
    fact(
        "profile",
        Some(format!("{}, mode {}", summary.profile, summary.mode)),
    );
    fact("length", summary.duration_seconds.map(duration));
    let source = &summary.source;
    let known = [
        source.filename.clone(),
        source.content_type.clone(),
        source.size.map(bytes),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    fact("source", (!known.is_empty()).then(|| known.join(", ")));
    fact("created", Some(summary.created_at.to_string()));
    fact(
        "playable",
        summary.playable_at.as_ref().map(ToString::to_string),
    );
    fact("ready", summary.ready_at.as_ref().map(ToString::to_string));
    for warning in &video.warnings {
        fact("warning", Some(warning.message.clone()));
    }
    if let Some(paid) = &video.receipt {
        let (receipt, cost) = (&paid.receipt, &paid.cost);
        let once = cost.compute_usd + cost.requests_usd + cost.egress_usd;
        fact(
            "cost",
            Some(format!(
                "{once:.4} USD once ({:.1} s CPU), {:.4} USD a month ({} stored)",
                receipt.cpu_ms as f64 / 1000.0,
                cost.storage_usd_per_month,
                bytes(receipt.stored_bytes)
            )),
        );
    }
    lines.join("\n")
}

fn renditions(video: &Video) -> String {
    if video.renditions.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["RENDITION", "KIND", "SIZE", "KBIT/S", "CODECS", "STATE"]);
    for it in &video.renditions {
        let size = it.width.zip(it.height);
        let rate = it.average_bandwidth.or(it.bandwidth);
        table.add([
            it.name.to_string(),
            it.kind.to_string(),
            size.map(|(width, height)| format!("{width}x{height}"))
                .unwrap_or_default(),
            rate.map(|it| (it / 1000).to_string()).unwrap_or_default(),
            it.codecs.clone().unwrap_or_default(),
            if it.copied {
                format!("{}, copied", it.state)
            } else {
                it.state.to_string()
            },
        ]);
    }
    format!("\n{}", table.render())
}

fn attempts(video: &Video) -> String {
    if video.attempts.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["ATTEMPT", "STARTED", "OUTCOME"]);
    for it in &video.attempts {
        let stage = it
            .stage
            .as_ref()
            .map(|stage| format!("{stage} {}%", it.percent));
        let mut outcome = it.outcome.clone().or(stage).unwrap_or_default();
        if let Some(failure) = &it.failure {
            outcome += &format!(" ({}: {})", failure.code, failure.message);
        }
        table.add([it.number.to_string(), it.started_at.to_string(), outcome]);
    }
    format!("\n{}", table.render())
}
