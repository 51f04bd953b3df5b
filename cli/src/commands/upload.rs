//! `edgereel upload`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use console::style;
use domain::job::Mode;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::Result;
use crate::api::Api;
use crate::args::UploadArgs;
use crate::output::{Output, bytes};
use crate::upload::{Event, FollowEvent, UploadOptions, Uploaded, follow, upload};

/// Uploads a file and, with `--wait`, waits for the video.
pub async fn run(args: UploadArgs, output: &Output) -> Result {
    let api = Api::of(&args.api)?;
    let options = UploadOptions {
        title: args.title,
        profile: args.profile,
        mode: args.mode.map(Mode::from),
        on_first_view: args.on_first_view,
        restart: args.restart,
    };
    let began = Instant::now();
    let meter = UploadMeter::new(output);
    let uploaded = upload(&api, &args.file, &options, &|event| meter.report(event)).await;
    meter.finish();
    let uploaded = uploaded?;
    let seconds = uploaded.at.duration_since(began).as_secs_f64();
    output.object(&json!({
        "event": "uploaded", "video": uploaded.video, "bytes": uploaded.bytes, "seconds": seconds,
    }));
    let speed = bytes((uploaded.bytes as f64 / seconds.max(0.001)) as u64);
    output.line(format!(
        "{} {} in {seconds:.1} s ({speed}/s): {}",
        style("Uploaded").green(),
        bytes(uploaded.bytes),
        uploaded.video
    ));
    if args.wait {
        wait(&api, &uploaded, output).await
    } else {
        Ok(())
    }
}

async fn wait(api: &Api, uploaded: &Uploaded, output: &Output) -> Result {
    let bar = output.has_bars().then(work_bar);
    let line = |text: &str| match &bar {
        Some(bar) => bar.suspend(|| output.line(text)),
        None => output.line(text),
    };
    let report = |event: FollowEvent| match event {
        FollowEvent::Progress {
            state,
            stage,
            percent,
        } => {
            output.object(
                &json!({ "event": "progress", "state": state, "stage": stage, "percent": percent }),
            );
            if let Some(bar) = &bar {
                bar.set_position(percent.unwrap_or(0).into());
                bar.set_message(stage.unwrap_or_else(|| state.to_string()));
            }
        }
        FollowEvent::Waiting { state, reason } => {
            output.object(&json!({ "event": "waiting", "state": state, "message": reason }));
            line(&reason);
        }
        FollowEvent::Playable { after, hls_url } => {
            let seconds = after.as_secs_f64();
            output.object(&json!({ "event": "playable", "after_s": seconds, "hls_url": hls_url }));
            line(&format!(
                "{} {seconds:.1} s after the upload",
                style("Playable").green()
            ));
        }
    };
    let ready = follow(api, uploaded.video, uploaded.at, &report).await;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let ready = ready?;
    let (playable_s, ready_s) = (
        ready.playable_after.as_secs_f64(),
        ready.ready_after.as_secs_f64(),
    );
    output.object(&json!({
        "event": "ready", "video": uploaded.video, "playable_after_s": playable_s, "ready_after_s": ready_s,
        "hls_url": ready.hls_url, "renditions": ready.video.renditions, "receipt": ready.video.receipt,
    }));
    output.line(format!(
        "{} {ready_s:.1} s after the upload",
        style("Ready").green().bold()
    ));
    output.line(format!("Playback URL: {}", ready.hls_url));
    Ok(())
}

fn work_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg:<12} {bar:40} {pos:>3} % {elapsed}");
    let bar =
        ProgressBar::new(100).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Reports the progress of an upload: as a bar on a terminal, or as JSON objects.
struct UploadMeter<'a> {
    output: &'a Output,
    bar: ProgressBar,
    total: AtomicU64,
    moved: Mutex<(i64, Instant)>,
}

/// Interval of progress objects.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

impl<'a> UploadMeter<'a> {
    fn new(output: &'a Output) -> Self {
        let target = if output.has_bars() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template(
            "{msg} {bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        );
        let bar = ProgressBar::with_draw_target(Some(0), target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
            .with_message("Uploading");
        Self {
            output,
            bar,
            total: AtomicU64::new(0),
            moved: Mutex::new((0, Instant::now())),
        }
    }

    fn report(&self, event: Event) {
        match event {
            Event::Started {
                video,
                bytes,
                resumed,
            } => {
                self.total.store(bytes, Ordering::Relaxed);
                self.bar.set_length(bytes);
                self.output.object(&json!({ "event": "created", "video": video, "bytes": bytes, "resumed": resumed }));
                if resumed {
                    self.output.line(format!("Resuming the upload of {video}"));
                }
            }
            Event::Moved(bytes) => {
                let mut moved = self
                    .moved
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                moved.0 += bytes;
                self.bar.set_position(moved.0.max(0).unsigned_abs());
                if self.output.is_json() && moved.1.elapsed() >= REPORT_INTERVAL {
                    moved.1 = Instant::now();
                    let total = self.total.load(Ordering::Relaxed);
                    self.output.object(
                        &json!({ "event": "uploading", "bytes": moved.0.max(0), "total": total }),
                    );
                }
            }
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
