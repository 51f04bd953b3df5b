//! `edgereel transcode`.

use std::time::Duration;

use config::read_or_built_in;
use console::style;
use domain::failure::FailureClass;
use domain::per_title::PerTitle;
use domain::probe::HighDynamicRange;
use domain::profile::Profile;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::sync::CancellationToken;
use transcoder::Progress;
use transcoder::TranscodeError;
use transcoder::settings::default_encoders;
use transcoder::setup::verify_codecs;
use transcoder::{LocalJob, LocalReport, transcode};

use crate::Result;
use crate::args::TranscodeArgs;
use crate::output::{CommandError, Output};

/// Transcodes one file into a directory.
pub async fn run(args: TranscodeArgs, output: &Output) -> Result {
    let profile = args
        .profile
        .as_deref()
        .map_or_else(|| Ok(Profile::default()), read_or_built_in)?;
    let encoders = args.encoders.map_or_else(default_encoders, usize::from);
    args.ffmpeg.check_memory([&profile], 1)?;
    let tools = args.ffmpeg.tools(1)?;
    verify_codecs(&tools, [&profile]).await?;
    let job = LocalJob {
        input: args.input,
        out: args.out,
        profile,
        mode: args.mode.into(),
        encrypt: args.encrypt,
        keep_failed: args.keep_failed,
        encoders,
    };
    let cancel = CancellationToken::new();
    let interrupted = cancel.clone();
    tokio::spawn(async move {
        // Without a signal handler, there is nothing to do.
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });

    let target = if output.has_bars() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style_of_bar =
        ProgressStyle::with_template("{spinner} {msg:<8} {bar:40} {pos:>3} % {elapsed}");
    let bar = ProgressBar::with_draw_target(Some(100), target)
        .with_style(style_of_bar.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    let shown = bar.clone();
    let on_progress = move |progress| match progress {
        Progress::At(stage, percent) => {
            shown.set_position(percent.into());
            shown.set_message(stage.as_str());
        }
        Progress::Playable => {}
    };
    let result = Box::pin(transcode(&tools, &job, on_progress, &cancel)).await;
    bar.finish_and_clear();
    let report = result.map_err(explain)?;
    output.object(&report);
    print(&report, output);
    Ok(())
}

fn explain(error: TranscodeError) -> CommandError {
    let failure = error.failure();
    match failure.class() {
        // The message explains the problem of the file completely.
        FailureClass::Source => {
            CommandError::failed(failure.code, anyhow::anyhow!(failure.message))
        }
        FailureClass::Shutdown => CommandError::failed(
            "stopped",
            anyhow::anyhow!("interrupted before the video was ready"),
        ),
        FailureClass::Infrastructure => {
            if !error.log_tail().is_empty() {
                tracing::error!("FFmpeg's last output:\n{}", error.log_tail());
            }
            CommandError::failed(
                failure.code,
                anyhow::Error::from(error).context(failure.message),
            )
        }
    }
}

fn print(report: &LocalReport, output: &Output) {
    for rung in &report.rungs {
        let how = if rung.copied { "copied" } else { "encoded" };
        let hdr = match rung.hdr {
            None => "",
            Some(HighDynamicRange::Pq) => "  HDR (PQ)",
            Some(HighDynamicRange::Hlg) => "  HDR (HLG)",
        };
        output.line(format!(
            "  {:<8} {:>9}  {how:<7}  {:>6} kbit/s  {}{hdr}",
            rung.name,
            format!("{}x{}", rung.width, rung.height),
            rung.average_bandwidth / 1000,
            rung.codecs
        ));
    }
    for audio in report.audio.iter().filter(|_| report.rungs.is_empty()) {
        let how = if audio.copied { "copied" } else { "encoded" };
        output.line(format!(
            "  {:<14}  {how:<7}  {:>6} kbit/s  {}",
            audio.name,
            audio.bandwidth / 1000,
            audio.codecs
        ));
    }
    for track in &report.loudness {
        output.line(format!(
            "  track {}: {:.1} LUFS, true peak {:.1} dBTP, gain {:+.1} dB",
            track.track + 1,
            track.measured.integrated_lufs.as_f64(),
            track.measured.true_peak_dbtp.as_f64(),
            track.gain_db.as_f64(),
        ));
    }
    if let Some(measured) = &report.per_title {
        print_choices(measured, output);
    }
    let kind = if report.rungs.is_empty() {
        "audio"
    } else {
        "video"
    };
    output.line(format!(
        "{} {:.1} s of {kind} in {:.1} s ({:.1} s of CPU): {}",
        style("Ready").green().bold(),
        report.duration_s,
        report.wall_s,
        report.cpu_s,
        report.master.display()
    ));
}

/// The choices of per-title encoding, a line for each rung.
fn print_choices(measured: &PerTitle, output: &Output) {
    if let Some(skipped) = measured.skipped {
        let why = skipped.reason();
        output.line(format!("  The rungs have the CRF of the profile: {why}."));
    }
    let Some(measure) = measured.measure else {
        return;
    };
    output.line(format!(
        "  Measured {} samples in {:.1} s:",
        measured.samples,
        measured.wall_ms as f64 / 1000.0
    ));
    for rung in &measured.rungs {
        let scores = format!(
            "{} {:.*}",
            measure.as_str(),
            measure.decimals(),
            rung.score.as_f64()
        );
        let choice = match &rung.same_as {
            None => format!(
                "CRF {:<2}  {:>6} kbit/s  {scores}  (profile: {} kbit/s)",
                rung.crf, rung.kbps, rung.profile_kbps
            ),
            Some(smaller) => format!("left out: viewers cannot tell it from {smaller}"),
        };
        output.line(format!("    {:<8} {choice}", rung.name));
    }
}
