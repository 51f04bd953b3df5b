//! Claims, leases and fences.

use domain::failure::FailureCode;
use domain::job::{JobReason, Stage};
use domain::receipt::Receipt;
use domain::segment::Lane;
use domain::state::VideoState;
use domain::time::UnixMillis;

use super::{
    LEASE, LEASE_MS, NOW, Subject, chunk, failure, generation, job, ms, rendition, video_id,
};
use crate::videos::{
    Attempt, AttemptOutcome, CatalogError, Claim, ClaimOutcome, RenditionState, UploadEventOutcome,
};

/// The same event three times, before, during and after the work, causes one run.
pub async fn one_event_three_times_is_one_run(subject: &Subject) {
    let job = subject.queued(1).await;
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&job, NOW)
            .await
            .expect("note"),
        UploadEventOutcome::Send(job.clone())
    );
    let claim = subject.claim(&job, NOW).await;
    // The worker holds the message at this time.
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&job, NOW)
            .await
            .expect("note"),
        UploadEventOutcome::AlreadyDone
    );
    let late = subject
        .catalog
        .note_upload_event(&job, NOW + ms(LEASE_MS))
        .await
        .expect("note");
    assert_eq!(
        late,
        UploadEventOutcome::Send(job.clone()),
        "a worker whose lease ended may be dead"
    );
    let held = ClaimOutcome::Held {
        until_ms: NOW + ms(LEASE_MS),
    };
    assert_eq!(
        subject
            .claim_for(&job, &generation(&job), NOW + ms(1))
            .await,
        held
    );
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW + ms(2))
        .await
        .expect("ready");
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&job, NOW)
            .await
            .expect("note"),
        UploadEventOutcome::AlreadyDone
    );
    assert_eq!(
        subject
            .claim_for(&job, &generation(&job), NOW + ms(3))
            .await,
        ClaimOutcome::AlreadyDone
    );
    assert_eq!(
        subject
            .catalog
            .attempts(job.video)
            .await
            .expect("attempts")
            .len(),
        1
    );
}

/// Exactly one of several concurrent claimers succeeds.
pub async fn of_racing_claimers_one_wins(subject: &Subject) {
    for number in 1..=5 {
        let job = job(number);
        let generation = generation(&job);
        let claimers = (0..16).map(|_| subject.claim_for(&job, &generation, NOW));
        let outcomes = futures::future::join_all(claimers).await;
        let won = outcomes
            .iter()
            .filter(|it| matches!(it, ClaimOutcome::Claimed(_)))
            .count();
        let held = outcomes
            .iter()
            .filter(|it| matches!(it, ClaimOutcome::Held { .. }))
            .count();
        assert_eq!((won, held), (1, 15));
    }
}

/// After its lease has expired, a video can be claimed with a higher fence.
pub async fn an_ended_lease_is_taken_over(subject: &Subject) {
    let job = subject.queued(1).await;
    let first = subject.claim(&job, NOW).await;
    assert_eq!((first.fence, first.lease_until_ms), (1, NOW + ms(LEASE_MS)));
    let held = subject
        .claim_for(&job, &generation(&job), NOW + ms(LEASE_MS - 1))
        .await;
    assert_eq!(
        held,
        ClaimOutcome::Held {
            until_ms: NOW + ms(LEASE_MS)
        }
    );
    let second = subject.claim(&job, NOW + ms(LEASE_MS)).await;
    assert_eq!(second.fence, 2);
    let attempts = subject.catalog.attempts(job.video).await.expect("attempts");
    let ends: Vec<_> = attempts
        .iter()
        .map(|it| (it.fence, it.outcome.clone(), it.ended_ms))
        .collect();
    assert_eq!(
        ends,
        [
            (1, Some(AttemptOutcome::Lost), Some(NOW + ms(LEASE_MS))),
            (2, None, None)
        ]
    );
}

/// A process that was suspended for longer than its lease continues, unless another worker has
/// claimed the video.
pub async fn an_ended_lease_without_a_successor_is_renewed(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    let late = NOW + ms(10 * LEASE_MS);
    subject
        .catalog
        .record_chunk(&claim, &chunk(Lane::Encode, 0, 1), late)
        .await
        .expect("chunk");
    let claim = subject
        .catalog
        .renew(&claim, LEASE, late)
        .await
        .expect("renew");
    assert_eq!(claim.lease_until_ms, late + ms(LEASE_MS));
    let other = subject
        .claim_for(&job, &generation(&job), late + ms(1))
        .await;
    assert_eq!(
        other,
        ClaimOutcome::Held {
            until_ms: late + ms(LEASE_MS)
        }
    );
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), late + ms(10 * LEASE_MS))
        .await
        .expect("ready");
    assert_eq!(
        subject
            .catalog
            .attempts(job.video)
            .await
            .expect("attempts")
            .len(),
        1
    );
}

/// No write of a lost claim has an effect, whether the claim was replaced or ended.
pub async fn a_lost_claim_changes_nothing(subject: &Subject) {
    let job = subject.queued(1).await;
    let ended = subject.claim(&job, NOW).await;
    let newer = subject.claim(&job, NOW + ms(LEASE_MS)).await;
    refuses_everything(subject, &ended, NOW + ms(1)).await;
    refuses_everything(subject, &ended, NOW + ms(LEASE_MS + 1)).await;
    let forged = Claim {
        fence: newer.fence + 1,
        ..newer.clone()
    };
    refuses_everything(subject, &forged, NOW + ms(LEASE_MS + 1)).await;

    subject
        .catalog
        .release(&newer, NOW + ms(LEASE_MS + 2))
        .await
        .expect("release");
    refuses_everything(subject, &newer, NOW + ms(LEASE_MS + 3)).await;
    let last = subject.claim(&job, NOW + ms(LEASE_MS + 4)).await;
    subject
        .catalog
        .mark_ready(&last, &Receipt::default(), NOW + ms(LEASE_MS + 5))
        .await
        .expect("ready");
    refuses_everything(subject, &last, NOW + ms(LEASE_MS + 6)).await;
}

async fn refuses_everything(subject: &Subject, claim: &Claim, now: UnixMillis) {
    let catalog = &subject.catalog;
    let before = everything(subject, claim).await;
    let renditions = [rendition("720p", RenditionState::Planned)];
    let answers = [
        ("check", catalog.check_claim(claim).await),
        ("renew", catalog.renew(claim, LEASE, now).await.map(drop)),
        (
            "progress",
            catalog.set_progress(claim, Stage::Encode, 50, now).await,
        ),
        (
            "chunk",
            catalog
                .record_chunk(claim, &chunk(Lane::Encode, 0, 1), now)
                .await,
        ),
        (
            "renditions",
            catalog.set_renditions(claim, &renditions, now).await,
        ),
        ("playable", catalog.mark_playable(claim, now).await),
        (
            "ready",
            catalog
                .mark_ready(claim, &Receipt::default(), now)
                .await
                .map(drop),
        ),
        (
            "fail",
            catalog
                .fail(claim, &failure(FailureCode::Damaged), false, "log", now)
                .await,
        ),
        ("release", catalog.release(claim, now).await),
    ];
    for (what, answer) in answers {
        assert!(
            matches!(answer, Err(CatalogError::LeaseLost { .. })),
            "{what}: {answer:?}"
        );
    }
    assert_eq!(everything(subject, claim).await, before);
}

async fn everything(
    subject: &Subject,
    claim: &Claim,
) -> (crate::videos::Video, Vec<Attempt>, usize, usize) {
    let catalog = &subject.catalog;
    (
        subject.video(claim.video).await,
        catalog.attempts(claim.video).await.expect("attempts"),
        catalog
            .chunks(claim.video, &claim.generation)
            .await
            .expect("chunks")
            .len(),
        catalog
            .renditions(claim.video, &claim.generation)
            .await
            .expect("renditions")
            .len(),
    )
}

/// A worker that lost the response to its claim learns here that it holds the video.
pub async fn a_video_has_a_holder(subject: &Subject) {
    let job = subject.queued(1).await;
    let holder = async || subject.catalog.holder(job.video).await.expect("holder");
    assert_eq!(holder().await, None);
    let claim = subject.claim(&job, NOW).await;
    assert_eq!(holder().await.as_ref(), Some(&claim));
    subject
        .catalog
        .release(&claim, NOW + ms(1))
        .await
        .expect("release");
    assert_eq!(holder().await, None);
    let second = subject.claim(&job, NOW + ms(2)).await;
    assert_eq!(holder().await, Some(second));
    assert_eq!(
        subject.catalog.holder(video_id(9)).await.expect("holder"),
        None
    );
}

/// A claim stays valid as long as it is renewed in time.
pub async fn renewing_keeps_the_claim(subject: &Subject) {
    let job = subject.queued(1).await;
    let mut claim = subject.claim(&job, NOW).await;
    let mut now = NOW;
    for _ in 0..5 {
        now += ms(LEASE_MS - 1);
        let checked = subject.catalog.check_claim(&claim).await;
        checked.expect("it is held");
        claim = subject
            .catalog
            .renew(&claim, LEASE, now)
            .await
            .expect("renew");
        assert_eq!(claim.lease_until_ms, now + ms(LEASE_MS));
        let other = subject
            .claim_for(&job, &generation(&job), now + ms(1))
            .await;
        assert_eq!(
            other,
            ClaimOutcome::Held {
                until_ms: now + ms(LEASE_MS)
            }
        );
    }
    // A renewal that arrives after a longer one does not shorten the lease.
    let late = subject
        .catalog
        .renew(&claim, LEASE, now - ms(5))
        .await
        .expect("renew");
    assert_eq!(late.lease_until_ms, now + ms(LEASE_MS));
}

/// A job that arrives before its row and before its event can be claimed.
pub async fn a_job_without_a_row_is_claimed(subject: &Subject) {
    let job = job(1);
    let claim = subject.claim(&job, NOW).await;
    let video = subject.video(job.video).await;
    assert_eq!(
        (video.state.clone(), video.job.clone()),
        (VideoState::Processing, Some(job.id.clone()))
    );
    assert_eq!(video.to_job(JobReason::Upload), Some(job.clone()));
    // Its own event arrives late and changes nothing.
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&job, NOW + ms(1))
            .await
            .expect("note"),
        UploadEventOutcome::AlreadyDone
    );
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW + ms(2))
        .await
        .expect("ready");
}
