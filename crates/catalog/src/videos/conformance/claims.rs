//! Claims, leases and fences.

use domain::failure::FailureCode;
use domain::job::{Generate, Job, JobReason, Mode, Stage};
use domain::receipt::Receipt;
use domain::segment::Lane;
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;

use super::{
    LEASE, LEASE_MS, NOW, Subject, chunk, failure, generation, job, job_of, ms, new_video, rendition, video_id,
};
use crate::videos::{
    Attempt, AttemptOutcome, CatalogError, Claim, ClaimOutcome, NewVideo, RenditionState, UploadEventOutcome,
};

/// The same event three times, before, during and after the work, causes one run.
pub async fn one_event_three_times_is_one_run(subject: &Subject) {
    let job = subject.queued(1).await;
    assert_eq!(
        subject.catalog.note_upload_event(&job, NOW).await.expect("note"),
        UploadEventOutcome::Send(job.clone())
    );
    let claim = subject.claim(&job, NOW).await;
    // The worker holds the message at this time.
    assert_eq!(subject.catalog.note_upload_event(&job, NOW).await.expect("note"), UploadEventOutcome::AlreadyDone);
    let late = subject.catalog.note_upload_event(&job, NOW + ms(LEASE_MS)).await.expect("note");
    assert_eq!(late, UploadEventOutcome::Send(job.clone()), "a worker whose lease ended may be dead");
    let held = ClaimOutcome::Held { until_ms: NOW + ms(LEASE_MS) };
    assert_eq!(subject.claim_for(&job, &generation(&job), NOW + ms(1)).await, held);
    subject.catalog.mark_ready(&claim, &Receipt::default(), NOW + ms(2)).await.expect("ready");
    assert_eq!(subject.catalog.note_upload_event(&job, NOW).await.expect("note"), UploadEventOutcome::AlreadyDone);
    assert_eq!(subject.claim_for(&job, &generation(&job), NOW + ms(3)).await, ClaimOutcome::AlreadyDone);
    assert_eq!(subject.catalog.attempts(job.video).await.expect("attempts").len(), 1);
}

/// Exactly one of several concurrent claimers succeeds.
pub async fn of_racing_claimers_one_wins(subject: &Subject) {
    for number in 1..=5 {
        let job = job(number);
        let generation = generation(&job);
        let claimers = (0..16).map(|_| subject.claim_for(&job, &generation, NOW));
        let outcomes = futures::future::join_all(claimers).await;
        let won = outcomes.iter().filter(|it| matches!(it, ClaimOutcome::Claimed(_))).count();
        let held = outcomes.iter().filter(|it| matches!(it, ClaimOutcome::Held { .. })).count();
        assert_eq!((won, held), (1, 15));
    }
}

/// After its lease has expired, a video can be claimed with a higher fence.
pub async fn an_ended_lease_is_taken_over(subject: &Subject) {
    let job = subject.queued(1).await;
    let first = subject.claim(&job, NOW).await;
    assert_eq!((first.fence, first.lease_until_ms), (1, NOW + ms(LEASE_MS)));
    let held = subject.claim_for(&job, &generation(&job), NOW + ms(LEASE_MS - 1)).await;
    assert_eq!(held, ClaimOutcome::Held { until_ms: NOW + ms(LEASE_MS) });
    let second = subject.claim(&job, NOW + ms(LEASE_MS)).await;
    assert_eq!(second.fence, 2);
    let attempts = subject.catalog.attempts(job.video).await.expect("attempts");
    let ends: Vec<_> = attempts.iter().map(|it| (it.fence, it.outcome.clone(), it.ended_ms)).collect();
    assert_eq!(ends, [(1, Some(AttemptOutcome::Lost), Some(NOW + ms(LEASE_MS))), (2, None, None)]);
}

/// A process that was suspended for longer than its lease continues, unless another worker has
/// claimed the video.
pub async fn an_ended_lease_without_a_successor_is_renewed(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    let late = NOW + ms(10 * LEASE_MS);
    subject.catalog.record_chunk(&claim, &chunk(Lane::Encode, 0, 1), late).await.expect("chunk");
    let claim = subject.catalog.renew(&claim, LEASE, late).await.expect("renew");
    assert_eq!(claim.lease_until_ms, late + ms(LEASE_MS));
    let other = subject.claim_for(&job, &generation(&job), late + ms(1)).await;
    assert_eq!(other, ClaimOutcome::Held { until_ms: late + ms(LEASE_MS) });
    subject.catalog.mark_ready(&claim, &Receipt::default(), late + ms(10 * LEASE_MS)).await.expect("ready");
    assert_eq!(subject.catalog.attempts(job.video).await.expect("attempts").len(), 1);
}

/// No write of a lost claim has an effect, whether the claim was replaced or ended.
pub async fn a_lost_claim_changes_nothing(subject: &Subject) {
    let job = subject.queued(1).await;
    let ended = subject.claim(&job, NOW).await;
    let newer = subject.claim(&job, NOW + ms(LEASE_MS)).await;
    refuses_everything(subject, &ended, NOW + ms(1)).await;
    refuses_everything(subject, &ended, NOW + ms(LEASE_MS + 1)).await;
    let forged = Claim { fence: newer.fence + 1, ..newer.clone() };
    refuses_everything(subject, &forged, NOW + ms(LEASE_MS + 1)).await;

    subject.catalog.release(&newer, NOW + ms(LEASE_MS + 2)).await.expect("release");
    refuses_everything(subject, &newer, NOW + ms(LEASE_MS + 3)).await;
    let last = subject.claim(&job, NOW + ms(LEASE_MS + 4)).await;
    subject.catalog.mark_ready(&last, &Receipt::default(), NOW + ms(LEASE_MS + 5)).await.expect("ready");
    refuses_everything(subject, &last, NOW + ms(LEASE_MS + 6)).await;
}

async fn refuses_everything(subject: &Subject, claim: &Claim, now: UnixMillis) {
    let catalog = &subject.catalog;
    let before = everything(subject, claim).await;
    let renditions = [rendition("720p", RenditionState::Planned)];
    let answers = [
        ("renew", catalog.renew(claim, LEASE, now).await.map(drop)),
        ("progress", catalog.set_progress(claim, Stage::Encode, 50, now).await),
        ("chunk", catalog.record_chunk(claim, &chunk(Lane::Encode, 0, 1), now).await),
        ("renditions", catalog.set_renditions(claim, &renditions, now).await),
        ("playable", catalog.mark_playable(claim, now).await),
        ("ready", catalog.mark_ready(claim, &Receipt::default(), now).await.map(drop)),
        ("fail", catalog.fail(claim, &failure(FailureCode::Damaged), false, "log", now).await),
        ("release", catalog.release(claim, now).await),
    ];
    for (what, answer) in answers {
        assert!(matches!(answer, Err(CatalogError::LeaseLost { .. })), "{what}: {answer:?}");
    }
    assert_eq!(everything(subject, claim).await, before);
}

async fn everything(subject: &Subject, claim: &Claim) -> (crate::videos::Video, Vec<Attempt>, usize, usize) {
    let catalog = &subject.catalog;
    (
        subject.video(claim.video).await,
        catalog.attempts(claim.video).await.expect("attempts"),
        catalog.chunks(claim.video, &claim.generation).await.expect("chunks").len(),
        catalog.renditions(claim.video, &claim.generation).await.expect("renditions").len(),
    )
}

/// A worker that lost the response to its claim learns here that it holds the video.
pub async fn a_video_has_a_holder(subject: &Subject) {
    let job = subject.queued(1).await;
    let holder = async || subject.catalog.holder(job.video).await.expect("holder");
    assert_eq!(holder().await, None);
    let claim = subject.claim(&job, NOW).await;
    assert_eq!(holder().await.as_ref(), Some(&claim));
    subject.catalog.release(&claim, NOW + ms(1)).await.expect("release");
    assert_eq!(holder().await, None);
    let second = subject.claim(&job, NOW + ms(2)).await;
    assert_eq!(holder().await, Some(second));
    assert_eq!(subject.catalog.holder(video_id(9)).await.expect("holder"), None);
}

/// A claim stays valid as long as it is renewed in time.
pub async fn renewing_keeps_the_claim(subject: &Subject) {
    let job = subject.queued(1).await;
    let mut claim = subject.claim(&job, NOW).await;
    let mut now = NOW;
    for _ in 0..5 {
        now += ms(LEASE_MS - 1);
        claim = subject.catalog.renew(&claim, LEASE, now).await.expect("renew");
        assert_eq!(claim.lease_until_ms, now + ms(LEASE_MS));
        let other = subject.claim_for(&job, &generation(&job), now + ms(1)).await;
        assert_eq!(other, ClaimOutcome::Held { until_ms: now + ms(LEASE_MS) });
    }
    // A renewal that arrives after a longer one does not shorten the lease.
    let late = subject.catalog.renew(&claim, LEASE, now - ms(5)).await.expect("renew");
    assert_eq!(late.lease_until_ms, now + ms(LEASE_MS));
}

/// A job that arrives before its row and before its event can be claimed.
pub async fn a_job_without_a_row_is_claimed(subject: &Subject) {
    let job = job(1);
    let claim = subject.claim(&job, NOW).await;
    let video = subject.video(job.video).await;
    assert_eq!((video.state.clone(), video.job.clone()), (VideoState::Processing, Some(job.id.clone())));
    assert_eq!(video.to_job(JobReason::Upload), Some(job.clone()));
    // Its own event arrives late and changes nothing.
    assert_eq!(
        subject.catalog.note_upload_event(&job, NOW + ms(1)).await.expect("note"),
        UploadEventOutcome::AlreadyDone
    );
    subject.catalog.mark_ready(&claim, &Receipt::default(), NOW + ms(2)).await.expect("ready");
}

/// A video that is cancelled or deleted during the work is `Gone` for its worker and for the next
/// one.
pub async fn stopping_takes_it_from_the_worker(subject: &Subject) {
    for (number, event) in [(1, VideoEvent::Cancelled), (2, VideoEvent::Deleted)] {
        let job = subject.queued(number).await;
        let claim = subject.claim(&job, NOW).await;
        subject.catalog.apply(job.video, &event, NOW + ms(1)).await.expect("stop");
        let renewed = subject.catalog.renew(&claim, LEASE, NOW + ms(2)).await;
        assert!(matches!(renewed, Err(CatalogError::Gone { .. })), "{renewed:?}");
        let ready = subject.catalog.mark_ready(&claim, &Receipt::default(), NOW + ms(2)).await;
        assert!(matches!(ready, Err(CatalogError::Gone { .. })), "{ready:?}");
        assert_eq!(subject.claim_for(&job, &generation(&job), NOW + ms(2)).await, ClaimOutcome::Gone);
        assert_eq!(
            subject.catalog.note_upload_event(&job, NOW + ms(2)).await.expect("note"),
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
    let again = subject.catalog.request_work(&job, NOW + ms(3)).await.expect("request");
    assert_eq!(again.state, VideoState::Queued);
    let renewed = subject.catalog.renew(&old, LEASE, NOW + ms(4)).await;
    assert!(matches!(renewed, Err(CatalogError::LeaseLost { .. })), "{renewed:?}");
    assert_eq!(subject.claim(&job, NOW + ms(4)).await.fence, 2);
}

/// Cancelling the re-encode of a ready video stops the re-encode and nothing else.
pub async fn a_cancelled_reencode_leaves_it_ready(subject: &Subject) {
    let old = subject.ready(1).await;
    let new = job_of(1, "etag-1", "small");
    subject.catalog.request_work(&new, NOW).await.expect("request");
    let claim = subject.claim(&new, NOW).await;
    let video = subject.catalog.apply(new.video, &VideoEvent::Cancelled, NOW + ms(1)).await.expect("cancel");
    assert_eq!(video.state, VideoState::Ready { generation: generation(&old) });
    let renewed = subject.catalog.renew(&claim, LEASE, NOW + ms(2)).await;
    assert!(matches!(renewed, Err(CatalogError::Gone { .. })), "{renewed:?}");
    assert_eq!(subject.claim_for(&new, &generation(&new), NOW + ms(3)).await, ClaimOutcome::Gone);
    subject.catalog.request_work(&new, NOW + ms(4)).await.expect("request");
    let claim = subject.claim(&new, NOW + ms(5)).await;
    let before = subject.catalog.mark_ready(&claim, &Receipt::default(), NOW + ms(6)).await.expect("ready");
    assert_eq!(before, Some(generation(&old)));
}

/// The leases of a worker that is known to be dead can be ended at once.
pub async fn a_dead_worker_is_relieved_at_once(subject: &Subject) {
    let (first, second) = (subject.queued(1).await, subject.queued(2).await);
    let claim = subject.claim(&first, NOW).await;
    subject.catalog.mark_playable(&claim, NOW).await.expect("playable");
    subject.claim(&second, NOW).await;
    let third = subject.queued(3).await;
    let other = subject.catalog.claim(&third, &generation(&third), "another", LEASE, NOW).await.expect("claim");

    assert_eq!(subject.catalog.release_all_of_worker("worker", NOW + ms(1)).await.expect("release"), 2);
    assert_eq!(subject.catalog.release_all_of_worker("worker", NOW + ms(1)).await.expect("release"), 0);
    assert_eq!(subject.state(first.video).await, VideoState::Playable);
    assert_eq!(subject.state(second.video).await, VideoState::Queued);
    assert_eq!(subject.claim(&first, NOW + ms(2)).await.fence, 2);
    let ClaimOutcome::Claimed(other) = other else { panic!("{other:?}") };
    subject.catalog.renew(&other, LEASE, NOW + ms(2)).await.expect("it belongs to another worker");
}

/// A dead letter fails its video only if nothing has happened since and no worker holds it.
pub async fn giving_up_is_for_the_abandoned(subject: &Subject) {
    let lost = failure(FailureCode::WorkerLost);
    let fail_permanently = |job: Job, dead_lettered_ms, now| {
        let lost = lost.clone();
        async move { subject.catalog.fail_permanently(&job.into(), &lost, dead_lettered_ms, now).await.expect("give up") }
    };
    assert!(!fail_permanently(job(9), NOW, NOW).await, "an unknown video");
    let ready = subject.ready(1).await;
    assert!(!fail_permanently(ready, NOW + ms(1), NOW + ms(1)).await, "it was completed");

    let job = subject.queued(2).await;
    subject.claim(&job, NOW).await;
    assert!(!fail_permanently(job.clone(), NOW + ms(1), NOW + ms(1)).await, "a worker holds it");
    assert!(
        !fail_permanently(job_of(2, "etag-1", "small"), NOW + ms(LEASE_MS), NOW + ms(LEASE_MS)).await,
        "another job"
    );
    assert!(fail_permanently(job.clone(), NOW + ms(LEASE_MS), NOW + ms(LEASE_MS)).await);
    assert!(!fail_permanently(job.clone(), NOW + ms(LEASE_MS), NOW + ms(LEASE_MS)).await, "repeated call");
    assert_eq!(subject.state(job.video).await, VideoState::Failed(lost.clone()));

    subject.catalog.request_work(&job, NOW + ms(LEASE_MS + 5)).await.expect("request");
    assert!(!fail_permanently(job.clone(), NOW + ms(LEASE_MS), NOW + ms(LEASE_MS + 6)).await, "requested again since");
    assert_eq!(subject.claim(&job, NOW + ms(LEASE_MS + 7)).await.fence, 2);
}

/// The settings chosen at upload apply, whatever job the event was turned into.
pub async fn events_follow_the_settings_of_the_video(subject: &Subject) {
    let new = NewVideo { profile: "small".to_owned(), mode: Mode::Copy, ..new_video(1) };
    subject.catalog.create_video(&new, NOW).await.expect("create");
    let noted = subject.catalog.note_upload_event(&job(1), NOW).await.expect("note");
    let expected = job(1).with_settings("small", Mode::Copy);
    assert_eq!(noted, UploadEventOutcome::Send(expected.clone()));
    assert_eq!(subject.video(video_id(1)).await.job, Some(expected.id));
}

/// A video with `on_first_view` stays stored, however many bucket events arrive, until it is
/// requested.
pub async fn a_source_waits_for_its_first_view(subject: &Subject) {
    let new = NewVideo { generate: Generate::OnFirstView, ..new_video(1) };
    let video = subject.catalog.create_video(&new, NOW).await.expect("create");
    assert_eq!(video.generate, Generate::OnFirstView);
    for _ in 0..3 {
        let noted = subject.catalog.note_upload_event(&job(1), NOW + ms(1)).await.expect("note");
        assert_eq!(noted, UploadEventOutcome::Waits);
    }
    // Another source of a video that has not been watched also waits.
    let newer = job_of(1, "etag-2", "default");
    assert_eq!(subject.catalog.note_upload_event(&newer, NOW + ms(2)).await.expect("note"), UploadEventOutcome::Waits);
    let stored = subject.video(new.id).await;
    assert_eq!((stored.state.clone(), stored.queued_ms), (VideoState::Stored, None));
    assert_eq!(stored.to_job(JobReason::Upload), Some(newer.clone()));

    for now in [NOW + ms(3), NOW + ms(4)] {
        let asked = subject.catalog.request_work(&newer, now).await.expect("request");
        assert_eq!((asked.state, asked.queued_ms), (VideoState::Queued, Some(now)));
    }
    let noted = subject.catalog.note_upload_event(&newer, NOW + ms(5)).await.expect("note");
    assert_eq!(noted, UploadEventOutcome::Send(newer.clone()), "from now on it is like any other");
    subject.claim(&newer, NOW + ms(6)).await;
}
