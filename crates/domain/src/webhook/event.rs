//! The types of events, and the state changes that emit them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::state::VideoState;

/// The type of an event. The names are stable, because customers' programs compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EventType {
    /// A source has arrived completely.
    UploadCompleted,
    /// A worker has started; emitted again after each failed attempt.
    VideoProcessing,
    /// Progress of the work. Only for endpoints that subscribe to it by name.
    VideoProgress,
    /// The video can be watched while the remaining rungs are encoded.
    VideoPlayable,
    /// The video is complete, verified and published.
    VideoReady,
    /// The captions of a ready video were published, replaced or removed.
    VideoCaptions,
    /// The video failed; nothing happens until a user requests another attempt.
    VideoFailed,
    /// The video was deleted permanently.
    VideoDeleted,
    /// A test event, which a user sent to an endpoint.
    Test,
}

impl EventType {
    /// The types that an endpoint can subscribe to, in the order of a video's life.
    pub const ALL: [Self; 8] = [
        Self::UploadCompleted,
        Self::VideoProcessing,
        Self::VideoProgress,
        Self::VideoPlayable,
        Self::VideoReady,
        Self::VideoCaptions,
        Self::VideoFailed,
        Self::VideoDeleted,
    ];

    /// The name as it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UploadCompleted => "upload.completed",
            Self::VideoProcessing => "video.processing",
            Self::VideoProgress => "video.progress",
            Self::VideoPlayable => "video.playable",
            Self::VideoReady => "video.ready",
            Self::VideoCaptions => "video.captions",
            Self::VideoFailed => "video.failed",
            Self::VideoDeleted => "video.deleted",
            Self::Test => "test",
        }
    }

    /// Whether an endpoint that lists no types receives it.
    pub fn is_on_by_default(self) -> bool {
        self != Self::VideoProgress
    }

    /// The event of a state change; `None` if the state does not change.
    pub fn of_change(before: &VideoState, after: &VideoState) -> Option<Self> {
        if before == after {
            return None;
        }
        match after {
            VideoState::Processing => Some(Self::VideoProcessing),
            VideoState::Playable => Some(Self::VideoPlayable),
            VideoState::Ready { .. } => Some(Self::VideoReady),
            VideoState::Failed(_) => Some(Self::VideoFailed),
            VideoState::Deleted => Some(Self::VideoDeleted),
            VideoState::Created
            | VideoState::Uploading
            | VideoState::Stored
            | VideoState::Queued
            | VideoState::Cancelled => None,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of an event type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a type of event: use upload.completed, video.processing, video.progress, video.playable, \
     video.ready, video.captions, video.failed or video.deleted"
)]
pub struct UnknownEventType(String);

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        Self::ALL
            .into_iter()
            .chain([Self::Test])
            .find(|it| it.as_str() == text)
            .ok_or_else(|| UnknownEventType(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for EventType {
    type Error = UnknownEventType;

    fn try_from(text: String) -> Result<Self, UnknownEventType> {
        text.parse()
    }
}

impl From<EventType> for String {
    fn from(kind: EventType) -> Self {
        kind.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, FailureCode};
    use crate::ids::Generation;

    #[test]
    fn names_are_read_back() {
        for kind in EventType::ALL.into_iter().chain([EventType::Test]) {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        let unknown = "video.redy".parse::<EventType>().unwrap_err().to_string();
        assert!(
            unknown.contains("`video.redy`") && unknown.contains("video.ready"),
            "{unknown}"
        );
        for kind in EventType::ALL {
            assert!(unknown.contains(kind.as_str()), "the message names {kind}");
        }
    }

    #[test]
    fn only_changes_emit_events() {
        use VideoState as S;
        let ready = |etag| S::Ready {
            generation: Generation::of(etag, "profile"),
        };
        let failed = |code| S::Failed(Failure::of(code));
        let table = [
            (S::Created, S::Uploading, None),
            (S::Uploading, S::Queued, None),
            (S::Queued, S::Processing, Some("video.processing")),
            (S::Processing, S::Processing, None),
            (S::Processing, S::Queued, None),
            (S::Processing, S::Playable, Some("video.playable")),
            (S::Playable, S::Playable, None),
            (S::Playable, ready("1"), Some("video.ready")),
            (S::Processing, ready("1"), Some("video.ready")),
            (ready("1"), ready("1"), None),
            (ready("1"), ready("2"), Some("video.ready")),
            (
                S::Queued,
                failed(FailureCode::NotAVideo),
                Some("video.failed"),
            ),
            (
                failed(FailureCode::NotAVideo),
                failed(FailureCode::NotAVideo),
                None,
            ),
            (failed(FailureCode::NotAVideo), S::Queued, None),
            (S::Playable, S::Cancelled, None),
            (S::Cancelled, S::Deleted, Some("video.deleted")),
            (S::Deleted, S::Deleted, None),
        ];
        for (before, after, expected) in table {
            assert_eq!(
                EventType::of_change(&before, &after).map(EventType::as_str),
                expected,
                "{before:?} to {after:?}"
            );
        }
    }
}
