//! Jobs that fail.

use super::*;

/// Verdicts on the source: the video has failed, and nothing is tried again.
#[tokio::test]
async fn a_source_at_fault_fails_its_video() {
    let probe =
        |script: &'static str| move |site: &Site| site.world.fake.probe_says("streams", script);
    let fault =
        |fault: Fault| move |site: &Site| site.world.fake.set_faults(std::slice::from_ref(&fault));
    type Arrange = Box<dyn Fn(&Site)>;
    let cases: Vec<(FailureCode, Arrange)> = vec![
        (FailureCode::NotAVideo, Box::new(probe("exit 1"))),
        (FailureCode::Damaged, Box::new(probe("kill -SEGV $$"))),
        (
            FailureCode::NoVideoStream,
            Box::new(probe("echo '{\"streams\": []}'")),
        ),
        (
            FailureCode::TooDemanding,
            Box::new(fault(Fault::ends(Task::Encode, 0, End::ExceedCpu).times(9))),
        ),
        (
            FailureCode::UnsupportedCodec,
            Box::new(fault(
                Fault::ends(Task::Encode, 0, End::Exit(1))
                    .times(9)
                    .saying("no decoder found for: h264"),
            )),
        ),
    ];
    for (code, arrange) in cases {
        let site = Site::without_copy().await;
        arrange(&site);
        site.work().await;
        let state = site.video().await.state;
        assert!(failed(code)(&state), "{code}: {state:?}");
        assert_eq!(site.depth().await, EMPTY, "{code}");
        assert!(
            matches!(site.last_outcome().await, AttemptOutcome::Failed(failure) if failure.code == code)
        );
        assert_eq!(site.world.named(".m3u8"), [""; 0], "{code}");
    }
}

#[tokio::test]
async fn a_source_that_is_gone_fails_its_video() {
    let site = Site::new().await;
    site.world.store.delete(&source_key()).await.unwrap();
    site.work().await;
    assert!(failed(FailureCode::SourceMissing)(
        &site.video().await.state
    ));
    assert_eq!(site.depth().await, EMPTY);
}

/// Failures that are ours: the job comes again, and what was finished is not made twice.
#[tokio::test]
async fn our_own_failures_are_tried_again() {
    for (fault, code) in [
        (
            Fault::ends(Task::Encode, 0, End::Kill).times(9),
            FailureCode::Internal,
        ),
        (
            Fault::ends(Task::Encode, 0, End::Kill)
                .times(9)
                .beginning_at(1),
            FailureCode::Internal,
        ),
        (
            Fault::ends(Task::Audio, 0, End::Exit(255)).times(9),
            FailureCode::Internal,
        ),
        (
            Fault::ends(Task::Encode, 0, End::Exit(1))
                .times(9)
                .saying("Unrecognized option 'x'"),
            FailureCode::Internal,
        ),
        (
            Fault::ends(Task::Encode, 0, End::Exit(1))
                .times(9)
                .saying("socket: Too many open files"),
            FailureCode::Exhausted,
        ),
    ] {
        let site = Site::without_copy().await;
        site.world.fake.set_faults(std::slice::from_ref(&fault));
        site.work().await;
        assert_eq!(site.video().await.state, VideoState::Queued, "{fault:?}");
        assert_eq!(
            site.depth().await,
            Depth {
                delayed: 1,
                ..EMPTY
            },
            "{fault:?}"
        );
        let attempt = site.attempts().await.pop().unwrap();
        assert!(
            matches!(&attempt.outcome, Some(AttemptOutcome::Failed(failure)) if failure.code == code),
            "{attempt:?}"
        );
        assert!(
            attempt.log_tail.unwrap_or_default().contains(&fault.log),
            "{fault:?}"
        );
        assert_eq!(site.world.named("master.m3u8"), [""; 0]);
        let finished = site
            .services
            .catalog
            .chunks(video(), &site.generation())
            .await
            .unwrap();

        // The next delivery, when the fault has gone.
        site.world.fake.set_faults(&[]);
        site.world.fake.forget_runs();
        site.services
            .queue
            .send(&JobMessage::from(site.job.clone()), Duration::ZERO)
            .await
            .unwrap();
        site.work().await;
        assert!(
            matches!(site.video().await.state, VideoState::Ready { .. }),
            "{fault:?}"
        );
        let runs = site.world.fake.runs();
        for it in finished.iter().filter(|it| it.lane == Lane::Encode) {
            let first = site.plan.encode_chunks[it.index as usize].segments.start;
            assert!(
                !runs.contains(&format!("Encode {first}")),
                "{fault:?}: {runs:?}"
            );
        }
        assert_eq!(site.attempts().await.len(), 2);
    }
}

#[tokio::test]
async fn after_five_attempts_a_job_is_given_up() {
    let site = Site::without_copy().await;
    let internal = Failure::of(FailureCode::Internal);
    for _ in 0..4 {
        let claim = site.services.claim(&site.job, &site.generation()).await;
        site.services
            .catalog
            .set_progress(&claim, Stage::Encode, 98, clock::now())
            .await
            .unwrap();
        site.services
            .catalog
            .fail(&claim, &internal, true, "log", clock::now())
            .await
            .unwrap();
    }
    site.world
        .fake
        .set_faults(&[Fault::ends(Task::Encode, 0, End::Kill).times(9)]);
    site.work().await;
    assert!(failed(FailureCode::Internal)(&site.video().await.state));
    assert_eq!(site.depth().await, Depth { dead: 1, ..EMPTY });
    assert_eq!(site.attempts().await.len(), 5);
    let dead = site.services.queue.dead_letters(9).await.unwrap();
    assert_eq!(dead[0].reason.as_deref(), Some("internal"));
}

/// The attempts decide, not the deliveries.
#[tokio::test]
async fn the_last_delivery_is_not_the_last_attempt() {
    let site = Site::new().await;
    for _ in 0..2 {
        let delivery = site.receive().await;
        assert!(!delivery.is_last);
        site.services
            .queue
            .release(&delivery.receipt, Duration::ZERO, "stopped")
            .await
            .unwrap();
    }
    let last = site.receive().await;
    assert!(last.is_last);
    site.worker.handle(&last, &CancellationToken::new()).await;
    assert_eq!(
        (site.depth().await, site.attempts().await.len()),
        (Depth { ready: 1, ..EMPTY }, 0)
    );
    let fresh = site.receive().await;
    assert_eq!(
        (fresh.receive_count, fresh.message.unwrap()),
        (1, JobMessage::from(site.job.clone()))
    );
}

#[tokio::test]
async fn a_job_of_an_unknown_profile_fails_with_its_name() {
    let site = Site::new().await;
    let unknown = Job::new(
        video(),
        site.job.source.clone(),
        "cinema",
        Mode::Abr,
        JobReason::Upload,
    );
    site.services
        .catalog
        .request_work(&unknown, clock::now())
        .await
        .unwrap();
    let delivery = site.receive().await;
    site.services.queue.ack(&delivery.receipt).await.unwrap();
    site.services
        .queue
        .send(&JobMessage::from(unknown), Duration::ZERO)
        .await
        .unwrap();
    site.work().await;
    let VideoState::Failed(failure) = site.video().await.state else {
        panic!("it should have failed")
    };
    assert!(failure.message.contains("`cinema`"), "{failure:?}");
    assert_eq!(site.depth().await, Depth { dead: 1, ..EMPTY });
    assert_eq!(site.world.fake.runs(), [""; 0]);
}
