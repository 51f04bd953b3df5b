//! Transcriptions.

use std::time::Duration;

use domain::caption::Language;
use domain::failure::FailureCode;
use domain::job::{JobMessage, TranscriptionJob};
use domain::state::VideoEvent;

use super::captions::captions;
use super::{NOW, Subject, failure};
use crate::videos::TranscriptionHold::{Held, OfAnother, Unwanted};
use crate::videos::{CaptionsStored, CatalogError};

const MINUTE: Duration = Duration::from_secs(60);

fn english() -> Language {
    "en".parse().expect("a language")
}

/// A transcription is requested once, until its job is lost or fails, or its captions are stored.
pub async fn a_transcription_is_requested_until_it_ends(subject: &Subject) {
    let (video, catalog) = (subject.ready(1).await.video, &subject.catalog);
    let english = english();
    let request = async |minutes: u32| {
        let requested = catalog.request_transcription(video, &english, NOW + MINUTE * minutes);
        requested.await.expect("request")
    };
    let job = TranscriptionJob::new(video, english.clone());
    let keep_as = async |worker: &str, minutes: u32| {
        let now = NOW + MINUTE * minutes;
        let kept = catalog.keep_transcription(&job, worker, MINUTE, now).await;
        kept.expect("keep")
    };
    let keep = async |minutes: u32| keep_as("worker", minutes).await;
    assert_eq!(keep(0).await, Unwanted, "no one has requested it");
    let (record, is_new) = request(0).await;
    assert_eq!((record.requested_ms, is_new), (NOW, true));
    assert!(!request(14).await.1);
    assert!(request(15).await.1, "the message may be lost");
    // The message is seen again.
    let noted = catalog.note_transcription(&job, NOW + MINUTE * 16).await;
    noted.expect("note");
    assert!(!request(30).await.1);
    // A worker gives a sign of life.
    assert_eq!(keep(20).await, Held);
    // A worker of another message waits until the first one is lost.
    assert_eq!(keep_as("other", 20).await, OfAnother);
    assert_eq!(keep_as("other", 21).await, Held);
    assert_eq!(keep(21).await, OfAnother);
    // It gives up, and only it can do so.
    for (worker, expected) in [("worker", OfAnother), ("other", Held)] {
        let released = catalog.release_transcription(&job, worker).await;
        released.expect("release");
        assert_eq!(keep(21).await, expected);
    }
    assert_eq!(keep(22).await, Held);
    assert!(!request(36).await.1);
    let transcriptions = async || {
        let found = catalog.transcriptions(video).await;
        found.expect("transcriptions")
    };
    assert_eq!(transcriptions().await.len(), 1);

    let lost = failure(FailureCode::WorkerLost);
    let message = JobMessage::from(job.clone());
    let give_up = async || {
        let given_up = catalog.fail_permanently(&message, &lost, NOW, NOW);
        given_up.await.expect("give up")
    };
    assert!(give_up().await);
    assert!(!give_up().await, "repeated call");
    assert_eq!(transcriptions().await[0].failure, Some(lost.clone()));
    assert_eq!(keep(37).await, Unwanted, "it has failed");
    let (record, is_new) = request(37).await;
    assert_eq!((record.failure, is_new), (None, true));

    assert_eq!(
        keep_as("other", 37).await,
        Held,
        "the worker before it gave up"
    );
    let new = captions("en", "text", 0);
    for expected in [Some(CaptionsStored::Stored { replaced: false }), None] {
        let finished = catalog.finish_transcription(&job, &new).await;
        assert_eq!(finished.expect("finish"), expected);
    }
    assert_eq!(transcriptions().await, []);
    let stored = catalog.captions(video).await.expect("captions");
    assert_eq!(stored, [new.record]);
    assert_eq!(keep(38).await, Unwanted, "it has ended");
    assert!(!give_up().await, "it has ended");
}

/// Captions of a request that was withdrawn are not stored.
pub async fn a_withdrawn_transcription_stores_nothing(subject: &Subject) {
    let (catalog, english) = (&subject.catalog, english());
    let video = subject.ready(1).await.video;
    let requested = catalog.request_transcription(video, &english, NOW);
    requested.await.expect("request");
    for _ in 0..2 {
        let ended = catalog.end_transcription(video, &english).await;
        ended.expect("end");
    }
    let job = TranscriptionJob::new(video, english);
    let new = captions("en", "text", 0);
    let finished = catalog.finish_transcription(&job, &new).await;
    assert_eq!(finished.expect("finish"), None);
    assert_eq!(catalog.captions(video).await.expect("captions"), []);
}

/// Only the audio of a ready video can be transcribed.
pub async fn a_transcription_goes_with_its_video(subject: &Subject) {
    let (catalog, english) = (&subject.catalog, english());
    let waiting = subject.queued(1).await.video;
    let requested = catalog.request_transcription(waiting, &english, NOW);
    assert!(matches!(requested.await, Err(CatalogError::Gone { .. })));
    let video = subject.ready(2).await.video;
    let requested = catalog.request_transcription(video, &english, NOW);
    requested.await.expect("request");
    let deleted = catalog.apply(video, &VideoEvent::Deleted, NOW).await;
    deleted.expect("delete");
    let left = catalog.transcriptions(video).await;
    assert_eq!(left.expect("transcriptions"), []);
    let job = TranscriptionJob::new(video, english);
    let kept = catalog.keep_transcription(&job, "worker", MINUTE, NOW);
    assert_eq!(kept.await.expect("keep"), Unwanted);
    let new = captions("en", "text", 0);
    let finished = catalog.finish_transcription(&job, &new).await;
    assert!(matches!(finished, Err(CatalogError::Gone { .. })));
}
