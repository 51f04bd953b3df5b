//! Runs that fail, and workers that lose their claim.

use super::*;

/// Deaths that say something of the source or of the machine, but that no second look would change.
#[tokio::test]
async fn a_death_has_a_reason() {
    let ends = |task, end| Fault::ends(task, 0, end).times(99);
    let failed = End::Exit(1);
    for (fault, code, class) in [
        (
            ends(Task::Encode, End::ExceedCpu),
            FailureCode::TooDemanding,
            FailureClass::Source,
        ),
        (
            ends(Task::Encode, failed).saying("x264 [error]: malloc of size 9 failed"),
            FailureCode::TooDemanding,
            FailureClass::Source,
        ),
        (
            ends(Task::Encode, End::Kill),
            FailureCode::Internal,
            FailureClass::Infrastructure,
        ),
        (
            ends(Task::Audio, End::Exit(255)),
            FailureCode::Internal,
            FailureClass::Infrastructure,
        ),
        (
            ends(Task::Audio, End::Exit(125)),
            FailureCode::Internal,
            FailureClass::Infrastructure,
        ),
        (
            ends(Task::Encode, failed).saying("Unknown encoder 'libx264'"),
            FailureCode::Internal,
            FailureClass::Infrastructure,
        ),
        (
            ends(Task::Encode, failed).saying("http: Too many open files"),
            FailureCode::Exhausted,
            FailureClass::Infrastructure,
        ),
        (
            ends(Task::Audio, failed).saying("pthread_create: Resource temporarily unavailable"),
            FailureCode::Exhausted,
            FailureClass::Infrastructure,
        ),
        (
            ends(Task::Encode, failed)
                .saying("Decoder (codec png) not found for input stream #0:0"),
            FailureCode::UnsupportedCodec,
            FailureClass::Source,
        ),
    ] {
        let (world, _) = replacing(&foreign());
        world.fake.set_faults(std::slice::from_ref(&fault));
        let problem = run(&world, foreign()).await.expect_err(&fault.log);
        assert_eq!(
            (problem.failure().code, problem.class()),
            (code, class),
            "{fault:?}: {problem:?}"
        );
        assert_unpublished(&world);
        assert_eq!(
            world
                .fake
                .runs()
                .iter()
                .filter(|it| it.starts_with("Survey"))
                .count(),
            0,
            "{fault:?}"
        );
    }
}

/// An encoder that ran out of memory gets all of it, without others beside it; if that does not
/// suffice, the next attempt would fail in the same way.
#[tokio::test]
async fn an_encoder_without_memory_is_tried_alone_and_once() {
    let fault = || {
        let failed = Fault::ends(Task::Encode, 0, End::Exit(1));
        failed.saying("x264 [error]: malloc of size 9 failed")
    };
    let (world, plan) = replacing(&foreign());
    world.fake.set_faults(&[fault()]);
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    assert_eq!(world.journal.attempts.load(Ordering::Relaxed), 2);

    let (world, _) = replacing(&foreign());
    world.fake.set_faults(&[fault().times(99)]);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert_eq!(problem.failure().code, FailureCode::TooDemanding);
    assert_eq!(problem.class(), FailureClass::Source);
    assert_eq!(world.journal.attempts.load(Ordering::Relaxed), 2);
}

/// FFmpeg delivers the frames that it has when it runs out of memory, and exits a moment later.
#[tokio::test]
async fn a_short_segment_of_an_encoder_without_memory_is_not_damage() {
    let (world, _) = replacing(&foreign());
    let fault = Fault {
        arrival: Arrival::Short,
        ..Fault::ends(Task::Encode, 1, End::Exit(1))
    };
    let fault = fault.saying("x264 [error]: malloc of size 9 failed");
    world.fake.set_faults(&[fault.times(99)]);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert_eq!(problem.failure().code, FailureCode::TooDemanding);
    assert_eq!(world.journal.attempts.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_copy_that_fails_is_encoded() {
    let no_refresh = |world: &World| {
        use crate::testing::transport::{FrameKind, Transport, VIDEO};
        let segment = Transport::new(&[VIDEO]).frame(FrameKind::Intra, 0, 0);
        world.fake.put("source", 0, &segment.into_bytes());
    };
    let too_large = |world: &World| {
        world.fake.put(
            "source",
            1,
            &vec![0x47; domain::plan::LARGEST_COPIED_SEGMENT as usize + 1],
        );
    };
    let complaint =
        Fault::ends(Task::Copy, 1, End::Exit(0)).saying("Application provided invalid timestamps");
    type Arrange<'a> = &'a dyn Fn(&World);
    let cases: [(&str, Arrange<'_>, Option<Fault>); 3] = [
        ("no refresh", &no_refresh, None),
        ("a large group of pictures", &too_large, None),
        ("a complaint", &|_| (), Some(complaint)),
    ];
    for (what, arrange, fault) in cases {
        // Of a new video nothing is encoded before its copy can be watched.
        let (world, _) = World::of(&standard());
        let mut open = standard();
        open.index.closed_gops = false;
        let plan = EncodePlan::new(&open, &world.profile, Mode::Abr).unwrap();
        world.fake.prepare(&plan);
        world.fake.set_faults(fault.as_slice());
        arrange(&world);
        let published = run(&world, standard())
            .await
            .unwrap_or_else(|it| panic!("{what}: {it:?}"));
        assert_eq!(published.plan, plan, "{what}");
        assert!(
            published
                .renditions
                .iter()
                .all(|it| it.name.as_str() != "source"),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_no_fault_of_the_source() {
    for path in ["480p/", "audio-128k/", "iframes/", "manifest"] {
        let (world, _) = replacing(&foreign());
        world.flaky.fail(path, 1_000);
        let problem = run(&world, foreign()).await.expect_err(path);
        assert!(
            matches!(problem, TranscodeError::Store(_)),
            "{path}: {problem:?}"
        );
        assert_eq!(problem.failure().code, FailureCode::Unavailable);
        assert_eq!(world.named(".m3u8"), [""; 0], "{path}");
        assert_eq!(
            world
                .fake
                .runs()
                .iter()
                .filter(|it| it.starts_with("Survey"))
                .count(),
            0,
            "{path}"
        );
    }
}

/// What is stored can then be removed, and nothing comes after that.
#[tokio::test]
async fn an_attempt_that_failed_stores_nothing_more() {
    let (world, _) = replacing(&foreign());
    world.flaky.write_ms.store(700, Ordering::Relaxed);
    world
        .fake
        .set_faults(&[Fault::ends(Task::Audio, 0, End::Exit(1)).saying("Unknown encoder 'aac'")]);
    run(&world, foreign()).await.unwrap_err();
    let before = world.objects();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert_eq!(world.objects(), before);
}

#[tokio::test]
async fn a_worker_without_its_claim_publishes_nothing() {
    let (world, _) = replacing(&foreign());
    world.journal.loses_after.store(2, Ordering::Relaxed);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert!(problem.lost_claim(), "{problem:?}");
    assert_unpublished(&world);
    assert_eq!(world.journal.chunks.lock().unwrap().len(), 2);

    let (world, _) = replacing(&foreign());
    world
        .journal
        .loses_at_the_end
        .store(true, Ordering::Relaxed);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert!(problem.lost_claim(), "{problem:?}");
    assert_eq!(
        world.named(".m3u8"),
        [""; 0],
        "the pointer stays where it is"
    );
}

#[tokio::test]
async fn extras_that_fail_are_missing_and_the_video_plays() {
    let dies = |task| Fault::ends(task, 0, End::Exit(1)).times(99);
    for (faults, missing) in [
        (vec![dies(Task::Poster)], vec![]),
        (
            vec![dies(Task::Images)],
            vec![Extra::Thumbnails, Extra::Storyboard],
        ),
        (
            vec![dies(Task::Images), dies(Task::Poster)],
            vec![Extra::Thumbnails, Extra::Storyboard, Extra::Poster],
        ),
        // It makes the poster at the second attempt.
        (vec![Fault::ends(Task::Images, 0, End::Exit(0))], vec![]),
        (
            vec![Fault::ends(Task::Images, 3, End::Exit(0)).times(2)],
            vec![Extra::Thumbnails],
        ),
    ] {
        let (world, plan) = replacing(&standard());
        world.fake.set_faults(&faults);
        let published = run(&world, standard()).await.unwrap();
        assert_whole(&world, &plan, &published);
        assert_eq!(published.receipt.missing, missing, "{faults:?}");
        let pictures = ["storyboard.jpg", "poster.jpg"].map(|it| world.named(it).len());
        let expected =
            [Extra::Storyboard, Extra::Poster].map(|it| usize::from(!missing.contains(&it)));
        assert_eq!(pictures, expected, "{faults:?}");
    }
}

#[tokio::test]
async fn an_extra_does_not_hide_what_would_fail_anything() {
    let (world, _) = replacing(&standard());
    world.flaky.fail("poster", 1);
    let problem = run(&world, standard()).await.unwrap_err();
    assert_eq!(problem.failure().code, FailureCode::Unavailable);
    let (world, _) = replacing(&standard());
    world
        .fake
        .set_faults(&[Fault::ends(Task::Images, 0, End::Kill)]);
    let problem = run(&world, standard()).await.unwrap_err();
    assert!(
        matches!(problem, TranscodeError::Interrupted { .. }),
        "{problem:?}"
    );
    assert_unpublished(&world);
}
