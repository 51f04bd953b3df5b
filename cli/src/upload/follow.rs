//! Follows a video from its upload until it is ready or has failed.

use std::time::{Duration, Instant};

use domain::ids::VideoId;
use domain::state::StateName;

use crate::Result;
use crate::api::{Api, FailureAnswer, StreamAnswer, VideoAnswer};
use crate::output::Stop;

/// Something new about a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// How far it is.
    At {
        /// Where it stands.
        state: StateName,
        /// What is being done.
        stage: Option<String>,
        /// Of the whole work, 0 to 100.
        percent: Option<u8>,
    },
    /// Nothing has happened for some time.
    Waits {
        /// Where it stands.
        state: StateName,
        /// What it waits for, a sentence.
        what_for: String,
    },
    /// It can be watched.
    Playable {
        /// Since the end of the upload.
        after: Duration,
        /// With a grant.
        hls_url: String,
    },
}

/// A video that is ready.
pub struct Ready {
    /// Since the end of the upload; `None` if it could be watched before anybody looked.
    pub playable_after: Duration,
    /// Since the end of the upload.
    pub ready_after: Duration,
    /// With a grant.
    pub hls_url: String,
    /// All that the API tells.
    pub video: VideoAnswer,
}

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// After so long without a change it is worth saying what a video waits for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Follows `video`, whose upload ended at `uploaded`.
///
/// # Errors
/// The failure of the video, with its code and sentence; or what the API says.
pub async fn follow(api: &Api, video: VideoId, uploaded: Instant, tell: &impl Fn(News)) -> Result<Ready> {
    let (mut told, mut playable_after) = (None, None);
    let mut changed = Instant::now();
    let mut said_what_for = None;
    loop {
        let answer = api.video(video).await?;
        let looked = uploaded.elapsed();
        if answer.watchable && playable_after.is_none() {
            playable_after = Some(looked);
            let hls_url = playback_url(&api.stream(video, &[]).await?)?;
            tell(News::Playable { after: looked, hls_url });
        }
        let news = News::At { state: answer.state, stage: answer.stage.clone(), percent: answer.percent };
        if told.as_ref() != Some(&news) {
            tell(news.clone());
            told = Some(news);
            changed = Instant::now();
        }
        let waits = (answer.state, answer.attempts.len());
        if changed.elapsed() >= PATIENCE && said_what_for != Some(waits) {
            if let Some(what_for) = what_for(&answer) {
                tell(News::Waits { state: answer.state, what_for });
            }
            said_what_for = Some(waits);
        }
        match answer.state {
            StateName::Ready => {
                let hls_url = playback_url(&api.stream(video, &[]).await?)?;
                let playable_after = playable_after.unwrap_or(looked);
                return Ok(Ready { playable_after, ready_after: looked, hls_url, video: answer });
            }
            StateName::Failed => return Err(failed(answer.failure)),
            StateName::Cancelled | StateName::Deleted => {
                let gone = anyhow::anyhow!("another client has {} the video", answer.state);
                return Err(Stop::failed("video-gone", gone));
            }
            // To wait for it is to want to see it.
            StateName::Stored => drop(api.stream(video, &[]).await?),
            StateName::Created
            | StateName::Uploading
            | StateName::Queued
            | StateName::Processing
            | StateName::Playable => tokio::time::sleep(LOOK_INTERVAL).await,
        }
    }
}

fn playback_url(answer: &StreamAnswer) -> anyhow::Result<String> {
    answer.hls_url.clone().ok_or_else(|| anyhow::anyhow!("the API returned no URL for a playable video"))
}

/// What a video waits for that nobody works on.
fn what_for(answer: &VideoAnswer) -> Option<String> {
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

/// The sentence of the failure is the whole answer: it says what is wrong and what to do.
fn failed(failure: Option<FailureAnswer>) -> Stop {
    match failure {
        Some(failure) => Stop::failed(failure.code, anyhow::anyhow!(failure.message)),
        None => Stop::failed("video-failed", anyhow::anyhow!("the video failed without an explanation")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_video_says_what_it_waits_for() {
        let of = |state: &str, attempts| {
            let answer = json!({ "state": state, "watchable": false, "attempts": attempts });
            what_for(&serde_json::from_value(answer).unwrap())
        };
        let said = of("queued", json!([])).unwrap();
        assert!(said.contains("`edgereel transcoder` is running"), "{said}");
        let failed =
            json!([{ "failure": { "code": "internal", "message": "Something failed." } }, { "failure": null }]);
        assert!(
            of("queued", failed).unwrap().contains("`edgereel transcoder` is running"),
            "the last one was given back"
        );
        let failed = json!([{ "failure": { "code": "internal", "message": "Something failed." } }]);
        let said = of("queued", failed).unwrap();
        assert_eq!(said, "Attempt 1 failed (internal): Something failed. The next attempt starts within an hour.");
        assert_eq!(of("processing", json!([])), None);
    }
}
