//! Jobs that were requested and have not ended: which one the sweeper would send again.

use domain::failure::FailureCode;
use domain::ids::Generation;
use domain::job::{Job, JobMessage, Partial, Priority};
use domain::receipt::Receipt;
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;

use super::{NOW, Subject, failure, generation, job_of, ms, name};
use crate::videos::{Claim, ClaimOutcome, UploadEventOutcome};

const MINUTES_15: u64 = 15 * 60_000;

impl Subject {
    async fn requested(&self, job: &Job) -> Option<Job> {
        self.catalog.requested_job(job.video).await.expect("read")
    }

    async fn is_due(&self, job: &Job, after_ms: u64) -> bool {
        let due = self.catalog.due_videos(NOW + ms(after_ms), 100).await;
        due.expect("due").iter().any(|it| it.video == job.video)
    }

    /// Claims a job that makes another generation than the one that plays.
    async fn claim_reencode(&self, job: &Job, now: UnixMillis) -> Claim {
        let generation = Generation::of(&job.source.etag, job.id.as_str());
        match self.claim_for(job, &generation, now).await {
            ClaimOutcome::Claimed(claim) => claim,
            other => panic!("the job should be free, but is {other:?}"),
        }
    }

    /// A ready video, and a requested re-encode of one of its rungs.
    async fn reencode(&self, number: u8) -> Job {
        let job = self.ready(number).await;
        let partial = Partial::new(generation(&job), [name("720p")]);
        let reencode = job.with_partial(partial).with_priority(Priority::Bulk);
        self.catalog
            .request_work(&reencode, NOW)
            .await
            .expect("request");
        reencode
    }
}

/// Its state does not show that it waits for a worker.
pub async fn a_reencode_of_a_ready_video_is_due(subject: &Subject) {
    let job = subject.reencode(1).await;
    assert!(matches!(
        subject.state(job.video).await,
        VideoState::Ready { .. }
    ));
    assert_eq!(subject.requested(&job).await, Some(job.clone()));
    assert!(!subject.is_due(&job, MINUTES_15 - 1).await);
    assert!(subject.is_due(&job, MINUTES_15).await);
    // While it is processed, and after a failure that is retried.
    let claim = subject.claim_reencode(&job, NOW).await;
    assert_eq!(subject.requested(&job).await, Some(job.clone()));
    subject
        .catalog
        .fail(&claim, &failure(FailureCode::Internal), true, "", NOW)
        .await
        .expect("fail");
    assert!(subject.is_due(&job, MINUTES_15).await);
    let claim = subject.claim_reencode(&job, NOW + ms(1)).await;
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW + ms(2))
        .await
        .expect("ready");
    assert_eq!(subject.requested(&job).await, None);
    assert!(!subject.is_due(&job, 2 * MINUTES_15).await);
}

/// Every end of a job ends its request.
pub async fn a_request_ends_with_its_job(subject: &Subject) {
    let catalog = &subject.catalog;
    let job = subject.reencode(1).await;
    let claim = subject.claim_reencode(&job, NOW).await;
    catalog.supersede(&claim, NOW).await.expect("supersede");
    assert_eq!(subject.requested(&job).await, None, "superseded");

    let job = subject.reencode(2).await;
    let claim = subject.claim_reencode(&job, NOW).await;
    catalog.release(&claim, NOW).await.expect("release");
    assert_eq!(
        subject.requested(&job).await,
        Some(job.clone()),
        "a worker stops"
    );
    let claim = subject.claim_reencode(&job, NOW + ms(1)).await;
    catalog
        .fail(&claim, &failure(FailureCode::RungsDoNotFit), true, "", NOW)
        .await
        .expect("fail");
    assert_eq!(subject.requested(&job).await, None, "rejected");

    let job = subject.reencode(3).await;
    let message = JobMessage::from(job.clone());
    let late = NOW + ms(1);
    catalog
        .fail_permanently(&message, &failure(FailureCode::WorkerLost), late, late)
        .await
        .expect("fail");
    assert_eq!(subject.requested(&job).await, None, "a dead letter");

    for (number, event) in [(4, VideoEvent::Cancelled), (5, VideoEvent::Deleted)] {
        let job = subject.reencode(number).await;
        catalog.apply(job.video, &event, NOW).await.expect("apply");
        assert_eq!(subject.requested(&job).await, None, "{event:?}");
    }
}

/// A worker of an older version completes the job, and leaves the request.
pub async fn a_request_of_a_finished_job_ends_when_it_is_claimed_again(subject: &Subject) {
    let job = subject.ready(1).await;
    subject
        .catalog
        .request_work(&job, NOW)
        .await
        .expect("request");
    assert_eq!(subject.requested(&job).await, Some(job.clone()));
    let outcome = subject.claim_for(&job, &generation(&job), NOW).await;
    assert_eq!(outcome, ClaimOutcome::AlreadyDone);
    assert_eq!(subject.requested(&job).await, None);
}

/// The newer request is the one that counts, in whatever order the messages arrive.
pub async fn an_older_job_does_not_end_a_newer_request(subject: &Subject) {
    let old = subject.reencode(1).await;
    let claim = subject.claim_reencode(&old, NOW).await;
    let new = old
        .clone()
        .with_partial(Partial::new(generation(&old), [name("480p")]));
    subject
        .catalog
        .request_work(&new, NOW)
        .await
        .expect("request");
    subject
        .catalog
        .supersede(&claim, NOW)
        .await
        .expect("supersede");
    assert_eq!(subject.requested(&new).await, Some(new));
}

/// The sweeper must not send the job of a source that was replaced.
pub async fn another_source_withdraws_the_request(subject: &Subject) {
    let job = subject.queued(1).await;
    subject
        .catalog
        .request_work(&job, NOW)
        .await
        .expect("request");
    let other = job_of(1, "etag-2", "default");
    let noted = subject.catalog.note_upload_event(&other, NOW).await;
    assert_eq!(
        noted.expect("note"),
        UploadEventOutcome::Send(other.clone())
    );
    assert_eq!(subject.requested(&job).await, None);
    let rebuilt = subject.video(job.video).await.to_job(other.reason);
    assert_eq!(rebuilt, Some(other));
}

/// Both in one transaction: a crash between them would lose the second job.
pub async fn a_video_becomes_ready_with_the_next_request(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    let partial = Partial::replacing_copy(generation(&job), [name("1080p")]);
    let next = job
        .clone()
        .with_partial(partial)
        .with_priority(Priority::Bulk);
    subject
        .catalog
        .mark_ready_and_request(&claim, &Receipt::default(), &next, NOW)
        .await
        .expect("ready");
    let video = subject.video(job.video).await;
    assert_eq!(
        video.state,
        VideoState::Ready {
            generation: generation(&job)
        }
    );
    assert_eq!(video.profile, job.profile);
    assert_eq!(subject.requested(&job).await, Some(next.clone()));
    assert!(subject.is_due(&job, MINUTES_15).await);
    let claim = subject.claim_reencode(&next, NOW + ms(1)).await;
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW + ms(2))
        .await
        .expect("ready");
    assert_eq!(subject.requested(&job).await, None);
}
