//! The life of a video: its states, and the only function that moves it from one to another.
//!
//! `created -> uploading -> queued -> processing -> playable -> ready`, `failed` from any of the
//! middle ones, `cancelled`, `deleted`. Events may come twice, late and out of order: one that has
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
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the states are described at `VideoState`")]
pub enum StateName {
    Created,
    Uploading,
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
    pub const ALL: [Self; 9] = [
        Self::Created,
        Self::Uploading,
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
    "`{0}` is not a state: use created, uploading, queued, processing, playable, ready, failed, cancelled or deleted"
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
        matches!(self, Self::Ready { .. } | Self::Failed(_) | Self::Cancelled | Self::Deleted)
    }
}

/// Something that happened to a video.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VideoEvent {
    /// An upload was begun.
    UploadStarted,
    /// The bucket told of the source that the video has already, or of its first one.
    SourceArrived,
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

        (S::Created | S::Uploading, E::SourceArrived) => Ok(S::Queued),
        (S::Cancelled, E::SourceArrived) => refused("be queued by an event"),
        (_, E::SourceArrived) => unchanged(),

        (S::Created | S::Uploading | S::Failed(_) | S::Cancelled, E::WorkRequested) => Ok(S::Queued),
        (S::Queued | S::Processing | S::Playable | S::Ready { .. }, E::WorkRequested) => unchanged(),

        (S::Cancelled, E::WorkStarted) => refused("be worked on"),
        // The same file fails the same way: only somebody's wish (`WorkRequested`) starts it again.
        (S::Failed(failure), E::WorkStarted) if failure.class() == FailureClass::Source => refused("be worked on"),
        // An event may overtake the row, and a redriven job the failure that it answers.
        (S::Created | S::Uploading | S::Queued | S::Failed(_), E::WorkStarted) => Ok(S::Processing),
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
        (S::Created | S::Uploading | S::Queued | S::Processing | S::Playable, E::Cancelled) => Ok(S::Cancelled),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::failure::FailureCode;

    fn generation(name: &str) -> Generation {
        Generation::of(name, "profile")
    }

    fn ready(name: &str) -> VideoState {
        VideoState::Ready { generation: generation(name) }
    }

    fn every_state() -> Vec<VideoState> {
        vec![
            VideoState::Created,
            VideoState::Uploading,
            VideoState::Queued,
            VideoState::Processing,
            VideoState::Playable,
            ready("a"),
            VideoState::Failed(Failure::of(FailureCode::NotAVideo)),
            VideoState::Failed(Failure::of(FailureCode::DiskFull)),
            VideoState::Cancelled,
            VideoState::Deleted,
        ]
    }

    fn every_event() -> Vec<(&'static str, VideoEvent)> {
        vec![
            ("upload-started", VideoEvent::UploadStarted),
            ("source-arrived", VideoEvent::SourceArrived),
            ("work-requested", VideoEvent::WorkRequested),
            ("work-started", VideoEvent::WorkStarted),
            ("work-released", VideoEvent::WorkReleased),
            ("became-playable", VideoEvent::BecamePlayable),
            ("verified", VideoEvent::Verified { generation: generation("b") }),
            ("attempt-failed (source)", VideoEvent::AttemptFailed(Failure::of(FailureCode::Truncated))),
            ("attempt-failed (ours)", VideoEvent::AttemptFailed(Failure::of(FailureCode::Unavailable))),
            ("attempt-failed (shutdown)", VideoEvent::AttemptFailed(Failure::of(FailureCode::Shutdown))),
            ("given-up", VideoEvent::GivenUp(Failure::of(FailureCode::WorkerLost))),
            ("cancelled", VideoEvent::Cancelled),
            ("deleted", VideoEvent::Deleted),
        ]
    }

    fn show(state: &VideoState) -> String {
        match state {
            VideoState::Failed(failure) => format!("failed:{}", failure.code),
            VideoState::Ready { generation } if *generation == self::generation("b") => "ready:b".to_owned(),
            other => other.name().to_string(),
        }
    }

    #[test]
    fn the_whole_table() {
        let mut table = String::new();
        for state in every_state() {
            table += &format!("{}\n", show(&state));
            for (name, event) in every_event() {
                match transition(&state, &event) {
                    Ok(next) if next == state => {}
                    Ok(next) => table += &format!("    {name} -> {}\n", show(&next)),
                    Err(refused) => table += &format!("    {name} refused: {refused}\n"),
                }
            }
        }
        insta::assert_snapshot!(table, @"
        created
            upload-started -> uploading
            source-arrived -> queued
            work-requested -> queued
            work-started -> processing
            became-playable refused: a video that is created cannot become playable
            verified refused: a video that is created cannot become ready
            attempt-failed (source) -> failed:truncated
            given-up -> failed:worker-lost
            cancelled -> cancelled
            deleted -> deleted
        uploading
            source-arrived -> queued
            work-requested -> queued
            work-started -> processing
            became-playable refused: a video that is uploading cannot become playable
            verified refused: a video that is uploading cannot become ready
            attempt-failed (source) -> failed:truncated
            given-up -> failed:worker-lost
            cancelled -> cancelled
            deleted -> deleted
        queued
            work-started -> processing
            became-playable refused: a video that is queued cannot become playable
            verified refused: a video that is queued cannot become ready
            attempt-failed (source) -> failed:truncated
            given-up -> failed:worker-lost
            cancelled -> cancelled
            deleted -> deleted
        processing
            work-released -> queued
            became-playable -> playable
            verified -> ready:b
            attempt-failed (source) -> failed:truncated
            attempt-failed (ours) -> queued
            attempt-failed (shutdown) -> queued
            given-up -> failed:worker-lost
            cancelled -> cancelled
            deleted -> deleted
        playable
            verified -> ready:b
            attempt-failed (source) -> failed:truncated
            given-up -> failed:worker-lost
            cancelled -> cancelled
            deleted -> deleted
        ready
            verified -> ready:b
            deleted -> deleted
        failed:not-a-video
            work-requested -> queued
            work-started refused: a video that is failed cannot be worked on
            became-playable refused: a video that is failed cannot become playable
            verified refused: a video that is failed cannot become ready
            deleted -> deleted
        failed:disk-full
            work-requested -> queued
            work-started -> processing
            became-playable refused: a video that is failed cannot become playable
            verified refused: a video that is failed cannot become ready
            deleted -> deleted
        cancelled
            source-arrived refused: a video that is cancelled cannot be queued by an event
            work-requested -> queued
            work-started refused: a video that is cancelled cannot be worked on
            became-playable refused: a video that is cancelled cannot become playable
            verified refused: a video that is cancelled cannot become ready
            deleted -> deleted
        deleted
            upload-started refused: a video that is deleted cannot change
            source-arrived refused: a video that is deleted cannot change
            work-requested refused: a video that is deleted cannot change
            work-started refused: a video that is deleted cannot change
            work-released refused: a video that is deleted cannot change
            became-playable refused: a video that is deleted cannot change
            verified refused: a video that is deleted cannot change
            attempt-failed (source) refused: a video that is deleted cannot change
            attempt-failed (ours) refused: a video that is deleted cannot change
            attempt-failed (shutdown) refused: a video that is deleted cannot change
            given-up refused: a video that is deleted cannot change
            cancelled refused: a video that is deleted cannot change
        ");
    }

    #[test]
    fn names_print_and_parse() {
        for name in StateName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        assert!("done".parse::<StateName>().is_err());
    }

    #[test]
    fn from_every_state_but_deleted_a_way_leads_to_ready() {
        let path = [
            VideoEvent::WorkRequested,
            VideoEvent::WorkStarted,
            VideoEvent::BecamePlayable,
            VideoEvent::Verified { generation: generation("b") },
        ];
        for state in every_state().into_iter().filter(|it| *it != VideoState::Deleted) {
            let end = path.iter().fold(state.clone(), |it, event| transition(&it, event).unwrap());
            assert_eq!(end, ready("b"), "from {state:?}");
        }
    }

    fn any_event() -> impl Strategy<Value = VideoEvent> {
        let code = proptest::sample::select(FailureCode::ALL.to_vec());
        prop_oneof![
            1 => Just(VideoEvent::UploadStarted),
            1 => Just(VideoEvent::SourceArrived),
            1 => Just(VideoEvent::WorkRequested),
            3 => Just(VideoEvent::WorkStarted),
            1 => Just(VideoEvent::WorkReleased),
            2 => Just(VideoEvent::BecamePlayable),
            2 => "[a-c]".prop_map(|it| VideoEvent::Verified { generation: generation(&it) }),
            1 => code.clone().prop_map(|it| VideoEvent::AttemptFailed(Failure::of(it))),
            1 => code.prop_map(|it| VideoEvent::GivenUp(Failure::of(it))),
            1 => Just(VideoEvent::Cancelled),
            // Rare: nothing happens after it.
            1 => proptest::bool::weighted(0.1).prop_map(|it| if it { VideoEvent::Deleted } else { VideoEvent::WorkStarted }),
        ]
    }

    proptest! {
        #[test]
        fn ready_means_verified_and_stays_watchable(events in proptest::collection::vec(any_event(), 0..60)) {
            let mut state = VideoState::Created;
            let mut verified = None;
            for event in &events {
                let next = transition(&state, event);
                if let (Ok(_), VideoEvent::Verified { generation }) = (&next, event) {
                    verified = Some(generation.clone());
                }
                let next = next.unwrap_or_else(|_| state.clone());
                match &next {
                    VideoState::Ready { generation } => prop_assert_eq!(Some(generation), verified.as_ref()),
                    VideoState::Deleted => prop_assert!(state == VideoState::Deleted || *event == VideoEvent::Deleted),
                    _ => prop_assert!(verified.is_none(), "{:?} took {:?} away from its viewers", event, state),
                }
                state = next;
            }
        }

        #[test]
        fn an_event_twice_is_an_event_once(events in proptest::collection::vec(any_event(), 0..30), last in any_event()) {
            let state = events.iter().fold(VideoState::Created, |it, event| transition(&it, event).unwrap_or(it));
            if let Ok(once) = transition(&state, &last) {
                // Work that was released by a failure is not released a second time: the state is the same.
                prop_assert_eq!(transition(&once, &last), Ok(once));
            }
        }

        #[test]
        fn failed_is_reached_by_failures_alone(events in proptest::collection::vec(any_event(), 0..60)) {
            let mut state = VideoState::Created;
            for event in &events {
                let next = transition(&state, event).unwrap_or_else(|_| state.clone());
                if next != state && let VideoState::Failed(kept) = &next {
                    match event {
                        VideoEvent::GivenUp(failure) => prop_assert_eq!(kept, failure),
                        VideoEvent::AttemptFailed(failure) => {
                            prop_assert_eq!(kept, failure);
                            prop_assert_eq!(failure.class(), FailureClass::Source);
                        }
                        other => prop_assert!(false, "{:?} made it fail", other),
                    }
                }
                state = next;
            }
        }
    }
}
