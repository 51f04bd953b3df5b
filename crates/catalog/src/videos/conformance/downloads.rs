//! MP4 files of rungs.

use std::time::Duration;

use domain::failure::FailureCode;
use domain::ids::Generation;
use domain::job::{DownloadJob, JobMessage};
use domain::state::{VideoEvent, VideoState};

use super::{NOW, Subject, failure};
use crate::videos::{CatalogError, DownloadFile};

const MINUTE: Duration = Duration::from_secs(60);

/// A file is requested once, until its job is lost or fails.
pub async fn a_download_is_requested_until_it_is_ready(subject: &Subject) {
    let (job, catalog) = (subject.ready(1).await, &subject.catalog);
    let VideoState::Ready { generation } = subject.state(job.video).await else {
        panic!("it is ready");
    };
    let (video, rung) = (job.video, "720p".parse().expect("a name"));
    let request = async |minutes: u32| {
        let now = NOW + MINUTE * minutes;
        let requested = catalog.request_download(video, &generation, &rung, now);
        requested.await.expect("request")
    };
    let job = DownloadJob::new(video, generation.clone(), rung.clone());
    let keep = async |minutes: u32| {
        let kept = catalog.keep_download(&job, NOW + MINUTE * minutes);
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
    let downloads = async || {
        let found = catalog.downloads(video, &generation);
        found.await.expect("downloads")
    };
    assert_eq!(downloads().await.len(), 1);

    let lost = failure(FailureCode::WorkerLost);
    let message = JobMessage::from(job.clone());
    let give_up = async || {
        let given_up = catalog.fail_permanently(&message, &lost, NOW, NOW);
        given_up.await.expect("give up")
    };
    assert!(give_up().await);
    assert!(!give_up().await, "repeated call");
    assert_eq!(downloads().await[0].failure, Some(lost.clone()));
    let (record, is_new) = request(35).await;
    assert_eq!((record.failure, is_new), (None, true));

    let done = catalog.finish_download(&job, 7, NOW + MINUTE * 36);
    done.await.expect("finish");
    assert!(!keep(37).await);
    assert!(!give_up().await, "it is ready");
    let (record, is_new) = request(99).await;
    let file = DownloadFile {
        ready_ms: NOW + MINUTE * 36,
        bytes: 7,
    };
    assert_eq!((record.file, is_new), (Some(file), false));
}

/// Files belong to the generation that plays.
pub async fn a_download_goes_with_its_generation(subject: &Subject) {
    let (job, catalog) = (subject.ready(1).await, &subject.catalog);
    let VideoState::Ready { generation } = subject.state(job.video).await else {
        panic!("it is ready");
    };
    let (video, rung) = (job.video, "720p".parse().expect("a name"));
    let other = Generation::of("another", "profile");
    let requested = catalog.request_download(video, &other, &rung, NOW).await;
    assert!(matches!(requested, Err(CatalogError::Gone { .. })));
    let requested = catalog.request_download(video, &generation, &rung, NOW);
    requested.await.expect("request");
    let obsolete = DownloadJob::new(video, other, rung.clone());
    let finished = catalog.finish_download(&obsolete, 7, NOW).await;
    assert!(matches!(finished, Err(CatalogError::Gone { .. })));

    let deleted = catalog.apply(video, &VideoEvent::Deleted, NOW);
    deleted.await.expect("delete");
    let left = catalog.downloads(video, &generation).await;
    assert_eq!(left.expect("downloads"), []);
    let job = DownloadJob::new(video, generation, rung);
    assert!(!catalog.keep_download(&job, NOW).await.expect("keep"));
    let finished = catalog.finish_download(&job, 7, NOW).await;
    assert!(matches!(finished, Err(CatalogError::Gone { .. })));
}
