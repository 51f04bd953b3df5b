//! `edgereel demo`: demonstrates the whole system on a real video. It starts `edgereel dev` as a user would, and uses
//! it from outside.

mod sample;
mod server;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use console::style;
use domain::ids::VideoId;
use http::StatusCode;
use platform::secret::Secret;

use crate::Result;
use crate::api::Api;
use crate::args::DemoArgs;
use crate::output::{CommandError, Output, bytes};
use crate::upload::{Event, FollowEvent, UploadOptions, follow, upload};
use server::DevServer;

/// Seconds of the video that are decoded as a check.
const DECODED_SECONDS: u32 = 5;

/// Runs the demonstration.
pub async fn run(args: DemoArgs, output: &Output) -> Result {
    let step = |text: &str| output.line(format!("\n{} {text}", style("==>").cyan().bold()));
    let tools = transcoder::setup::find_tools(args.ffmpeg_dir.as_deref(), None)?;

    let folder = tempfile::tempdir().context("cannot create a temporary directory")?;
    let video = match args.video {
        Some(video) => video,
        None => {
            step(
                "Generating a sample video: 40 s of 1080p30, H.264 and AAC, with a clock and tones",
            );
            let path = folder.path().join("sample.mp4");
            unless_interrupted(sample::make(&tools, &path)).await?;
            path
        }
    };

    step("Starting `edgereel dev`: bucket, events, queue, transcoder, API and edge in one process");
    let server = DevServer::start(&args.data).await?;
    let info = server.info();
    output.line(format!(
        "    API and edge at {}, S3 server at {}",
        info.api, info.s3.endpoint
    ));
    let shown = unless_interrupted(Box::pin(show(&server, &video, &tools.ffmpeg, output))).await;
    match shown {
        Ok((video, url)) if !args.exit => {
            output.line("\nStill serving; press Ctrl-C to stop.");
            if let Some(page) = server.page_of(video) {
                output.line(format!(
                    "To watch, open this page (the link works once):\n    {page}"
                ));
            }
            output.line(format!("Or in an HLS player:\n    ffplay '{url}'"));
            server.until_interrupted().await;
        }
        Ok((_, url)) => output.line(format!("\nTo watch it in a player:\n    ffplay '{url}'")),
        Err(stop) => {
            server.stop().await;
            return Err(stop);
        }
    }
    server.stop().await;
    output.line("Stopped. The data is kept.");
    Ok(())
}

/// Handles Ctrl-C: stops the server and removes temporary files.
async fn unless_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(CommandError::failed("stopped", anyhow::anyhow!("interrupted"))),
    }
}

async fn show(
    server: &DevServer,
    video: &Path,
    ffmpeg: &Path,
    output: &Output,
) -> Result<(VideoId, String)> {
    let step = |text: &str| output.line(format!("\n{} {text}", style("==>").cyan().bold()));
    let info = server.info();
    let api = Api::new(&info.api, Secret::new(&info.token))?;

    step(&format!(
        "Uploading {} straight to the bucket with presigned requests",
        video.display()
    ));
    let began = Instant::now();
    // Every run starts a new upload.
    let options = UploadOptions {
        restart: true,
        ..UploadOptions::default()
    };
    let report = |event| {
        if let Event::Started {
            video, bytes: size, ..
        } = event
        {
            output.line(format!("    {video}, {}", bytes(size)));
        }
    };
    let uploaded = upload(&api, video, &options, &report).await?;
    output.line(format!(
        "    uploaded in {:.1} s; the bucket's event starts transcoding",
        began.elapsed().as_secs_f64()
    ));

    step("Waiting for the video");
    let last = std::cell::RefCell::new(String::new());
    let report = |news| match news {
        FollowEvent::Waiting { reason, .. } => output.line(format!("    {reason}")),
        FollowEvent::Progress {
            state,
            stage,
            percent,
        } => {
            let line = format!(
                "{state:<10} {:<8} {:>3} %",
                stage.unwrap_or_default(),
                percent.unwrap_or(0) / 10 * 10
            );
            if last.replace(line.clone()) != line {
                output.line(format!("    {line}"));
            }
        }
        FollowEvent::Playable { after, .. } => {
            let seconds = after.as_secs_f64();
            output.line(format!(
                "    {} {seconds:.2} s after the upload",
                style("PLAYABLE").green().bold()
            ));
        }
    };
    let ready = follow(&api, uploaded.video, uploaded.at, &report).await?;
    let seconds = ready.ready_after.as_secs_f64();
    output.line(format!(
        "    {} {seconds:.2} s after the upload",
        style("READY").green().bold()
    ));
    let url = ready.hls_url;

    step("Checking the published video against RFC 8216 and Apple's rules");
    let report = Box::pin(super::check::check_target(&url, output)).await?;
    super::check::print(&report, output);
    if !report.ok {
        return Err(CommandError::failed(
            "not-conforming",
            anyhow::anyhow!("the published video does not conform"),
        ));
    }

    step("Requesting the playlist without a grant, with a forged grant, and with a valid grant");
    let (address, grant) = url
        .split_once("?grant=")
        .context("the playback URL has no grant")?;
    for (what, asked, expected) in [
        ("without", address.to_owned(), StatusCode::UNAUTHORIZED),
        (
            "forged",
            format!("{address}?grant={}", forged(grant)),
            StatusCode::FORBIDDEN,
        ),
        ("valid", url.clone(), StatusCode::OK),
    ] {
        // Errors would contain the grant.
        let answer = api
            .http()
            .get(asked)
            .send()
            .await
            .map_err(reqwest::Error::without_url)?;
        output.line(format!("    {what:<8} {}", answer.status()));
        if answer.status() != expected {
            let wrong = anyhow::anyhow!(
                "the edge responded with {} instead of {expected}",
                answer.status()
            );
            return Err(CommandError::failed("unexpected-edge-response", wrong));
        }
    }

    step(&format!(
        "Decoding {DECODED_SECONDS} s with FFmpeg, through the edge"
    ));
    let frames = decode(ffmpeg, &url).await?;
    output.line(format!(
        "    {frames} frames decrypted and decoded without errors"
    ));
    Ok((uploaded.video, url))
}

/// The grant with a wrong signature.
fn forged(grant: &str) -> String {
    let (signed, signature) = grant.rsplit_once('.').unwrap_or((grant, ""));
    format!("{signed}.{}", signature.chars().rev().collect::<String>())
}

/// Decodes the first seconds and returns the number of frames; any decoder error is a failure.
async fn decode(ffmpeg: &Path, url: &str) -> Result<u64> {
    let mut command = tokio::process::Command::new(ffmpeg);
    command.args([
        "-nostdin",
        "-v",
        "error",
        "-xerror",
        "-progress",
        "pipe:1",
        "-t",
        &DECODED_SECONDS.to_string(),
    ]);
    command.args([
        "-i", url, "-map", "0:v:0", "-map", "0:a:0?", "-f", "null", "-",
    ]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let run = tokio::time::timeout(Duration::from_secs(120), command.output());
    let done = run
        .await
        .context("FFmpeg did not exit")?
        .context("cannot run FFmpeg")?;
    let errors = String::from_utf8_lossy(&done.stderr);
    if !done.status.success() || !errors.trim().is_empty() {
        let said = errors.replace(url, "(the playback URL)");
        return Err(CommandError::failed(
            "not-decodable",
            anyhow::anyhow!("FFmpeg could not decode the video: {}", said.trim()),
        ));
    }
    let progress = String::from_utf8_lossy(&done.stdout);
    let frames = progress
        .lines()
        .filter_map(|it| it.strip_prefix("frame=")?.trim().parse().ok())
        .next_back();
    match frames {
        Some(frames) if frames > 0 => Ok(frames),
        _ => Err(CommandError::failed(
            "not-decodable",
            anyhow::anyhow!("FFmpeg decoded no frame"),
        )),
    }
}
