//! Writes of claim holders: progress, chunks, renditions, and the ends of attempts.

use domain::failure::FailureCode;
use domain::job::Stage;
use domain::receipt::{Receipt, StageTime};
use domain::segment::Lane;
use domain::state::VideoState;

use super::{NOW, Subject, chunk, failure, generation, job_of, ms};
use crate::videos::{AttemptOutcome, ClaimOutcome, Progress, UploadEventOutcome};

/// The complete flow, with its timestamps.
pub async fn from_queued_to_ready(subject: &Subject) {
    let job = subject.queued(1).await;
    let queued = subject.video(job.video).await;
    assert_eq!(
        (queued.state, queued.queued_ms, queued.progress),
        (VideoState::Queued, Some(NOW), None)
    );
    let claim = subject.claim(&job, NOW + ms(1)).await;
    assert_eq!(
        subject.video(job.video).await.progress,
        Some(Progress {
            stage: None,
            percent: 0
        })
    );
    for _ in 0..2 {
        subject
            .catalog
            .mark_playable(&claim, NOW + ms(2))
            .await
            .expect("playable");
    }
    let playable = subject.video(job.video).await;
    assert_eq!(
        (playable.state, playable.generation),
        (VideoState::Playable, Some(generation(&job)))
    );
    let receipt = Receipt {
        cpu_ms: 5,
        stages: vec![StageTime {
            stage: Stage::Encode,
            wall_ms: 4,
        }],
        stored_bytes: 3,
        ..Receipt::default()
    };
    assert_eq!(
        subject
            .catalog
            .receipt(job.video, &generation(&job))
            .await
            .expect("receipt"),
        None
    );
    let before = subject
        .catalog
        .mark_ready(&claim, &receipt, NOW + ms(3))
        .await
        .expect("ready");
    assert_eq!(before, None);
    let ready = subject.video(job.video).await;
    assert_eq!(
        ready.state,
        VideoState::Ready {
            generation: generation(&job)
        }
    );
    assert_eq!(
        (ready.playable_ms, ready.ready_ms, ready.progress),
        (Some(NOW + ms(2)), Some(NOW + ms(3)), None)
    );
    assert_eq!(
        subject
            .catalog
            .receipt(job.video, &generation(&job))
            .await
            .expect("receipt"),
        Some(receipt)
    );
    let attempts = subject.catalog.attempts(job.video).await.expect("attempts");
    assert_eq!(
        (attempts[0].outcome.clone(), attempts[0].ended_ms),
        (Some(AttemptOutcome::Ready), Some(NOW + ms(3)))
    );
    assert_eq!(
        (attempts[0].started_ms, attempts[0].worker.as_str()),
        (NOW + ms(1), "worker")
    );
}

/// Viewers keep the published generation until a newer one is verified.
pub async fn a_failed_reencode_leaves_it_ready(subject: &Subject) {
    let old = subject.ready(1).await;
    let ready = VideoState::Ready {
        generation: generation(&old),
    };
    let new = job_of(1, "etag-1", "small");
    for code in [FailureCode::Damaged, FailureCode::DiskFull] {
        subject
            .catalog
            .request_work(&new, NOW)
            .await
            .expect("request");
        let claim = subject.claim(&new, NOW).await;
        subject
            .catalog
            .mark_playable(&claim, NOW)
            .await
            .expect("playable");
        assert_eq!(
            subject.video(new.video).await.generation,
            Some(generation(&old))
        );
        subject
            .catalog
            .fail(&claim, &failure(code), false, "log", NOW)
            .await
            .expect("fail");
        assert_eq!(subject.state(new.video).await, ready);
    }
    // The published generation need not be produced again.
    assert_eq!(
        subject.claim_for(&old, &generation(&old), NOW).await,
        ClaimOutcome::AlreadyDone
    );
    let claim = subject.claim(&new, NOW).await;
    let before = subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW)
        .await
        .expect("ready");
    assert_eq!(before, Some(generation(&old)));
    assert_eq!(
        subject.state(new.video).await,
        VideoState::Ready {
            generation: generation(&new)
        }
    );
}

/// A faulty source is attempted once, until it is requested again or with other settings.
pub async fn a_bad_source_is_tried_once(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    let reason = failure(FailureCode::NotAVideo);
    subject
        .catalog
        .fail(&claim, &reason, true, "moov atom not found", NOW + ms(1))
        .await
        .expect("fail");
    assert_eq!(
        subject.state(job.video).await,
        VideoState::Failed(reason.clone())
    );
    let attempts = subject.catalog.attempts(job.video).await.expect("attempts");
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Failed(reason)));
    assert_eq!(attempts[0].log_tail.as_deref(), Some("moov atom not found"));

    assert_eq!(
        subject
            .catalog
            .note_upload_event(&job, NOW + ms(2))
            .await
            .expect("note"),
        UploadEventOutcome::AlreadyDone
    );
    assert_eq!(
        subject
            .claim_for(&job, &generation(&job), NOW + ms(2))
            .await,
        ClaimOutcome::AlreadyDone
    );
    let again = subject
        .catalog
        .request_work(&job, NOW + ms(3))
        .await
        .expect("request");
    assert_eq!(
        (again.state, again.queued_ms),
        (VideoState::Queued, Some(NOW + ms(3)))
    );
    let claim = subject.claim(&job, NOW + ms(4)).await;
    subject
        .catalog
        .fail(
            &claim,
            &failure(FailureCode::TooLong),
            true,
            "",
            NOW + ms(5),
        )
        .await
        .expect("fail");
    subject
        .claim(&job_of(1, "etag-1", "long"), NOW + ms(6))
        .await;
}

/// An infrastructure failure leaves the video queued, and only the last one fails it; a redriven
/// job continues.
pub async fn our_failures_are_retried_until_given_up(subject: &Subject) {
    let job = subject.queued(1).await;
    let reason = failure(FailureCode::DiskFull);
    let claim = subject.claim(&job, NOW).await;
    subject
        .catalog
        .record_chunk(&claim, &chunk(Lane::Encode, 0, 9), NOW)
        .await
        .expect("chunk");
    subject
        .catalog
        .fail(&claim, &reason, true, "no space", NOW)
        .await
        .expect("fail");
    assert_eq!(subject.state(job.video).await, VideoState::Queued);
    let claim = subject.claim(&job, NOW).await;
    assert_eq!(
        subject
            .catalog
            .chunks(job.video, &generation(&job))
            .await
            .expect("chunks")
            .len(),
        1
    );
    subject
        .catalog
        .fail(&claim, &reason, false, "no space", NOW)
        .await
        .expect("fail");
    assert_eq!(subject.state(job.video).await, VideoState::Failed(reason));
    let claim = subject.claim(&job, NOW).await;
    assert_eq!(subject.state(job.video).await, VideoState::Processing);
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW)
        .await
        .expect("ready");
}

/// A worker that shuts down releases its claim, so the next one need not wait.
pub async fn shutdown_gives_the_job_back(subject: &Subject) {
    let job = subject.queued(1).await;
    let claim = subject.claim(&job, NOW).await;
    subject
        .catalog
        .release(&claim, NOW + ms(1))
        .await
        .expect("release");
    assert_eq!(subject.state(job.video).await, VideoState::Queued);
    let claim = subject.claim(&job, NOW + ms(1)).await;
    // A shutdown that is reported as a failure does not count against the video either.
    subject
        .catalog
        .fail(
            &claim,
            &failure(FailureCode::Shutdown),
            false,
            "",
            NOW + ms(2),
        )
        .await
        .expect("fail");
    assert_eq!(subject.state(job.video).await, VideoState::Queued);
    let claim = subject.claim(&job, NOW + ms(2)).await;
    subject
        .catalog
        .mark_playable(&claim, NOW + ms(3))
        .await
        .expect("playable");
    subject
        .catalog
        .release(&claim, NOW + ms(3))
        .await
        .expect("release");
    assert_eq!(subject.state(job.video).await, VideoState::Playable);
    assert_eq!(subject.claim(&job, NOW + ms(3)).await.fence, 4);
}

/// Playback follows what was published: another object under its key does not start work, however
/// its job arrives.
pub async fn a_video_that_has_been_ready_takes_no_other_source(subject: &Subject) {
    let job = subject.ready(1).await;
    let other = job_of(1, "etag-2", "default");
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&other, NOW + ms(1))
            .await
            .expect("note"),
        UploadEventOutcome::SourceAfterReady
    );
    assert_eq!(
        subject
            .claim_for(&other, &generation(&other), NOW + ms(1))
            .await,
        ClaimOutcome::AlreadyDone
    );
    let video = subject.video(job.video).await;
    assert_eq!(
        (video.source.etag.as_deref(), video.job),
        (Some("etag-1"), Some(job.id.clone()))
    );
    // The same during a re-encode, and after it failed.
    let smaller = job_of(1, "etag-1", "small");
    subject
        .catalog
        .request_work(&smaller, NOW + ms(2))
        .await
        .expect("request");
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&other, NOW + ms(3))
            .await
            .expect("note"),
        UploadEventOutcome::SourceAfterReady
    );
    let claim = subject.claim(&smaller, NOW + ms(4)).await;
    subject
        .catalog
        .fail(
            &claim,
            &failure(FailureCode::Damaged),
            false,
            "",
            NOW + ms(5),
        )
        .await
        .expect("fail");
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&other, NOW + ms(6))
            .await
            .expect("note"),
        UploadEventOutcome::SourceAfterReady
    );
    // A request for work may name another source.
    subject
        .catalog
        .request_work(&other, NOW + ms(7))
        .await
        .expect("request");
    subject.claim(&other, NOW + ms(8)).await;
}

/// Another object under the same key is new work, also after a failure; the old event is ignored.
pub async fn a_new_source_is_new_work(subject: &Subject) {
    let bad = subject.queued(1).await;
    let claim = subject.claim(&bad, NOW).await;
    subject
        .catalog
        .fail(&claim, &failure(FailureCode::Truncated), false, "", NOW)
        .await
        .expect("fail");
    let good = job_of(1, "etag-2", "default");
    assert_eq!(
        subject
            .catalog
            .note_upload_event(&good, NOW + ms(1))
            .await
            .expect("note"),
        UploadEventOutcome::Send(good.clone())
    );
    let video = subject.video(good.video).await;
    assert_eq!(
        (video.state, video.job),
        (VideoState::Queued, Some(good.id.clone()))
    );
    assert_eq!(video.source.etag.as_deref(), Some("etag-2"));
    let claim = subject.claim(&good, NOW + ms(2)).await;
    subject
        .catalog
        .mark_ready(&claim, &Receipt::default(), NOW + ms(3))
        .await
        .expect("ready");
}
