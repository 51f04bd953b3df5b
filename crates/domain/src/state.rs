//! The states of a video, and the only function that changes them.
//!
//! `created -> uploading -> queued -> processing -> playable -> ready`, with `stored` before
//! `queued` if transcoding starts at the first view, `failed` from any of the middle states,
//! `cancelled`, `deleted`. Events may arrive twice, late and out of order: an obsolete event
//! changes nothing, and an event whose sender must stop is refused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureClass};
use crate::ids::Generation;

/// The state of a video.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum VideoState {
    /// The video is known, but no byte of it is stored.
    Created,
    /// Parts of the source are arriving.
    Uploading,
    /// The source is stored; transcoding starts at the first playback request.
    Stored,
    /// The source is stored, and a job waits for a worker.
    Queued,
    /// A worker has claimed the video.
    Processing,
    /// At least one rung with audio can be watched, while the others are being encoded.
    Playable,
    /// The video is complete, verified and published.
    Ready {
        /// The published generation. A newer one in progress changes nothing until it is verified.
        generation: Generation,
    },
    /// Nothing happens until a user requests another attempt.
    Failed(Failure),
    /// A user stopped it before it was ready.
    Cancelled,
    /// Deleted permanently; the id is never used again.
    Deleted,
}

/// The name of a state without its data, for filters and database columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the states are described at `VideoState`")]
pub enum StateName {
    Created,
    Uploading,
    Stored,
    Queued,
    Processing,
    Playable,
    Ready,
    Failed,
    Cancelled,
    Deleted,
}

impl StateName {
    /// All states, in the order of a video's life.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Uploading,
        Self::Stored,
        Self::Queued,
        Self::Processing,
        Self::Playable,
        Self::Ready,
        Self::Failed,
        Self::Cancelled,
        Self::Deleted,
    ];

    /// The name in the API and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Uploading => "uploading",
            Self::Stored => "stored",
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Playable => "playable",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not the name of a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a state: use created, uploading, stored, queued, processing, playable, ready, failed, cancelled or deleted"
)]
pub struct UnknownState(String);

impl FromStr for StateName {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| UnknownState(text.chars().take(64).collect()))
    }
}

impl VideoState {
    /// The name of this state.
    pub fn name(&self) -> StateName {
        match self {
            Self::Created => StateName::Created,
            Self::Uploading => StateName::Uploading,
            Self::Stored => StateName::Stored,
            Self::Queued => StateName::Queued,
            Self::Processing => StateName::Processing,
            Self::Playable => StateName::Playable,
            Self::Ready { .. } => StateName::Ready,
            Self::Failed(_) => StateName::Failed,
            Self::Cancelled => StateName::Cancelled,
            Self::Deleted => StateName::Deleted,
        }
    }

    /// Whether a viewer with a grant can watch it now.
    pub fn can_be_played(&self) -> bool {
        matches!(self, Self::Playable | Self::Ready { .. })
    }

    /// Whether nothing more happens without a request.
    pub fn is_settled(&self) -> bool {
        matches!(
            self,
            Self::Stored | Self::Ready { .. } | Self::Failed(_) | Self::Cancelled | Self::Deleted
        )
    }
}

/// An event in the life of a video.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VideoEvent {
    /// An upload was started.
    UploadStarted,
    /// An import of the source from a URL was requested, for the first time or again.
    ImportRequested,
    /// The bucket reported the source that the video has already, or its first one.
    SourceArrived,
    /// As `SourceArrived`, for a video that is transcoded at its first view.
    SourceStored,
    /// Work was requested, for the first time or again, or a different source arrived.
    WorkRequested,
    /// A worker claimed the job.
    WorkStarted,
    /// The worker released the job, or lost it, without a failure.
    WorkReleased,
    /// One rung with audio was published.
    BecamePlayable,
    /// All objects of this generation were verified, and the pointer was switched to it.
    Verified {
        /// The generation that viewers get from now on.
        generation: Generation,
    },
    /// An attempt failed. The queue may retry it, unless the source is at fault.
    AttemptFailed(Failure),
    /// The last attempt failed: there are no automatic retries.
    FailedPermanently(Failure),
    /// A user cancelled the work.
    Cancelled,
    /// A user deleted the video.
    Deleted,
}

/// The state of the video does not allow the event: its sender has to stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a video that is {state} cannot {what}")]
pub struct Refused {
    /// The current state of the video.
    pub state: StateName,
    what: &'static str,
}

/// The state after `event`. A repeated or late event leaves the state unchanged.
///
/// For any order and number of events:
/// - `Ready` is only reached by `Verified`, and holds the last generation that was verified;
/// - once ready, a video stays watchable until it is deleted: a failed re-encode changes nothing;
/// - from every state but `Deleted`, there is an event that changes it.
pub fn transition(state: &VideoState, event: &VideoEvent) -> Result<VideoState, Refused> {
    use VideoEvent as E;
    use VideoState as S;
    let refused = |what| {
        Err(Refused {
            state: state.name(),
            what,
        })
    };
    let unchanged = || Ok(state.clone());

    match (state, event) {
        (_, E::Deleted) => Ok(S::Deleted),
        (S::Deleted, _) => refused("change"),

        (S::Created, E::UploadStarted) => Ok(S::Uploading),
        (_, E::UploadStarted) => unchanged(),

        (S::Created | S::Uploading | S::Failed(_) | S::Cancelled, E::ImportRequested) => {
            Ok(S::Uploading)
        }
        // A source that has arrived need not be imported.
        (_, E::ImportRequested) => unchanged(),

        (S::Created | S::Uploading, E::SourceArrived) => Ok(S::Queued),
        (S::Created | S::Uploading, E::SourceStored) => Ok(S::Stored),
        (S::Cancelled, E::SourceArrived | E::SourceStored) => refused("be queued by an event"),
        (_, E::SourceArrived | E::SourceStored) => unchanged(),

        (S::Created | S::Uploading | S::Stored | S::Failed(_) | S::Cancelled, E::WorkRequested) => {
            Ok(S::Queued)
        }
        (S::Queued | S::Processing | S::Playable | S::Ready { .. }, E::WorkRequested) => {
            unchanged()
        }

        (S::Cancelled, E::WorkStarted) => refused("be worked on"),
        // The same file fails in the same way: only a request (`WorkRequested`) starts it again.
        (S::Failed(failure), E::WorkStarted) if failure.class() == FailureClass::Source => {
            refused("be worked on")
        }
        // An event may arrive before the row, and a redriven job before the failure that it repeats is recorded.
        (S::Created | S::Uploading | S::Stored | S::Queued | S::Failed(_), E::WorkStarted) => {
            Ok(S::Processing)
        }
        (S::Processing | S::Playable | S::Ready { .. }, E::WorkStarted) => unchanged(),

        (S::Processing, E::WorkReleased) => Ok(S::Queued),
        (_, E::WorkReleased) => unchanged(),

        (S::Processing, E::BecamePlayable) => Ok(S::Playable),
        (S::Playable | S::Ready { .. }, E::BecamePlayable) => unchanged(),
        (_, E::BecamePlayable) => refused("become playable"),

        (S::Processing | S::Playable | S::Ready { .. }, E::Verified { generation }) => {
            Ok(S::Ready {
                generation: generation.clone(),
            })
        }
        (_, E::Verified { .. }) => refused("become ready"),

        (
            S::Ready { .. } | S::Failed(_) | S::Cancelled,
            E::AttemptFailed(_) | E::FailedPermanently(_),
        ) => unchanged(),
        (_, E::FailedPermanently(failure)) => Ok(S::Failed(failure.clone())),
        (_, E::AttemptFailed(failure)) => match (failure.class(), state) {
            (FailureClass::Source, _) => Ok(S::Failed(failure.clone())),
            (FailureClass::Infrastructure | FailureClass::Shutdown, S::Processing) => Ok(S::Queued),
            (FailureClass::Infrastructure | FailureClass::Shutdown, _) => unchanged(),
        },

        (S::Ready { .. } | S::Failed(_) | S::Cancelled, E::Cancelled) => unchanged(),
        (
            S::Created | S::Uploading | S::Stored | S::Queued | S::Processing | S::Playable,
            E::Cancelled,
        ) => Ok(S::Cancelled),
    }
}

#[cfg(test)]
mod tests;
