use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::failure::FailureCode;
use domain::job::Stage;

mod loudness;
mod per_title;
mod sound;
mod surround;

use super::*;
use crate::testing::fake_ffmpeg::{End, Fault, Task};
use crate::testing::trial::prepare;
use crate::testing::world::World;
use crate::trial::{FILM, profile};

/// A file, and a stand-in for FFmpeg that knows what is made of it.
async fn site() -> (World, LocalJob) {
    let world = World::new();
    prepare(&world, &profile()).await;
    let input = world.folder().join("film.mp4");
    std::fs::write(&input, FILM).unwrap();
    let out = world.folder().join("media");
    let job = LocalJob {
        input,
        out,
        profile: profile(),
        mode: Mode::Abr,
        encrypt: true,
        keep_failed: false,
        encoders: 2,
    };
    (world, job)
}

async fn run(world: &World, job: &LocalJob) -> Result<LocalReport, TranscodeError> {
    transcode(&world.fake.tools(), job, |_| (), &CancellationToken::new()).await
}

#[tokio::test]
async fn a_file_becomes_a_tree_that_plays() {
    let (world, job) = site().await;
    let (was_playable, was_published) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (playable, publishing) = (Arc::clone(&was_playable), Arc::clone(&was_published));
    let hear = move |it| match it {
        Progress::Playable => playable.store(true, Ordering::Relaxed),
        Progress::At(Stage::Publish, _) => publishing.store(true, Ordering::Relaxed),
        Progress::At(..) => {}
    };
    let report = transcode(&world.fake.tools(), &job, hear, &CancellationToken::new())
        .await
        .unwrap();
    assert!(was_playable.load(Ordering::Relaxed) && was_published.load(Ordering::Relaxed));
    assert_eq!((report.duration_s, report.missing.len()), (2.0, 0));
    assert!(
        report
            .playable_after_s
            .is_some_and(|it| it <= report.wall_s)
    );
    let rungs: Vec<_> = report
        .rungs
        .iter()
        .map(|it| (it.copied, it.segments, it.codecs.as_str()))
        .collect();
    let codecs = "avc1.42c01f,mp4a.40.2";
    assert_eq!(
        rungs,
        [(true, 2, codecs), (false, 2, codecs), (false, 2, codecs)]
    );
    assert!(
        report
            .rungs
            .iter()
            .all(|it| it.bandwidth >= it.average_bandwidth && it.average_bandwidth > 0)
    );
    assert!(report.audio.iter().any(|it| it.copied) && report.audio.iter().any(|it| !it.copied));
    assert_eq!(report.master, job.out.join("hls/master.m3u8"));
    let master = std::fs::read_to_string(&report.master).unwrap();
    // Each playlist that is named is there, with the key beside it.
    let named: Vec<_> = master.lines().filter(|it| it.ends_with(".m3u8")).collect();
    assert_eq!(named.len(), 3);
    for it in named {
        let playlist = job.out.join("hls").join(it);
        assert!(
            playlist.is_file() && playlist.with_extension("key").is_file(),
            "{it}"
        );
    }
}

#[tokio::test]
async fn without_encryption_there_are_no_keys() {
    let (world, job) = site().await;
    let report = run(
        &world,
        &LocalJob {
            encrypt: false,
            ..job
        },
    )
    .await
    .unwrap();
    assert_eq!(world.named(".key"), [""; 0]);
    assert!(
        !std::fs::read_to_string(report.master)
            .unwrap()
            .contains("KEY")
    );
    let segment = world.named("_00000.ts").remove(0);
    assert!(
        std::fs::read(world.folder().join(segment))
            .unwrap()
            .starts_with(&[0x47])
    );
}

#[tokio::test]
async fn a_failure_leaves_nothing_behind() {
    let (world, job) = site().await;
    let fault = Fault::ends(Task::Encode, 0, End::Exit(1))
        .saying("Unrecognized option")
        .times(9);
    world.fake.set_faults(std::slice::from_ref(&fault));
    let problem = run(&world, &job).await.unwrap_err();
    assert_eq!(problem.failure().code, FailureCode::Internal);
    let kept: Vec<_> = world
        .objects()
        .into_iter()
        .filter(|it| it.contains("hls"))
        .collect();
    assert_eq!(kept, [""; 0]);

    // Unless what was made is to be looked at.
    world.fake.set_faults(&[fault]);
    run(
        &world,
        &LocalJob {
            keep_failed: true,
            ..job
        },
    )
    .await
    .unwrap_err();
    assert!(!world.named(".ts").is_empty());
}

#[tokio::test]
async fn what_was_there_before_stays() {
    let (world, job) = site().await;
    run(&world, &job).await.unwrap();
    let before = world.objects();
    let master = job.out.join("hls/master.m3u8");
    let text = std::fs::read_to_string(&master).unwrap();
    world
        .fake
        .set_faults(&[Fault::ends(Task::Copy, 0, End::Kill)]);
    run(&world, &job).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(&master).unwrap(), text);
    let lost: Vec<_> = before
        .iter()
        .filter(|it| !world.objects().contains(it))
        .collect();
    assert_eq!(lost, [""; 0]);
}

#[tokio::test]
async fn only_files_are_read() {
    let (world, job) = site().await;
    for input in [
        world.folder().join("nothing.mp4"),
        world.folder().to_owned(),
        Path::new("/dev/null").to_owned(),
    ] {
        let problem = run(
            &world,
            &LocalJob {
                input: input.clone(),
                ..job.clone()
            },
        )
        .await
        .unwrap_err();
        assert!(
            matches!(problem, TranscodeError::Io { .. }),
            "{}: {problem:?}",
            input.display()
        );
    }
    std::fs::write(&job.input, "").unwrap();
    assert_eq!(
        run(&world, &job).await.unwrap_err().failure().code,
        FailureCode::EmptyFile
    );
    std::fs::write(&job.input, "#EXTM3U\n").unwrap();
    assert_eq!(
        run(&world, &job).await.unwrap_err().failure().code,
        FailureCode::PlaylistNotAllowed
    );
    assert_eq!(world.fake.runs(), [""; 0]);
}
