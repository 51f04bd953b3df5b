//! Sources that are fetched from a URL.

use domain::failure::FailureCode;
use domain::job::{Import, JobMessage, Stage};
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;

use super::{LEASE, LEASE_MS, NOW, Subject, failure, generation, job, ms, new_video, video_id};
use crate::videos::{
    AttemptOutcome, CatalogError, Claim, ClaimOutcome, ImportRecord, NewVideo, Transfer,
    UploadEventOutcome,
};

const URL: &str = "https://files.example/film.mp4?signature=secret";

impl Subject {
    /// A video whose source is to be imported.
    async fn importing(&self, number: u8) -> Import {
        let new = NewVideo {
            source_size: None,
            ..new_video(number)
        };
        self.catalog.create_video(&new, NOW).await.expect("create");
        let video = self
            .catalog
            .request_import(new.id, URL, NOW)
            .await
            .expect("request");
        assert_eq!(
            (video.state, video.source.etag),
            (VideoState::Uploading, None)
        );
        Import::new(new.id)
    }

    async fn claim_import(&self, import: &Import, now: UnixMillis) -> ClaimOutcome {
        self.catalog
            .claim_import(import, "worker", LEASE, now)
            .await
            .expect("claim")
    }

    async fn claimed_import(&self, import: &Import, now: UnixMillis) -> Claim {
        match self.claim_import(import, now).await {
            ClaimOutcome::Claimed(claim) => claim,
            other => panic!("the import should be free, but is {other:?}"),
        }
    }
}

/// The complete flow: one worker starts the import, another one resumes it, and then it is treated
/// as an upload.
pub async fn an_import_is_an_upload_by_a_worker(subject: &Subject) {
    let import = subject.importing(1).await;
    let record = |transfer| {
        Some(ImportRecord {
            url: URL.to_owned(),
            transfer,
        })
    };
    assert_eq!(
        subject.catalog.import(import.video).await.expect("import"),
        record(None)
    );
    assert_eq!(
        subject.catalog.import(video_id(9)).await.expect("import"),
        None
    );

    let first = subject.claimed_import(&import, NOW).await;
    assert_eq!(
        subject.claim_import(&import, NOW).await,
        ClaimOutcome::Held {
            until_ms: NOW + ms(LEASE_MS)
        }
    );
    let transfer = Transfer {
        upload_id: "u1".to_owned(),
        part_bytes: 8 << 20,
        size: Some(9 << 20),
        etag: Some("\"e\"".to_owned()),
    };
    subject
        .catalog
        .set_transfer(&first, Some(&transfer))
        .await
        .expect("transfer");
    subject
        .catalog
        .set_progress(&first, Stage::Fetch, 40, NOW)
        .await
        .expect("progress");
    let seen = subject.video(import.video).await;
    assert_eq!(
        (seen.state, seen.progress.and_then(|it| it.stage)),
        (VideoState::Uploading, Some(Stage::Fetch))
    );

    let second = subject.claimed_import(&import, NOW + ms(LEASE_MS)).await;
    assert_eq!(
        subject.catalog.import(import.video).await.expect("import"),
        record(Some(transfer))
    );
    let late = subject.catalog.set_transfer(&first, None).await;
    assert!(
        matches!(late, Err(CatalogError::LeaseLost { .. })),
        "{late:?}"
    );

    // The bucket's event may arrive before the worker's final write.
    let job = job(1);
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&job, NOW + ms(LEASE_MS))
            .await
            .expect("note"),
        UploadEventOutcome::Send(job.clone())
    );
    subject
        .catalog
        .finish_import(&second, NOW + ms(LEASE_MS))
        .await
        .expect("finish");
    assert_eq!(
        subject.catalog.import(import.video).await.expect("import"),
        record(None)
    );
    assert_eq!(
        subject.claim_import(&import, NOW + ms(LEASE_MS)).await,
        ClaimOutcome::AlreadyDone
    );
    let outcomes = subject
        .catalog
        .attempts(import.video)
        .await
        .expect("attempts")
        .into_iter()
        .map(|it| it.outcome);
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [Some(AttemptOutcome::Lost), Some(AttemptOutcome::Fetched)]
    );
    assert!(matches!(
        subject
            .claim_for(&job, &generation(&job), NOW + ms(LEASE_MS))
            .await,
        ClaimOutcome::Claimed(_)
    ));
}

/// Infrastructure failures are retried, source failures are not; a new request starts the import
/// again.
pub async fn imports_fail_like_jobs(subject: &Subject) {
    let import = subject.importing(1).await;
    let claim = subject.claimed_import(&import, NOW).await;
    subject
        .catalog
        .fail(&claim, &failure(FailureCode::FetchFailed), true, "", NOW)
        .await
        .expect("fail");
    assert_eq!(subject.state(import.video).await, VideoState::Uploading);
    let claim = subject.claimed_import(&import, NOW).await;
    subject
        .catalog
        .fail(&claim, &failure(FailureCode::FetchRefused), true, "", NOW)
        .await
        .expect("fail");
    assert_eq!(
        subject.state(import.video).await,
        VideoState::Failed(failure(FailureCode::FetchRefused))
    );
    assert_eq!(
        subject.claim_import(&import, NOW).await,
        ClaimOutcome::AlreadyDone
    );

    subject
        .catalog
        .request_import(import.video, URL, NOW + ms(1))
        .await
        .expect("request");
    let message = JobMessage::from(import.clone());
    let lost = failure(FailureCode::WorkerLost);
    assert!(
        !subject
            .catalog
            .fail_permanently(&message, &lost, NOW, NOW + ms(1))
            .await
            .expect("give up"),
        "requested since"
    );
    assert!(
        subject
            .catalog
            .fail_permanently(&message, &lost, NOW + ms(2), NOW + ms(2))
            .await
            .expect("give up")
    );
    assert_eq!(subject.state(import.video).await, VideoState::Failed(lost));
    subject.claimed_import(&import, NOW + ms(3)).await;
    assert_eq!(
        subject.state(import.video).await,
        VideoState::Uploading,
        "a redriven import goes on"
    );
}

/// The worker learns that the video is gone, and the URL is erased.
pub async fn a_deleted_import_is_gone(subject: &Subject) {
    for (number, event) in [(1, VideoEvent::Deleted), (2, VideoEvent::Cancelled)] {
        let import = subject.importing(number).await;
        let claim = subject.claimed_import(&import, NOW).await;
        subject
            .catalog
            .apply(import.video, &event, NOW)
            .await
            .expect("apply");
        let result = subject.catalog.set_transfer(&claim, None).await;
        assert!(
            matches!(result, Err(CatalogError::Gone { .. })),
            "{result:?}"
        );
        assert_eq!(subject.claim_import(&import, NOW).await, ClaimOutcome::Gone);
        let kept = subject.catalog.import(import.video).await.expect("import");
        assert_eq!(kept.is_none(), event == VideoEvent::Deleted);
    }
    assert_eq!(
        subject.claim_import(&Import::new(video_id(9)), NOW).await,
        ClaimOutcome::Gone
    );
}
