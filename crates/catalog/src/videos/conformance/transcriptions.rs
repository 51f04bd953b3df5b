//! Transcriptions.

use std::time::Duration;

use domain::caption::Language;
use domain::failure::FailureCode;
use domain::job::{JobMessage, TranscriptionJob};
use domain::state::VideoEvent;

use super::{NOW, Subject, failure};
use crate::videos::CatalogError;

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
    let keep = async |minutes: u32| {
        let kept = catalog.keep_transcription(&job, NOW + MINUTE * minutes);
        kept.await.expect("keep")
    };
    assert!(!keep(0).await, "no one has requested it");
    let (record, is_new) = request(0).await;
    assert_eq!((record.requested_ms, is_new), (NOW, true));
    assert!(!request(14).await.1);
    assert!(request(15).await.1, "the message may be lost");
    // A worker gives a sign of life.
    assert!(keep(20).await);
    assert!(!request(34).await.1);
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
    assert!(!keep(35).await, "it has failed");
    let (record, is_new) = request(35).await;
    assert_eq!((record.failure, is_new), (None, true));

    for _ in 0..2 {
        let ended = catalog.end_transcription(video, &english).await;
        ended.expect("end");
    }
    assert_eq!(transcriptions().await, []);
    assert!(!keep(36).await && !give_up().await, "it has ended");
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
    let kept = catalog.keep_transcription(&job, NOW).await;
    assert!(!kept.expect("keep"));
}
