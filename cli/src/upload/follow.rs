//! Follows a video from its upload until it is ready or has failed.

use std::time::{Duration, Instant};

use domain::ids::VideoId;
use domain::state::StateName;

use crate::Result;
use crate::api::{Api, FailureResponse, StreamResponse, VideoResponse};
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
    pub video: VideoResponse,
}

/// Interval between two checks.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Time without a change after which the reason for waiting is reported.
const QUIET_PERIOD: Duration = Duration::from_secs(10);

/// Follows `video`, whose upload was completed at `uploaded`.
///
/// # Errors
/// The failure of the video, or the error of the API.
pub async fn follow(api: &Api, video: VideoId, uploaded: Instant, report: &impl Fn(FollowEvent)) -> Result<Ready> {
    let (mut reported, mut playable_after) = (None, None);
    let mut changed = Instant::now();
    let mut reported_wait = None;
    loop {
        let answer = api.video(video).await?;
        let elapsed = uploaded.elapsed();
        if answer.playable && playable_after.is_none() {
            playable_after = Some(elapsed);
            let hls_url = playback_url(&api.stream(video, &[]).await?)?;
            report(FollowEvent::Playable { after: elapsed, hls_url });
        }
        let event = FollowEvent::Progress { state: answer.state, stage: answer.stage.clone(), percent: answer.percent };
        if reported.as_ref() != Some(&event) {
            report(event.clone());
            reported = Some(event);
            changed = Instant::now();
        }
        let waits = (answer.state, answer.attempts.len());
        if changed.elapsed() >= QUIET_PERIOD && reported_wait != Some(waits) {
            if let Some(reason) = reason(&answer) {
                report(FollowEvent::Waiting { state: answer.state, reason });
            }
            reported_wait = Some(waits);
        }
        match answer.state {
            StateName::Ready => {
                let hls_url = playback_url(&api.stream(video, &[]).await?)?;
                let playable_after = playable_after.unwrap_or(elapsed);
                return Ok(Ready { playable_after, ready_after: elapsed, hls_url, video: answer });
            }
            StateName::Failed => return Err(failed(answer.failure)),
            StateName::Cancelled | StateName::Deleted => {
                let gone = anyhow::anyhow!("another client has {} the video", answer.state);
                return Err(CommandError::failed("video-gone", gone));
            }
            // Requesting the stream starts transcoding on first view.
            StateName::Stored => drop(api.stream(video, &[]).await?),
            StateName::Created
            | StateName::Uploading
            | StateName::Queued
            | StateName::Processing
            | StateName::Playable => tokio::time::sleep(POLL_INTERVAL).await,
        }
    }
}

fn playback_url(answer: &StreamResponse) -> anyhow::Result<String> {
    answer.hls_url.clone().ok_or_else(|| anyhow::anyhow!("the API returned no URL for a playable video"))
}

/// What a waiting video is waiting for.
fn reason(answer: &VideoResponse) -> Option<String> {
    match answer.state {
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
fn failed(failure: Option<FailureResponse>) -> CommandError {
    match failure {
        Some(failure) => CommandError::failed(failure.code, anyhow::anyhow!(failure.message)),
        None => CommandError::failed("video-failed", anyhow::anyhow!("the video failed without an explanation")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_waiting_video_has_a_reason() {
        let of = |state: &str, attempts| {
            let answer = json!({ "state": state, "playable": false, "attempts": attempts });
            reason(&serde_json::from_value(answer).unwrap())
        };
        let said = of("queued", json!([])).unwrap();
        assert!(said.contains("`edgereel transcoder` is running"), "{said}");
        let failed =
            json!([{ "failure": { "code": "internal", "message": "Something failed." } }, { "failure": null }]);
        assert!(
            of("queued", failed).unwrap().contains("`edgereel transcoder` is running"),
            "the last attempt was released"
        );
        let failed = json!([{ "failure": { "code": "internal", "message": "Something failed." } }]);
        let said = of("queued", failed).unwrap();
        assert_eq!(said, "Attempt 1 failed (internal): Something failed. The next attempt starts within an hour.");
        assert_eq!(of("processing", json!([])), None);
    }
}
