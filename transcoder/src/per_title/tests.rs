//! What becomes of a measurement that fails, and of the choices in a second attempt.

use std::time::Duration;

use domain::per_title::Measure;
use domain::probe::HighDynamicRange;
use domain::probe::cases::{sound, standard};

use super::*;
use crate::ffmpeg::probe::Subtitles;
use crate::publish::SourceFacts;
use crate::source::Blocks;
use crate::testing::fake_ffmpeg::{End, Fault, Task};
use crate::testing::foreign;
use crate::testing::world::World;

/// A video whose profile has per-title encoding, with a stand-in for FFmpeg.
fn world(filters: &[&str]) -> (World, TranscodeRequest) {
    let mut world = World::new();
    world.profile.per_title.enabled = true;
    let mut request = world.request();
    request.tools = request.tools.with_filters(filters);
    (world, request)
}

fn source(probe: Probe) -> Inspected {
    Inspected {
        probe,
        normaliser: None,
        subtitles: Subtitles::default(),
        chapters: Default::default(),
        left_out: false,
    }
}

async fn choose_for(
    request: &TranscodeRequest,
    probe: Probe,
    cancel: &CancellationToken,
) -> Result<Option<PerTitle>, TranscodeError> {
    let blocks = Blocks::new(std::sync::Arc::clone(&request.source));
    let loopback = Loopback::start(blocks).await?;
    choose(request, &loopback, &source(probe), cancel).await
}

async fn chosen(request: &TranscodeRequest, probe: Probe) -> Option<PerTitle> {
    let cancel = CancellationToken::new();
    choose_for(request, probe, &cancel).await.unwrap()
}

#[tokio::test]
async fn some_sources_are_not_measured() {
    let mut hdr = foreign();
    hdr.video_mut().hdr = Some(HighDynamicRange::Pq);
    let mut wide = foreign();
    wide.video_mut().wide_gamut = true;
    let mut sequential = foreign();
    sequential.index.seeking = Seeking::Sequential;
    let mut short = foreign();
    (short.index.video_end, short.index.end) = (300_000, 300_000);
    let (world, request) = world(&["ssim"]);
    for (probe, reason) in [
        (hdr, Skipped::Hdr),
        (wide, Skipped::Hdr),
        (sequential, Skipped::Unseekable),
        (short, Skipped::TooShort),
    ] {
        let choices = chosen(&request, probe).await;
        assert_eq!(choices, Some(PerTitle::skipped(reason)));
    }
    assert_eq!(chosen(&request, sound()).await, None, "there is no video");
    assert_eq!(world.fake.runs(), [""; 0]);
    assert_eq!(world.journal.progress.lock().unwrap().len(), 0);

    let (_, request) = self::world(&["scale"]);
    let none = PerTitle::skipped(Skipped::NoMeasure);
    assert_eq!(chosen(&request, standard()).await, Some(none));
    let mut off = request;
    off.profile.per_title.enabled = false;
    assert_eq!(chosen(&off, standard()).await, None);
}

/// The stand-in delivers encodings, but no scores.
#[tokio::test]
async fn a_failing_measurement_falls_back_to_the_profile() {
    let (world, request) = world(&["ssim", "libvmaf"]);
    assert_eq!(request.tools.measure(), Some(Measure::Vmaf));
    let choices = chosen(&request, foreign()).await.unwrap();
    assert_eq!(choices.skipped, Some(Skipped::Failed));
    assert!(
        choices.rungs.is_empty() && choices.cpu_ms > 0,
        "{choices:?}"
    );
    let plan = EncodePlan::with_choices(&foreign(), &request.profile, request.mode, Some(&choices))
        .unwrap();
    let same = EncodePlan::new(&foreign(), &request.profile, request.mode).unwrap();
    assert_eq!(plan.rungs, same.rungs);
    // The run that encodes dies.
    world
        .fake
        .set_faults(&[Fault::ends(Task::First, 0, End::Abort)]);
    let choices = chosen(&request, foreign()).await.unwrap();
    assert_eq!(choices.skipped, Some(Skipped::Failed));
}

#[tokio::test]
async fn a_slow_measurement_ends_at_its_limit_and_with_the_job() {
    let (world, request) = world(&["ssim"]);
    let fault = Fault::ends(Task::First, 0, End::Stall).times(9);
    world.fake.set_faults(&[fault]);
    let (probe, cancel) = (foreign(), CancellationToken::new());
    let plan = plan_without_choices(&request, &probe).unwrap();
    let loopback = Loopback::start(Blocks::new(std::sync::Arc::clone(&request.source)));
    let loopback = loopback.await.unwrap();
    let mut measurement = Measurement {
        request: &request,
        loopback: &loopback,
        probe: &probe,
        plan: &plan,
        full: full_size(&plan),
        measure: Measure::Ssim,
        cancel: &cancel,
        ends: Instant::now() + Duration::from_millis(300),
        cpu: Duration::ZERO,
    };
    let parts = samples(&probe.index, plan.frame_rate);
    let outcome = measurement.run(&parts).await;
    assert!(
        matches!(outcome, Err(TranscodeError::TimedOut { .. })),
        "{outcome:?}"
    );
    let stop = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(choose_for(&request, foreign(), &cancel), stop);
    assert!(
        matches!(outcome, Err(TranscodeError::Cancelled)),
        "{outcome:?}"
    );
}

/// An attempt that was killed has recorded its plan. Its chunks were encoded by these choices.
#[tokio::test]
async fn a_second_attempt_has_the_choices_of_the_first() {
    let (world, request) = world(&["ssim"]);
    let probe = foreign();
    let first = PerTitle {
        measure: Some(Measure::Ssim),
        samples: 3,
        cpu_ms: 1_000,
        wall_ms: 900,
        rungs: vec![domain::per_title::RungChoice {
            name: "480p".parse().unwrap(),
            crf: 31,
            score: 0.987.into(),
            full_size_score: 0.98.into(),
            kbps: 300,
            profile_kbps: 700,
            same_as: None,
            trials: vec![],
        }],
        ..PerTitle::skipped(Skipped::Failed)
    };
    for choices in [first, PerTitle::skipped(Skipped::TooSlow)] {
        let plan = EncodePlan::with_choices(&probe, &request.profile, request.mode, Some(&choices))
            .unwrap();
        let facts = SourceFacts::new(&plan, &probe);
        let (video, generation) = (request.video, &request.generation);
        let text = stored_plan::render(video, generation, &plan, &probe, &facts);
        let key = ObjectKey::Plan {
            video,
            generation: generation.clone(),
        };
        world.writer().put(&key, text.into()).await.unwrap();
        assert_eq!(chosen(&request, probe.clone()).await, Some(choices));
    }
    assert_eq!(world.fake.runs(), [""; 0], "nothing is measured again");
    // The store has the plan, but does not answer: the job is tried again.
    world
        .flaky
        .is_away
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let cancel = CancellationToken::new();
    let outcome = choose_for(&request, probe, &cancel).await;
    assert!(
        matches!(outcome, Err(TranscodeError::Store(_))),
        "{outcome:?}"
    );
}
