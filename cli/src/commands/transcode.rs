//! `edgereel transcode`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use confine::{Enforcement, Support};
use console::style;
use domain::failure::FailureClass;
use domain::profile::Profile;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::sync::CancellationToken;
use transcoder::Progress;
use transcoder::TranscodeError;
use transcoder::{Launcher, Tools};
use transcoder::{LocalJob, LocalReport, transcode};

use crate::Result;
use crate::args::{ConfinementArgs, TranscodeArgs};
use crate::output::{CommandError, Output};

/// Transcodes one file into a folder.
pub async fn run(args: TranscodeArgs, output: &Output) -> Result {
    let profile = args.profile.as_deref().map_or_else(|| Ok(Profile::default()), read_profile)?;
    let encoders = args.encoders.map_or_else(default_encoders, usize::from);
    let tools = find_tools(Some(args.confinement.launcher(encoders)))?;
    let job = LocalJob {
        input: args.input,
        out: args.out,
        profile,
        mode: args.mode.into(),
        encrypt: args.encrypt,
        keep_going: args.keep_going,
        workers: encoders,
    };
    let cancel = CancellationToken::new();
    let interrupted = cancel.clone();
    tokio::spawn(async move {
        // Without a signal handler, there is nothing to do.
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });

    let target = if output.has_bars() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style_of_bar = ProgressStyle::with_template("{spinner} {msg:<8} {bar:40} {pos:>3} % {elapsed}");
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
        FailureClass::Source => CommandError::failed(failure.code, anyhow::anyhow!(failure.message)),
        FailureClass::Shutdown => {
            CommandError::failed("stopped", anyhow::anyhow!("interrupted before the video was ready"))
        }
        FailureClass::Infrastructure => {
            if !error.log_tail().is_empty() {
                tracing::error!("FFmpeg's last output:\n{}", error.log_tail());
            }
            CommandError::failed(failure.code, anyhow::Error::from(error).context(failure.message))
        }
    }
}

/// Reads a profile.
///
/// # Errors
/// If the file does not exist, or a setting is invalid.
pub fn read_profile(path: &Path) -> Result<Profile> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the profile `{shown}`"))?;
    Profile::parse(&text).map_err(|error| {
        CommandError::failed(
            "invalid-profile",
            anyhow::Error::from(error).context(format!("invalid profile `{shown}`")),
        )
    })
}

/// Reads profiles by their name.
///
/// # Errors
/// As [`read_profile`]; also `invalid-profile` for two profiles of the same name.
pub fn read_profiles<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<HashMap<String, Profile>> {
    let mut profiles = HashMap::new();
    for path in paths {
        let profile = read_profile(path)?;
        let name = profile.name.to_string();
        if profiles.insert(name.clone(), profile).is_some() {
            let twice = anyhow::anyhow!("two profiles have the name `{name}`; the second is `{}`", path.display());
            return Err(CommandError::failed("invalid-profile", twice));
        }
    }
    Ok(profiles)
}

/// Finds an FFmpeg with all required capabilities. Without a launcher it runs unconfined.
///
/// # Errors
/// `no-ffmpeg`, with what to install. `no-confinement` if the kernel does not support the required confinement.
pub fn find_tools(launcher: Option<Launcher>) -> Result<Tools> {
    if let Some(launcher) = &launcher {
        check_confinement(launcher)?;
    }
    let tools = Tools::find(launcher).map_err(|it| CommandError::failed("no-ffmpeg", it))?;
    let missing = tools.missing_capabilities().map_err(|it| CommandError::failed("no-ffmpeg", it))?;
    if missing.is_empty() {
        return Ok(tools);
    }
    let lacks = anyhow::anyhow!(
        "FFmpeg at `{}` lacks {}: install a full build (on Debian: apt-get install ffmpeg), or set \
         EDGEREEL_FFMPEG_DIR to its folder",
        tools.ffmpeg.display(),
        missing.join(", ")
    );
    Err(CommandError::failed("no-ffmpeg", lacks))
}

/// Finds an FFmpeg and verifies it with a two-second test encode. `encoders`: concurrent encoders of all jobs.
///
/// # Errors
/// `no-ffmpeg`, with the missing capability or the failed test.
pub async fn verified_tools(confinement: &ConfinementArgs, encoders: usize) -> Result<Tools> {
    let tools = find_tools(Some(confinement.launcher(encoders)))?;
    if let Err(problem) = transcoder::trial::run(&tools).await {
        let fails = anyhow::Error::new(problem).context(format!(
            "FFmpeg at `{}` ({}) failed the test encode",
            tools.ffmpeg.display(),
            tools.version
        ));
        return Err(CommandError::failed("no-ffmpeg", fails));
    }
    for it in tools.limits() {
        tracing::warn!("FFmpeg at `{}` cannot process {it}: such uploads are rejected", tools.ffmpeg.display());
    }
    Ok(tools)
}

fn check_confinement(launcher: &Launcher) -> Result {
    let missing = Support::of_kernel().missing().join(", ");
    match launcher.enforcement {
        Enforcement::Required if !missing.is_empty() => {
            let lacks = anyhow::anyhow!(
                "FFmpeg cannot be confined as EDGEREEL_CONFINEMENT=required demands, because the kernel lacks {missing}: \
                 use a newer kernel or container runtime, or set `best-effort`"
            );
            Err(CommandError::failed("no-confinement", lacks))
        }
        Enforcement::BestEffort if !missing.is_empty() => {
            tracing::warn!("FFmpeg runs with more rights than it needs, because the kernel lacks {missing}");
            Ok(())
        }
        Enforcement::Off => {
            tracing::warn!("FFmpeg runs with all rights of this process, because EDGEREEL_CONFINEMENT is `off`");
            Ok(())
        }
        Enforcement::Required | Enforcement::BestEffort => Ok(()),
    }
}

/// The number of processors.
pub fn default_encoders() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn print(report: &LocalReport, output: &Output) {
    for rung in &report.rungs {
        let how = if rung.copied { "copied" } else { "encoded" };
        output.line(format!(
            "  {:<8} {:>9}  {how:<7}  {:>6} kbit/s  {}",
            rung.name,
            format!("{}x{}", rung.width, rung.height),
            rung.average_bandwidth / 1000,
            rung.codecs
        ));
    }
    output.line(format!(
        "{} {:.1} s of video in {:.1} s ({:.1} s of CPU): {}",
        style("Ready").green().bold(),
        report.duration_s,
        report.wall_s,
        report.cpu_s,
        report.master.display()
    ));
}
