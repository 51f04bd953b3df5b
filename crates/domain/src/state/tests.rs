//! The complete transition table, and invariants for any order of events.

use proptest::prelude::*;

use super::*;
use crate::failure::FailureCode;

fn generation(name: &str) -> Generation {
    Generation::of(name, "profile")
}

fn ready(name: &str) -> VideoState {
    VideoState::Ready {
        generation: generation(name),
    }
}

fn every_state() -> Vec<VideoState> {
    vec![
        VideoState::Created,
        VideoState::Uploading,
        VideoState::Stored,
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
        ("import-requested", VideoEvent::ImportRequested),
        ("source-arrived", VideoEvent::SourceArrived),
        ("source-stored", VideoEvent::SourceStored),
        ("work-requested", VideoEvent::WorkRequested),
        ("work-started", VideoEvent::WorkStarted),
        ("work-released", VideoEvent::WorkReleased),
        ("became-playable", VideoEvent::BecamePlayable),
        (
            "verified",
            VideoEvent::Verified {
                generation: generation("b"),
            },
        ),
        (
            "attempt-failed (source)",
            VideoEvent::AttemptFailed(Failure::of(FailureCode::Truncated)),
        ),
        (
            "attempt-failed (ours)",
            VideoEvent::AttemptFailed(Failure::of(FailureCode::Unavailable)),
        ),
        (
            "attempt-failed (shutdown)",
            VideoEvent::AttemptFailed(Failure::of(FailureCode::Shutdown)),
        ),
        (
            "given-up",
            VideoEvent::FailedPermanently(Failure::of(FailureCode::WorkerLost)),
        ),
        ("cancelled", VideoEvent::Cancelled),
        ("deleted", VideoEvent::Deleted),
    ]
}

fn show(state: &VideoState) -> String {
    match state {
        VideoState::Failed(failure) => format!("failed:{}", failure.code),
        VideoState::Ready { generation } if *generation == self::generation("b") => {
            "ready:b".to_owned()
        }
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
        import-requested -> uploading
        source-arrived -> queued
        source-stored -> stored
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
        source-stored -> stored
        work-requested -> queued
        work-started -> processing
        became-playable refused: a video that is uploading cannot become playable
        verified refused: a video that is uploading cannot become ready
        attempt-failed (source) -> failed:truncated
        given-up -> failed:worker-lost
        cancelled -> cancelled
        deleted -> deleted
    stored
        work-requested -> queued
        work-started -> processing
        became-playable refused: a video that is stored cannot become playable
        verified refused: a video that is stored cannot become ready
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
        import-requested -> uploading
        work-requested -> queued
        work-started refused: a video that is failed cannot be worked on
        became-playable refused: a video that is failed cannot become playable
        verified refused: a video that is failed cannot become ready
        deleted -> deleted
    failed:disk-full
        import-requested -> uploading
        work-requested -> queued
        work-started -> processing
        became-playable refused: a video that is failed cannot become playable
        verified refused: a video that is failed cannot become ready
        deleted -> deleted
    cancelled
        import-requested -> uploading
        source-arrived refused: a video that is cancelled cannot be queued by an event
        source-stored refused: a video that is cancelled cannot be queued by an event
        work-requested -> queued
        work-started refused: a video that is cancelled cannot be worked on
        became-playable refused: a video that is cancelled cannot become playable
        verified refused: a video that is cancelled cannot become ready
        deleted -> deleted
    deleted
        upload-started refused: a video that is deleted cannot change
        import-requested refused: a video that is deleted cannot change
        source-arrived refused: a video that is deleted cannot change
        source-stored refused: a video that is deleted cannot change
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
        VideoEvent::Verified {
            generation: generation("b"),
        },
    ];
    for state in every_state()
        .into_iter()
        .filter(|it| *it != VideoState::Deleted)
    {
        let end = path
            .iter()
            .fold(state.clone(), |it, event| transition(&it, event).unwrap());
        assert_eq!(end, ready("b"), "from {state:?}");
    }
}

fn any_event() -> impl Strategy<Value = VideoEvent> {
    let code = proptest::sample::select(FailureCode::ALL.to_vec());
    prop_oneof![
        1 => Just(VideoEvent::UploadStarted),
        1 => Just(VideoEvent::ImportRequested),
        1 => Just(VideoEvent::SourceArrived),
        1 => Just(VideoEvent::SourceStored),
        1 => Just(VideoEvent::WorkRequested),
        3 => Just(VideoEvent::WorkStarted),
        1 => Just(VideoEvent::WorkReleased),
        2 => Just(VideoEvent::BecamePlayable),
        2 => "[a-c]".prop_map(|it| VideoEvent::Verified { generation: generation(&it) }),
        1 => code.clone().prop_map(|it| VideoEvent::AttemptFailed(Failure::of(it))),
        1 => code.prop_map(|it| VideoEvent::FailedPermanently(Failure::of(it))),
        1 => Just(VideoEvent::Cancelled),
        // Rare, because nothing happens after it.
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
            // Work that was released by a failure is not released a second time: the state is the
            // same.
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
                    VideoEvent::FailedPermanently(failure) => prop_assert_eq!(kept, failure),
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
