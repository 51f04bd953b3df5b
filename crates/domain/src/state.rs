//! The life of a video: its states, and the only function that moves it from one to another.
//!
//! `created -> uploading -> queued -> processing -> playable -> ready`, `stored` before `queued` where nothing
//! is made before the first view, `failed` from any of the middle ones, `cancelled`, `deleted`. Events may come twice, late and out of order: one that has
//! been overtaken changes nothing, and one that must stop its sender is refused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureClass};
use crate::ids::Generation;

/// Where a video stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum VideoState {
    /// Known, with no byte of it stored.
    Created,
    /// Its parts are arriving.
    Uploading,
    /// The source is there, and nothing is made of it before somebody wants to watch it.
    Stored,
    /// The source is there, and a job waits for a worker.
    Queued,
    /// A worker has it.
    Processing,
    /// At least one rung with audio can be watched; the rest is being made.
    Playable,
    /// Complete, verified and published.
    Ready {
        /// What viewers get. A newer one that is being made changes nothing until it is verified.
        generation: Generation,
    },
    /// Nothing goes on until somebody asks for another attempt.
    Failed(Failure),
    /// Somebody stopped it before it was ready.
    Cancelled,
    /// Gone for good; the id is never used again.
    Deleted,
}

/// The name of a state, without what belongs to it: for filters and columns.
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
    /// Every state, in the order of a life.
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

    /// As it is written everywhere.
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

/// A word that names no state.
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
    /// Its name.
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

    /// Whether somebody with a grant can watch it now.
    pub fn is_watchable(&self) -> bool {
        matches!(self, Self::Playable | Self::Ready { .. })
    }

    /// Whether nothing more happens unless somebody asks for it.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Stored | Self::Ready { .. } | Self::Failed(_) | Self::Cancelled | Self::Deleted)
    }
}

/// Something that happened to a video.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VideoEvent {
    /// An upload was begun.
    UploadStarted,
    /// Somebody asked (again) to fetch the source from a URL.
    ImportRequested,
    /// The bucket told of the source that the video has already, or of its first one.
    SourceArrived,
    /// The same, of a video that is made on its first view.
    SourceStored,
    /// Somebody asked for work (again), or a different source arrived.
    WorkRequested,
    /// A worker claimed the job.
    WorkStarted,
    /// The worker gave the job back, or lost it, without a failure.
    WorkReleased,
    /// One rung with audio is published.
    BecamePlayable,
    /// Every object of this generation was checked, and the pointer moved to it.
    Verified {
        /// What viewers get from now on.
        generation: Generation,
    },
    /// An attempt failed. The queue may try again, unless the source is at fault.
    AttemptFailed(Failure),
    /// The last attempt failed: nobody tries again by himself.
    GivenUp(Failure),
    /// Somebody stopped it.
    Cancelled,
    /// Somebody removed it.
    Deleted,
}

/// The sender of an event has to stop: the video is where this may not happen any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a video that is {state} cannot {what}")]
pub struct Refused {
    /// Where the video stands.
    pub state: StateName,
    what: &'static str,
}

/// The state after `event`. An event that repeats or comes too late leaves the state as it is.
///
/// Whatever the order and number of events:
/// - `Ready` is reached by `Verified` alone, and holds the last generation that was verified;
/// - once ready, a video stays watchable until it is deleted: a failed re-encode changes nothing;
/// - from every state but `Deleted`, some event leads on.
pub fn transition(state: &VideoState, event: &VideoEvent) -> Result<VideoState, Refused> {
    use VideoEvent as E;
    use VideoState as S;
    let refused = |what| Err(Refused { state: state.name(), what });
    let unchanged = || Ok(state.clone());

    match (state, event) {
        (_, E::Deleted) => Ok(S::Deleted),
        (S::Deleted, _) => refused("change"),

        (S::Created, E::UploadStarted) => Ok(S::Uploading),
        (_, E::UploadStarted) => unchanged(),

        (S::Created | S::Uploading | S::Failed(_) | S::Cancelled, E::ImportRequested) => Ok(S::Uploading),
        // What has arrived need not be fetched.
        (_, E::ImportRequested) => unchanged(),

        (S::Created | S::Uploading, E::SourceArrived) => Ok(S::Queued),
        (S::Created | S::Uploading, E::SourceStored) => Ok(S::Stored),
        (S::Cancelled, E::SourceArrived | E::SourceStored) => refused("be queued by an event"),
        (_, E::SourceArrived | E::SourceStored) => unchanged(),

        (S::Created | S::Uploading | S::Stored | S::Failed(_) | S::Cancelled, E::WorkRequested) => Ok(S::Queued),
        (S::Queued | S::Processing | S::Playable | S::Ready { .. }, E::WorkRequested) => unchanged(),

        (S::Cancelled, E::WorkStarted) => refused("be worked on"),
        // The same file fails the same way: only somebody's wish (`WorkRequested`) starts it again.
        (S::Failed(failure), E::WorkStarted) if failure.class() == FailureClass::Source => refused("be worked on"),
        // An event may overtake the row, and a redriven job the failure that it answers.
        (S::Created | S::Uploading | S::Stored | S::Queued | S::Failed(_), E::WorkStarted) => Ok(S::Processing),
        (S::Processing | S::Playable | S::Ready { .. }, E::WorkStarted) => unchanged(),

        (S::Processing, E::WorkReleased) => Ok(S::Queued),
        (_, E::WorkReleased) => unchanged(),

        (S::Processing, E::BecamePlayable) => Ok(S::Playable),
        (S::Playable | S::Ready { .. }, E::BecamePlayable) => unchanged(),
        (_, E::BecamePlayable) => refused("become playable"),

        (S::Processing | S::Playable | S::Ready { .. }, E::Verified { generation }) => {
            Ok(S::Ready { generation: generation.clone() })
        }
        (_, E::Verified { .. }) => refused("become ready"),

        (S::Ready { .. } | S::Failed(_) | S::Cancelled, E::AttemptFailed(_) | E::GivenUp(_)) => unchanged(),
        (_, E::GivenUp(failure)) => Ok(S::Failed(failure.clone())),
        (_, E::AttemptFailed(failure)) => match (failure.class(), state) {
            (FailureClass::Source, _) => Ok(S::Failed(failure.clone())),
            (FailureClass::Infrastructure | FailureClass::Shutdown, S::Processing) => Ok(S::Queued),
            (FailureClass::Infrastructure | FailureClass::Shutdown, _) => unchanged(),
        },

        (S::Ready { .. } | S::Failed(_) | S::Cancelled, E::Cancelled) => unchanged(),
        (S::Created | S::Uploading | S::Stored | S::Queued | S::Processing | S::Playable, E::Cancelled) => {
            Ok(S::Cancelled)
        }
    }
}

#[cfg(test)]
mod tests;
