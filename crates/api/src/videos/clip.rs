//! `POST /v1/videos {"clip": ...}`: creates a video from a part of another one.

use api_types::clips::ClipRequest;
use api_types::videos::CreateVideo;
use catalog::Video;
use domain::clip::{Clip, InvalidClip};
use domain::object_key::FileName;
use domain::state::VideoState;

use super::convert::VideoResponse;
use super::import::{self, Origin};
use super::{existing, has_only_audio, view};
use crate::auth::{Caller, Scope};
use crate::error::ApiError;
use crate::state::ApiState;

impl From<InvalidClip> for ApiError {
    fn from(error: InvalidClip) -> Self {
        Self::invalid(error.to_string())
    }
}

/// Repeating the request for the same part with the same external id returns the existing video.
pub(super) async fn clip(
    state: &ApiState,
    caller: &Caller,
    request: CreateVideo,
    clip: &ClipRequest,
) -> Result<VideoResponse, ApiError> {
    // Who may only upload must not copy the videos of others.
    caller.require(Scope::Read)?;
    let of = existing(state, caller, clip.video).await?;
    let (VideoState::Ready { generation }, Some(duration_ms)) = (&of.state, of.duration_ms) else {
        return Err(ApiError::conflict(
            "the video is not ready: clips are made when it is",
        ));
    };
    let is_audio = has_only_audio(state, of.id, generation).await?;
    let part = Clip::new((of.id, duration_ms), clip.start, clip.end, clip.align)?;
    let file_name = if is_audio { "clip.m4a" } else { "clip.mp4" };
    let origin = Origin {
        url: part.to_string(),
        owner: of.owner.clone(),
        title: Some(title(&of, &part)),
        shown_name: None,
        file_name: FileName::clean(file_name),
    };
    import::create(state, caller, request, origin).await
}

/// The title of the video, with the part: `Lesson 1 (0:12 to 1:05)`.
fn title(of: &Video, clip: &Clip) -> String {
    let uploaded = view::file_name(of);
    let name = of.title.as_deref().or(uploaded.as_deref());
    let (start, end) = (clock(clip.start_ms), clock(clip.end_ms));
    match name {
        Some(name) => {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            format!("{name} ({start} to {end})")
        }
        None => format!("Clip ({start} to {end})"),
    }
}

/// Maximum characters of the name in a title, which has at most 200 characters.
const LONGEST_NAME: usize = 160;

/// A time, rounded down to seconds: `0:12`, `1:02:09`.
fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_players_show_them() {
        for (ms, expected) in [
            (0, "0:00"),
            (12_999, "0:12"),
            (65_000, "1:05"),
            (3_729_000, "1:02:09"),
        ] {
            assert_eq!(clock(ms), expected);
        }
    }
}
