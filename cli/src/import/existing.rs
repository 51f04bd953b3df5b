//! The videos that were made of assets before.

use std::time::Duration;

use api_types::videos::{ListVideos, Video, VideoSummary};
use domain::ids::VideoId;
use domain::state::StateName;
use domain::time::UnixMillis;
use platform::clock;

use crate::api::{Api, ApiError};
use crate::catalogue::{Item, outcome};

/// After this time, a video that waits for its import was left by an API that crashed.
const CRASHED: Duration = Duration::from_secs(120);
/// Videos with the same external id that are looked at: the newest counts.
const PAGE: u32 = 1;

/// What the API has for an asset.
pub(super) enum Existing {
    /// Nothing.
    Nothing,
    /// A video whose file never arrived.
    WithoutSource(VideoId),
    /// A video.
    Video(Box<Video>),
}

/// The newest video with this external id, whatever its owner.
///
/// # Errors
/// Those of the API.
pub(super) async fn existing(api: &Api, external_id: &str) -> Result<Existing, ApiError> {
    let params = ListVideos {
        external_id: Some(external_id.to_owned()),
        limit: Some(PAGE),
        ..ListVideos::default()
    };
    let Some(found) = api.videos(&params).await?.videos.into_iter().next() else {
        return Ok(Existing::Nothing);
    };
    if is_without_source(&found, clock::now()) {
        return Ok(Existing::WithoutSource(found.id));
    }
    match api.video(found.id).await {
        Ok(video) => Ok(Existing::Video(Box::new(video))),
        Err(error) if error.is_missing() => Ok(Existing::Nothing),
        Err(error) => Err(error),
    }
}

/// An item with what became of its video.
pub(super) fn of_video(item: &Item, video: &Video) -> Item {
    let summary = &video.summary;
    let (state, problem) = outcome(summary.state, summary.failure.as_ref());
    Item {
        size: summary.source.size.unwrap_or(item.size),
        state,
        video: Some(summary.id),
        seconds: summary.duration_seconds,
        usd: video.receipt.as_ref().map(|it| it.cost.once_usd()),
        problem,
        ..item.clone()
    }
}

/// Whether the file of a video did not arrive, and will not.
fn is_without_source(video: &VideoSummary, now: UnixMillis) -> bool {
    let code = video.failure.as_ref().map(|it| it.code.to_string());
    match video.state {
        StateName::Created => now.since(video.created_at.into()) > CRASHED,
        StateName::Failed => matches!(
            code.as_deref(),
            Some("fetch-refused" | "fetch-failed" | "fetch-too-slow")
        ),
        StateName::Uploading
        | StateName::Queued
        | StateName::Processing
        | StateName::Playable
        | StateName::Stored
        | StateName::Ready
        | StateName::Cancelled
        | StateName::Deleted => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn video(state: &str, code: Option<&str>) -> VideoSummary {
        let at = "2026-11-21T18:27:05.123Z";
        let failure = code.map(|it| json!({ "class": "customer", "code": it, "message": "" }));
        let video = json!({
            "id": "vid_018bcfe5680077078707070707070707", "owner": null, "state": state, "playable": false,
            "stage": null, "percent": null, "title": null, "duration_seconds": null, "width": null, "height": null,
            "poster_url": null, "external_id": null, "metadata": {}, "profile": "default", "mode": "abr",
            "generate": "on_upload", "source": { "size": null, "content_type": null, "filename": null },
            "failure": failure, "created_at": at, "updated_at": at, "queued_at": null, "playable_at": null,
            "ready_at": null,
        });
        serde_json::from_value(video).unwrap()
    }

    #[test]
    fn videos_whose_files_cannot_arrive_any_more_are_made_again() {
        for (state, code, age, expected) in [
            ("created", None, 60, false),
            ("created", None, 121, true),
            ("uploading", None, 10_000, false),
            ("failed", Some("fetch-refused"), 1, true),
            ("failed", Some("fetch-failed"), 1, true),
            ("failed", Some("fetch-too-slow"), 1, true),
            ("failed", Some("not-a-video"), 1, false),
            ("failed", Some("a-newer-code"), 1, false),
            ("ready", None, 1, false),
            ("cancelled", None, 10_000, false),
        ] {
            let video = video(state, code);
            let now = UnixMillis::from(video.created_at) + Duration::from_secs(age);
            assert_eq!(is_without_source(&video, now), expected, "{state} {code:?}");
        }
    }
}
