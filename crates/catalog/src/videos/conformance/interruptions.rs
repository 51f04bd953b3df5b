//! Jobs that are stopped, abandoned or wait.

use domain::failure::FailureCode;
use domain::job::{Generate, Job, JobReason, Mode};
use domain::receipt::Receipt;
use domain::state::{VideoEvent, VideoState};

use super::{
    LEASE, LEASE_MS, NOW, Subject, failure, generation, job, job_of, ms, new_video, video_id,
};
use crate::videos::{
    AttemptOutcome, CatalogError, Claim, ClaimOutcome, NewVideo, UploadEventOutcome,
};

/// A video that is cancelled or deleted during the work is `Gone` for its worker and for the next
/// one.
pub async fn stopping_takes_it_from_the_worker(subject: &Subject) {
    for (number, event) in [(1, VideoEvent::Cancelled), (2, VideoEvent::Deleted)] {
        let job = subject.queued(number).await;
        let claim = subject.claim(&job, NOW).await;
        subject
            .catalog
            .apply(job.video, &event, NOW + ms(1))
            .await
            .expect("stop");
        let renewed = subject.catalog.renew(&claim, LEASE, NOW + ms(2)).await;
        assert!(
            matches!(renewed, Err(CatalogError::Gone { .. })),
            "{renewed:?}"
        );
        let ready = subject
            .catalog
            .mark_ready(&claim, &Receipt::default(), NOW + ms(2))
            .await;
        assert!(matches!(ready, Err(CatalogError::Gone { .. })), "{ready:?}");
        assert_eq!(
            subject
                .claim_for(&job, &generation(&job), NOW + ms(2))
                .await,
            ClaimOutcome::Gone
        );
        assert_eq!(
            subject
                .catalog
                .note_upload_event(&job, NOW + ms(2))
                .await
                .expect("note"),
            UploadEventOutcome::VideoGone
        );
        let attempts = subject.catalog.attempts(job.video).await.expect("attempts");
        assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Stopped));
    }
    // The cancelled video is requested again: the old worker stays locked out.
    let job = job(1);
    let old = Claim {
        video: job.video,
        job: job.id.clone(),
        generation: generation(&job),
        fence: 1,
        worker: "worker".to_owned(),
        lease_until_ms: NOW + ms(LEASE_MS),
    };
    let again = subject
        .catalog
        .request_work(&job, NOW + ms(3))
        .await
        .expect("request");
    assert_eq!(again.state, VideoState::Queued);
    let renewed = subject.catalog.renew(&old, LEASE, NOW + ms(4)).await;
    assert!(
        matches!(renewed, Err(CatalogError::LeaseLost { .. })),
        "{renewed:?}"
    );
    assert_eq!(subject.claim(&job, NOW + ms(4)).await.fence, 2);
}

/// Cancelling the re-encode of a ready video stops the re-encode and nothing else.
pub async fn a_cancelled_reencode_leaves_it_ready(subject: &Subject) {
    let old = subject.ready(1).await;
    let new = job_of(1, "etag-1", "small");
    subject
        .catalog
        .request_work(&new, NOW)
        .await
        .expect("request");
    let claim = subject.claim(&new, NOW).await;
    let video = subject
        .catalog
        .apply(new.video, &VideoEvent::Cancelled, NOW + ms(1))
        .await
        .expect("cancel");
    assert_eq!(
        video.state,
        VideoState::Ready {
            generation: generation(&old)
        }
    );
    let renewed = subject.catalog.renew(&claim, LEASE, NOW + ms(2)).await;
    assert!(
        matches!(renewed, Err(CatalogError::Gone { .. })),
        "{renewed:?}"
    );
    assert_eq!(
        subject
            .claim_for(&new, &generation(&new), NOW + ms(3))
            .await,
        ClaimOutcome::Gone
    );
    subject
        .catalog
        .request_work(&new, NOW + ms(4))
        .await
        .expect("request");
    let claim = subject.claim(&new, NOW + ms(5)).await;
    let before = subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW + ms(6))
        .await
        .expect("ready");
    assert_eq!(before, Some(generation(&old)));
}

/// The leases of a worker that is known to be dead can be ended at once.
pub async fn a_dead_worker_is_relieved_at_once(subject: &Subject) {
    let (first, second) = (subject.queued(1).await, subject.queued(2).await);
    let claim = subject.claim(&first, NOW).await;
    subject
        .catalog
        .mark_playable(&claim, NOW)
        .await
        .expect("playable");
    subject.claim(&second, NOW).await;
    let third = subject.queued(3).await;
    let other = subject
        .catalog
        .claim(&third, &generation(&third), "another", LEASE, NOW)
        .await
        .expect("claim");

    assert_eq!(
        subject
            .catalog
            .release_all_of_worker("worker", NOW + ms(1))
            .await
            .expect("release"),
        2
    );
    assert_eq!(
        subject
            .catalog
            .release_all_of_worker("worker", NOW + ms(1))
            .await
            .expect("release"),
        0
    );
    assert_eq!(subject.state(first.video).await, VideoState::Playable);
    assert_eq!(subject.state(second.video).await, VideoState::Queued);
    assert_eq!(subject.claim(&first, NOW + ms(2)).await.fence, 2);
    let ClaimOutcome::Claimed(other) = other else {
        panic!("{other:?}")
    };
    subject
        .catalog
        .renew(&other, LEASE, NOW + ms(2))
        .await
        .expect("it belongs to another worker");
}

/// A dead letter fails its video only if nothing has happened since and no worker holds it.
pub async fn giving_up_is_for_the_abandoned(subject: &Subject) {
    let lost = failure(FailureCode::WorkerLost);
    let fail_permanently = |job: Job, dead_lettered_ms, now| {
        let lost = lost.clone();
        async move {
            subject
                .catalog
                .fail_permanently(&job.into(), &lost, dead_lettered_ms, now)
                .await
                .expect("give up")
        }
    };
    assert!(
        !fail_permanently(job(9), NOW, NOW).await,
        "an unknown video"
    );
    let ready = subject.ready(1).await;
    assert!(
        !fail_permanently(ready, NOW + ms(1), NOW + ms(1)).await,
        "it was completed"
    );

    let job = subject.queued(2).await;
    subject.claim(&job, NOW).await;
    assert!(
        !fail_permanently(job.clone(), NOW + ms(1), NOW + ms(1)).await,
        "a worker holds it"
    );
    assert!(
        !fail_permanently(
            job_of(2, "etag-1", "small"),
            NOW + ms(LEASE_MS),
            NOW + ms(LEASE_MS)
        )
        .await,
        "another job"
    );
    assert!(fail_permanently(job.clone(), NOW + ms(LEASE_MS), NOW + ms(LEASE_MS)).await);
    assert!(
        !fail_permanently(job.clone(), NOW + ms(LEASE_MS), NOW + ms(LEASE_MS)).await,
        "repeated call"
    );
    assert_eq!(
        subject.state(job.video).await,
        VideoState::Failed(lost.clone())
    );

    subject
        .catalog
        .request_work(&job, NOW + ms(LEASE_MS + 5))
        .await
        .expect("request");
    assert!(
        !fail_permanently(job.clone(), NOW + ms(LEASE_MS), NOW + ms(LEASE_MS + 6)).await,
        "requested again since"
    );
    assert_eq!(subject.claim(&job, NOW + ms(LEASE_MS + 7)).await.fence, 2);
}

/// The settings chosen at upload apply, whatever job the event was turned into.
pub async fn events_follow_the_settings_of_the_video(subject: &Subject) {
    let new = NewVideo {
        profile: "small".to_owned(),
        mode: Mode::Copy,
        ..new_video(1)
    };
    subject
        .catalog
        .create_video(&new, NOW)
        .await
        .expect("create");
    let noted = subject
        .catalog
        .note_upload_event(&job(1), NOW)
        .await
        .expect("note");
    let expected = job(1).with_settings("small", Mode::Copy);
    assert_eq!(noted, UploadEventOutcome::Send(expected.clone()));
    assert_eq!(subject.video(video_id(1)).await.job, Some(expected.id));
}

/// A video with `on_first_view` stays stored, however many bucket events arrive, until it is
/// requested.
pub async fn a_source_waits_for_its_first_view(subject: &Subject) {
    let new = NewVideo {
        generate: Generate::OnFirstView,
        ..new_video(1)
    };
    let video = subject
        .catalog
        .create_video(&new, NOW)
        .await
        .expect("create");
    assert_eq!(video.generate, Generate::OnFirstView);
    for _ in 0..3 {
        let noted = subject
            .catalog
            .note_upload_event(&job(1), NOW + ms(1))
            .await
            .expect("note");
        assert_eq!(noted, UploadEventOutcome::Waits);
    }
    // Another source of a video that has not been watched also waits.
    let newer = job_of(1, "etag-2", "default");
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&newer, NOW + ms(2))
            .await
            .expect("note"),
        UploadEventOutcome::Waits
    );
    let stored = subject.video(new.id).await;
    assert_eq!(
        (stored.state.clone(), stored.queued_ms),
        (VideoState::Stored, None)
    );
    assert_eq!(stored.to_job(JobReason::Upload), Some(newer.clone()));

    for now in [NOW + ms(3), NOW + ms(4)] {
        let asked = subject
            .catalog
            .request_work(&newer, now)
            .await
            .expect("request");
        assert_eq!(
            (asked.state, asked.queued_ms),
            (VideoState::Queued, Some(now))
        );
    }
    let noted = subject
        .catalog
        .note_upload_event(&newer, NOW + ms(5))
        .await
        .expect("note");
    assert_eq!(
        noted,
        UploadEventOutcome::Send(newer.clone()),
        "from now on it is like any other"
    );
    subject.claim(&newer, NOW + ms(6)).await;
}
