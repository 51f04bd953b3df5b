//! Follows a video from its upload until it is ready or has failed.

use std::time::{Duration, Instant};

use api_types::streams::{Stream, StreamParams};
use api_types::videos::{Video, VideoFailure};
use domain::ids::VideoId;
use domain::state::StateName;

use crate::Result;
use crate::api::Api;
use crate::output::CommandError;

/// An event while following a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowEvent {
    /// The progress changed.
    Progress {
        /// The state of the video.
        state: StateName,
        /// The processing stage.
        stage: Option<String>,
        /// Overall progress, 0 to 100.
        percent: Option<u8>,
    },
    /// There was no change for some time.
    Waiting {
        /// The state of the video.
        state: StateName,
        /// What the video is waiting for.
        reason: String,
    },
    /// The video is playable.
    Playable {
        /// Time since the end of the upload.
        after: Duration,
        /// Playback URL with a grant.
        hls_url: String,
    },
}

/// A video that is ready.
pub struct Ready {
    /// Time from the end of the upload until it was playable.
    pub playable_after: Duration,
    /// Time from the end of the upload until it was ready.
    pub ready_after: Duration,
    /// Playback URL with a grant.
    pub hls_url: String,
    /// The video.
    pub video: Video,
}

/// Interval between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Time without a change after which the reason for waiting is reported.
const QUIET_PERIOD: Duration = Duration::from_secs(10);

/// Follows `video`, whose upload was completed at `uploaded`.
///
/// # Errors
/// The failure of the video, or the error of the API.
pub async fn follow(
    api: &Api,
    video: VideoId,
    uploaded: Instant,
    report: &impl Fn(FollowEvent),
) -> Result<Ready> {
    let (mut reported, mut playable_after) = (None, None);
    let mut changed = Instant::now();
    let mut reported_wait = None;
    loop {
        let answer = api.video(video).await?;
        let (summary, elapsed) = (&answer.summary, uploaded.elapsed());
        if summary.playable && playable_after.is_none() {
            playable_after = Some(elapsed);
            let hls_url = playback_url(api.stream(video, &StreamParams::default()).await?)?;
            report(FollowEvent::Playable {
                after: elapsed,
                hls_url,
            });
        }
        let event = FollowEvent::Progress {
            state: summary.state,
            stage: summary.stage.as_ref().map(ToString::to_string),
            percent: summary.percent,
        };
        if reported.as_ref() != Some(&event) {
            report(event.clone());
            reported = Some(event);
            changed = Instant::now();
        }
        let waits = (summary.state, answer.attempts.len());
        if changed.elapsed() >= QUIET_PERIOD && reported_wait != Some(waits) {
            if let Some(reason) = reason(&answer) {
                report(FollowEvent::Waiting {
                    state: summary.state,
                    reason,
                });
            }
            reported_wait = Some(waits);
        }
        match summary.state {
            StateName::Ready => {
                let hls_url = playback_url(api.stream(video, &StreamParams::default()).await?)?;
                let playable_after = playable_after.unwrap_or(elapsed);
                return Ok(Ready {
                    playable_after,
                    ready_after: elapsed,
                    hls_url,
                    video: answer,
                });
            }
            StateName::Failed => return Err(failed(summary.failure.as_ref())),
            StateName::Cancelled | StateName::Deleted => {
                let gone = anyhow::anyhow!("another client has {} the video", summary.state);
                return Err(CommandError::failed("video-gone", gone));
            }
            // Requesting the stream starts transcoding on first view.
            StateName::Stored => drop(api.stream(video, &StreamParams::default()).await?),
            StateName::Created
            | StateName::Uploading
            | StateName::Queued
            | StateName::Processing
            | StateName::Playable => tokio::time::sleep(POLL_INTERVAL).await,
        }
    }
}

fn playback_url(answer: Stream) -> anyhow::Result<String> {
    match answer {
        Stream::Playable(info) => Ok(info.hls_url.into_exposed()),
        Stream::Processing(_) => Err(anyhow::anyhow!(
            "the API returned no URL for a playable video"
        )),
    }
}

/// What a waiting video is waiting for.
fn reason(answer: &Video) -> Option<String> {
    match answer.summary.state {
        StateName::Created | StateName::Uploading => {
            Some("Waiting for the file: the API has not found it in the private bucket yet.".to_owned())
        }
        StateName::Queued => Some(match answer.attempts.last().and_then(|it| it.failure.as_ref()) {
            Some(failure) => format!(
                "Attempt {} failed ({}): {} The next attempt starts within an hour.",
                answer.attempts.len(),
                failure.code,
                failure.message
            ),
            None => "Waiting for a transcoder: check that `edgereel transcoder` is running and idle.".to_owned(),
        }),
        StateName::Stored
        | StateName::Processing
        | StateName::Playable
        | StateName::Ready
        | StateName::Failed
        | StateName::Cancelled
        | StateName::Deleted => None,
    }
}

/// The error of a failed video. Its message explains the problem and the remedy.
fn failed(failure: Option<&VideoFailure>) -> CommandError {
    match failure {
        Some(failure) => {
            CommandError::failed(&failure.code, anyhow::anyhow!(failure.message.clone()))
        }
        None => CommandError::failed(
            "video-failed",
            anyhow::anyhow!("the video failed without an explanation"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_waiting_video_has_a_reason() {
        let at = "2026-11-21T18:27:05.123Z";
        let of = |state: &str, attempts: &[Value]| {
            let attempts = attempts.iter().map(|failure| {
                json!({
                    "number": 1, "outcome": "failed", "failure": failure, "stage": null, "percent": 0,
                    "started_at": at, "ended_at": at,
                })
            });
            let answer = json!({
                "id": "vid_018bcfe5680077078707070707070707", "state": state, "playable": false, "metadata": {},
                "profile": "default", "mode": "abr", "generate": "on_upload", "source": {}, "created_at": at,
                "updated_at": at, "renditions": [], "attempts": attempts.collect::<Vec<_>>(), "warnings": [],
                "poster": { "status": "automatic" },
            });
            reason(&serde_json::from_value(answer).unwrap())
        };
        let said = of("queued", &[]).unwrap();
        assert!(said.contains("`edgereel transcoder` is running"), "{said}");
        let failed = json!({ "class": "infrastructure", "code": "internal", "message": "Something failed." });
        let said = of("queued", &[failed.clone(), Value::Null]).unwrap();
        assert!(
            said.contains("`edgereel transcoder` is running"),
            "the last attempt was released"
        );
        let said = of("queued", &[failed]).unwrap();
        assert_eq!(
            said,
            "Attempt 1 failed (internal): Something failed. The next attempt starts within an hour."
        );
        assert_eq!(of("processing", &[]), None);
    }
}
