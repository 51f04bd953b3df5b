//! Whole jobs with a stand-in for FFmpeg: every way in which a run can fail, and what becomes of the job.

use catalog::RenditionState;
use domain::failure::{FailureClass, FailureCode};
use domain::probe::cases::standard;
use domain::probe::{Extent, Ratio};
use domain::receipt::Extra;
use domain::segment::TICKS_PER_SECOND;

use super::*;
use crate::ffmpeg::probe::parse_streams;
use crate::normalise::Survey;
use crate::testing::fake_ffmpeg::{Arrival, End, Fault, Task};
use crate::testing::world::World;
use crate::testing::{foreign, objects_of, planned_records};

const LANES: [Lane; 3] = [Lane::Copy, Lane::Encode, Lane::Audio];

/// What ffprobe says of [`standard`].
const STREAMS: &str = r#"{"streams": [
    {"index": 0, "codec_type": "video", "codec_name": "h264", "width": 1920, "height": 1080, "pix_fmt": "yuv420p",
     "field_order": "progressive", "color_space": "bt709", "r_frame_rate": "30/1", "avg_frame_rate": "30/1",
     "time_base": "1/15360", "start_pts": 0},
    {"index": 1, "codec_type": "audio", "codec_name": "aac", "profile": "LC", "sample_fmt": "fltp", "channels": 2,
     "sample_rate": "48000", "bit_rate": "128000", "start_time": "0.000000", "duration": "60.000000"}
], "format": {"duration": "60.000000"}}"#;

/// A job on a video that plays already: nothing of it is shown before all of it is made.
fn replacing(probe: &Probe) -> (World, EncodePlan) {
    let (world, plan) = World::of(probe);
    world.journal.replaces.store(true, Ordering::Relaxed);
    (world, plan)
}

async fn run(world: &World, probe: Probe) -> Result<Published, TranscodeError> {
    run_until(world, probe, &CancellationToken::new()).await
}

async fn run_until(world: &World, probe: Probe, cancel: &CancellationToken) -> Result<Published, TranscodeError> {
    let order = world.order();
    let blocks = Blocks::new(Arc::clone(&order.source));
    let loopback = Loopback::start(blocks.clone()).await?;
    let source = Inspected { probe, normaliser: None };
    Box::pin(attempts(&order, source, &blocks, loopback, Instant::now(), cancel)).await
}

/// Everything is there, each chunk was recorded once, and playlists name what is stored.
fn assert_whole(world: &World, plan: &EncodePlan, published: &Published) {
    let planned: usize = LANES.iter().map(|it| objects_of(plan, *it).len()).sum();
    assert_eq!(world.named(".ts").len(), planned);
    let playlists = LANES.iter().filter(|it| !plan.chunks(**it).is_empty()).flat_map(|it| plan.renditions(*it)).count();
    assert_eq!(world.named(".m3u8").len(), playlists + 1);
    assert_eq!(world.named("master.m3u8").len(), 1);
    assert_eq!(published.renditions.len(), playlists);
    assert!(published.renditions.iter().all(|it| it.state == RenditionState::Complete && it.bandwidth.is_some()));
    let chunks = world.journal.chunks.lock().unwrap();
    for lane in LANES {
        let mut made: Vec<u32> = chunks.iter().filter(|it| it.lane == lane).map(|it| it.index).collect();
        made.sort_unstable();
        assert_eq!(made, (0..plan.chunks(lane).len() as u32).collect::<Vec<_>>(), "{lane:?}");
    }
    let progress = world.journal.progress.lock().unwrap();
    assert!(progress.is_sorted_by_key(|it| it.1), "{progress:?}");
    assert_eq!(progress.last(), Some(&(Stage::Publish, 98)));
}

/// Nothing names what was made, and there is nothing left of it but segments that a later attempt may use.
fn assert_unpublished(world: &World) {
    let published: Vec<_> = world.objects().into_iter().filter(|it| !it.ends_with(".ts")).collect();
    assert_eq!(published, [""; 0]);
    assert_eq!(world.journal.playable.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_remuxed_video_is_published() {
    let (world, plan) = replacing(&standard());
    let published = run(&world, standard()).await.unwrap();
    assert_whole(&world, &plan, &published);
    assert_eq!(published.playable_after_s, None, "an earlier generation plays");
    assert_eq!(published.receipt.missing, []);
    assert_eq!((published.receipt.source_ms, published.receipt.cpu_ms > 0), (60_000, true));
    let names = ["storyboard.jpg", "storyboard.vtt", "poster.jpg"].map(|it| world.named(it).len());
    assert_eq!(names, [1, 1, 1]);
    assert_eq!(
        world.fake.runs(),
        ["Copy 0", "Encode 0", "Encode 1", "Encode 5", "Encode 9", "Pictures 1", "Pictures 1", "Poster 0"]
    );
}

#[tokio::test]
async fn an_encoded_video_is_published() {
    let (world, plan) = replacing(&foreign());
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    assert_eq!(world.fake.runs().iter().filter(|it| it.starts_with("Audio")).count(), 1);
    assert!(published.renditions.iter().all(|it| !it.copied));
}

#[tokio::test]
async fn a_new_video_is_shown_while_it_grows() {
    let (world, plan) = World::of(&standard());
    let published = run(&world, standard()).await.unwrap();
    assert_whole(&world, &plan, &published);
    assert!(published.playable_after_s.is_some());
    assert_eq!(world.journal.playable.load(Ordering::Relaxed), 1);
}

/// Deliveries that are unusual, and right.
#[tokio::test]
async fn segments_may_come_twice_in_any_order_and_late() {
    for arrival in [Arrival::Twice, Arrival::Backwards, Arrival::WithoutWaiting] {
        let (world, plan) = replacing(&foreign());
        let faults = [Task::Encode, Task::Audio].map(|it| Fault::arrives(it, arrival).times(99));
        world.fake.set_faults(&faults);
        let published = run(&world, foreign()).await.unwrap_or_else(|it| panic!("{arrival:?}: {it:?}"));
        assert_whole(&world, &plan, &published);
    }
}

/// Deaths that say something of the source or of the machine, but that no second look would change.
#[tokio::test]
async fn a_death_has_a_reason() {
    let ends = |task, end| Fault::ends(task, 0, end).times(99);
    let failed = End::Exit(1);
    for (fault, code, class) in [
        (ends(Task::Encode, End::ExceedCpu), FailureCode::TooDemanding, FailureClass::Source),
        (
            ends(Task::Encode, failed).saying("x264 [error]: malloc of size 9 failed"),
            FailureCode::TooDemanding,
            FailureClass::Source,
        ),
        (ends(Task::Encode, End::Kill), FailureCode::Internal, FailureClass::Infrastructure),
        (ends(Task::Audio, End::Exit(255)), FailureCode::Internal, FailureClass::Infrastructure),
        (ends(Task::Audio, End::Exit(125)), FailureCode::Internal, FailureClass::Infrastructure),
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
            ends(Task::Encode, failed).saying("Decoder (codec png) not found for input stream #0:0"),
            FailureCode::UnsupportedCodec,
            FailureClass::Source,
        ),
    ] {
        let (world, _) = replacing(&foreign());
        world.fake.set_faults(std::slice::from_ref(&fault));
        let problem = run(&world, foreign()).await.expect_err(&fault.log);
        assert_eq!((problem.failure().code, problem.class()), (code, class), "{fault:?}: {problem:?}");
        assert_unpublished(&world);
        assert_eq!(world.fake.runs().iter().filter(|it| it.starts_with("Survey")).count(), 0, "{fault:?}");
    }
}

/// What a source may be the cause of: it is read once more, from its beginning, before there is a verdict.
fn dubious() -> Vec<(&'static str, Fault)> {
    let encode = |arrival| Fault::arrives(Task::Encode, arrival).only(0);
    vec![
        ("dies", Fault::ends(Task::Encode, 1, End::Exit(1)).saying("Conversion failed!")),
        ("crashes", Fault::ends(Task::Encode, 0, End::Abort)),
        ("says that data is invalid", Fault::ends(Task::Encode, 0, End::Exit(1)).saying("Invalid data found")),
        ("ends early", Fault::ends(Task::Encode, 0, End::Exit(0))),
        ("delivers half of a segment", encode(Arrival::Short)),
        ("breaks a packet off", encode(Arrival::Cut)),
        ("hangs up in the middle", encode(Arrival::BrokenOff)),
        ("delivers garbage", encode(Arrival::Garbage)),
        ("loses a packet", encode(Arrival::Gap)),
        ("delivers to another rendition", encode(Arrival::Misdirected)),
    ]
}

#[tokio::test]
async fn what_the_source_may_be_the_cause_of_leads_to_a_second_look() {
    for (what, fault) in dubious() {
        let (world, _) = replacing(&foreign());
        world.fake.set_faults(&[fault.from_segment(0)]);
        // The second look fails too, by our fault.
        world.fake.probe_says("streams", "kill -KILL $$");
        let problem = run(&world, foreign()).await.expect_err(what);
        assert!(matches!(problem, TranscodeError::Interrupted { .. }), "{what}: {problem:?}");
        assert_unpublished(&world);
    }
}

/// The plan of the source when it is read from its beginning, with all that its runs deliver.
fn sequential(world: &World) -> EncodePlan {
    world.fake.probe_says("streams", &format!("cat <<'END'\n{STREAMS}\nEND"));
    world.fake.probe_says("frames", "echo 'width=1920|height=1080|interlaced_frame=0'");
    let frames: String = (0..1_800).map(|it| format!("0, {0}, {0}, 3000, 1, 0x0\n", it * 3_000)).collect();
    world.fake.survey_says(&format!("#tb 0: 1/90000\n#tb 1: 1/48000\n{frames}1, 0, 0, 2880000, 4, 0x0\n"));
    let found = parse_streams(STREAMS).unwrap();
    let survey = Survey {
        frame_times: (0..1_800).map(|it| it * 3_000).collect(),
        picture: Extent { start: 0.0, end: 60.0 },
        sound: Some(Extent { start: 0.0, end: 60.0 }),
    };
    let normaliser = Normaliser::new(&world.fake.tools(), "mov", &found, None);
    let probe = normaliser.probe(&found, &survey, 8, &world.profile);
    assert_eq!(probe.video.frame_rate, Ratio { num: 30, den: 1 });
    let plan = EncodePlan::new(&probe, &world.profile, Mode::Abr).unwrap();
    world.fake.prepare(&plan);
    plan
}

#[tokio::test]
async fn a_source_that_cannot_be_sought_is_read_from_its_beginning() {
    let (world, _) = replacing(&foreign());
    let plan = sequential(&world);
    world.fake.set_faults(&[Fault::ends(Task::Encode, 0, End::Exit(1)).from_segment(0)]);
    let published = run(&world, foreign()).await.unwrap();
    assert_eq!(published.plan, plan);
    assert_whole(&world, &plan, &published);
    let runs = world.fake.runs();
    assert_eq!(runs.iter().filter(|it| it.starts_with("Survey")).count(), 1);
    assert_eq!(runs.iter().filter(|it| it.starts_with("Feed")).count(), 1);
}

/// They may be what is wrong.
#[tokio::test]
async fn chunks_of_a_source_that_was_sought_are_made_once_more() {
    let (world, _) = replacing(&foreign());
    let plan = sequential(&world);
    let records = planned_records(&plan);
    for chunk in &plan.audio_chunks {
        let segments = records.iter().filter(|it| it.rendition.as_str().starts_with("audio-"));
        let segments = segments.filter(|it| chunk.segments.contains(&it.index)).cloned().collect();
        let (lane, index) = (Lane::Audio, chunk.index);
        let record = ChunkRecord { lane, index, cpu_ms: 0, wall_ms: 0, segments, codecs: Default::default() };
        assert!(belongs(&plan, &record));
        world.journal.chunks.lock().unwrap().push(record);
    }
    world.fake.set_faults(&[Fault::ends(Task::Encode, 0, End::Exit(1)).from_segment(0)]);
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    let runs = world.fake.runs();
    assert_eq!(runs.iter().filter(|it| it.starts_with("Audio")).count(), 1, "{runs:?}");
}

#[tokio::test]
async fn what_fails_from_its_beginning_too_is_damaged() {
    for (what, fault) in dubious() {
        let (world, _) = replacing(&foreign());
        sequential(&world);
        world.fake.set_faults(&[fault.from_segment(0).times(2)]);
        let problem = run(&world, foreign()).await.expect_err(what);
        assert!(matches!(problem, TranscodeError::Source(SourceProblem::Damaged)), "{what}: {problem:?}");
        assert_unpublished(&world);
    }
}

#[tokio::test]
async fn the_run_that_reads_for_the_others_may_fail() {
    let (world, _) = replacing(&foreign());
    sequential(&world);
    let faults = [
        Fault::ends(Task::Encode, 0, End::Exit(1)).from_segment(0),
        Fault::ends(Task::Encode, 0, End::Stall).from_segment(0),
        Fault::ends(Task::Feed, 0, End::Kill),
    ];
    world.fake.set_faults(&faults);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert!(matches!(problem, TranscodeError::Interrupted { .. }), "{problem:?}");
    assert_unpublished(&world);
}

#[tokio::test]
async fn a_copy_that_fails_is_encoded() {
    let no_refresh = |world: &World| {
        use crate::testing::transport::{Picture, Transport, VIDEO};
        let segment = Transport::new(&[VIDEO]).picture(Picture::Intra, 0, 0);
        world.fake.put("source", 0, &segment.into_bytes());
    };
    let too_large = |world: &World| {
        world.fake.put("source", 1, &vec![0x47; domain::plan::LARGEST_COPIED_SEGMENT as usize + 1]);
    };
    let complaint = Fault::ends(Task::Copy, 1, End::Exit(0)).saying("Application provided invalid timestamps");
    let cases: [(&str, &dyn Fn(&World), Option<Fault>); 3] = [
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
        let published = run(&world, standard()).await.unwrap_or_else(|it| panic!("{what}: {it:?}"));
        assert_eq!(published.plan, plan, "{what}");
        assert!(published.renditions.iter().all(|it| it.name.as_str() != "source"), "{what}");
    }
}

#[tokio::test]
async fn a_job_that_is_stopped_leaves_no_process_behind() {
    let (world, _) = replacing(&foreign());
    world.fake.set_faults(&[Fault::ends(Task::Encode, 0, End::Stall).times(99)]);
    let cancel = CancellationToken::new();
    let started = Instant::now();
    let stop = async {
        while world.fake.runs().iter().filter(|it| it.starts_with("Encode")).count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(run_until(&world, foreign(), &cancel), stop);
    assert!(matches!(outcome, Err(TranscodeError::Cancelled)), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let needle = world.folder().display().to_string();
    let alive = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let environments = processes.filter_map(|it| std::fs::read(it.path().join("environ")).ok());
        environments.filter(|it| String::from_utf8_lossy(it).contains(&needle)).count()
    };
    for _ in 0..100 {
        if alive() == 0 {
            return assert_unpublished(&world);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} processes are left", alive());
}

#[tokio::test]
async fn a_second_attempt_makes_only_what_is_missing() {
    let (world, plan) = replacing(&foreign());
    world.fake.set_faults(&[Fault::ends(Task::Encode, 0, End::Kill).from_segment(8).times(99)]);
    run(&world, foreign()).await.unwrap_err();
    assert_unpublished(&world);
    let before: Vec<_> = world.journal.chunks.lock().unwrap().iter().map(|it| (it.lane, it.index)).collect();
    assert!(before.len() >= 6, "{before:?}");
    world.fake.set_faults(&[]);
    world.fake.forget_runs();
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    let runs = world.fake.runs().iter().filter(|it| it.starts_with("Encode") || it.starts_with("Audio")).count();
    let left = plan.encode_chunks.len() + plan.audio_chunks.len() - before.len();
    // Sound is one run, however many chunks of it are missing.
    assert!(runs <= left && runs > 0, "{runs} runs for {left} chunks");
}

#[tokio::test]
async fn when_all_is_made_it_is_only_published() {
    let (world, plan) = replacing(&foreign());
    world.flaky.fail("master.m3u8", 1);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert_eq!(problem.failure().code, FailureCode::Unavailable);
    assert_eq!(world.named("master.m3u8"), [""; 0]);
    world.fake.forget_runs();
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    assert_eq!(world.fake.runs(), ["Pictures 1", "Pictures 1", "Poster 0"]);
}

#[tokio::test]
async fn a_store_that_is_away_is_no_fault_of_the_source() {
    for path in ["480p/", "audio-128k/", "iframes/", "manifest"] {
        let (world, _) = replacing(&foreign());
        world.flaky.fail(path, 1_000);
        let problem = run(&world, foreign()).await.expect_err(path);
        assert!(matches!(problem, TranscodeError::Store(_)), "{path}: {problem:?}");
        assert_eq!(problem.failure().code, FailureCode::Unavailable);
        assert_eq!(world.named(".m3u8"), [""; 0], "{path}");
        assert_eq!(world.fake.runs().iter().filter(|it| it.starts_with("Survey")).count(), 0, "{path}");
    }
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
    world.journal.loses_at_the_end.store(true, Ordering::Relaxed);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert!(problem.lost_claim(), "{problem:?}");
    assert_eq!(world.named(".m3u8"), [""; 0], "the pointer stays where it is");
}

#[tokio::test]
async fn extras_that_fail_are_missing_and_the_video_plays() {
    let dies = |task| Fault::ends(task, 0, End::Exit(1)).times(99);
    for (faults, missing) in [
        (vec![dies(Task::Poster)], vec![]),
        (vec![dies(Task::Pictures)], vec![Extra::Thumbnails, Extra::Storyboard]),
        (vec![dies(Task::Pictures), dies(Task::Poster)], vec![Extra::Thumbnails, Extra::Storyboard, Extra::Poster]),
        // It makes the poster at the second attempt.
        (vec![Fault::ends(Task::Pictures, 0, End::Exit(0))], vec![]),
        (vec![Fault::ends(Task::Pictures, 3, End::Exit(0)).times(2)], vec![Extra::Thumbnails]),
    ] {
        let (world, plan) = replacing(&standard());
        world.fake.set_faults(&faults);
        let published = run(&world, standard()).await.unwrap();
        assert_whole(&world, &plan, &published);
        assert_eq!(published.receipt.missing, missing, "{faults:?}");
        let pictures = ["storyboard.jpg", "poster.jpg"].map(|it| world.named(it).len());
        let expected = [Extra::Storyboard, Extra::Poster].map(|it| usize::from(!missing.contains(&it)));
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
    world.fake.set_faults(&[Fault::ends(Task::Pictures, 0, End::Kill)]);
    let problem = run(&world, standard()).await.unwrap_err();
    assert!(matches!(problem, TranscodeError::Interrupted { .. }), "{problem:?}");
    assert_unpublished(&world);
}

/// What an earlier attempt recorded is used only where it is a whole chunk of this plan.
#[test]
fn a_chunk_belongs_to_the_plan_that_it_fits() {
    let plan = crate::testing::encoded_plan();
    let records = planned_records(&plan);
    let chunk = |lane: Lane, index: u32| {
        let segments = plan.chunks(lane)[index as usize].segments.clone();
        let names = plan.renditions(lane);
        let own = |it: &&domain::segment::SegmentRecord| {
            let is_iframes = it.rendition == RenditionName::iframes();
            names.contains(&it.rendition) && if is_iframes { it.index == index } else { segments.contains(&it.index) }
        };
        let segments = records.iter().filter(own).cloned().collect();
        ChunkRecord { lane, index, cpu_ms: 0, wall_ms: 0, segments, codecs: Default::default() }
    };
    for lane in [Lane::Encode, Lane::Audio] {
        for index in 0..plan.chunks(lane).len() as u32 {
            assert!(belongs(&plan, &chunk(lane, index)), "{lane:?} {index}");
        }
    }
    let last = plan.encode_chunks.len() as u32 - 1;
    let changed = |index: u32, change: &dyn Fn(&mut ChunkRecord)| {
        let mut chunk = chunk(Lane::Encode, index);
        change(&mut chunk);
        belongs(&plan, &chunk)
    };
    assert!(!changed(0, &|it| it.index = 99), "there is no such chunk");
    assert!(!changed(0, &|it| it.index = 1), "its segments are those of another one");
    assert!(!changed(0, &|it| it.lane = Lane::Copy), "nothing is copied");
    assert!(!changed(0, &|it| it.segments.retain(|it| it.rendition.as_str() != "480p")), "a rung is missing");
    assert!(!changed(0, &|it| it.segments[0].rendition = "144p".parse().unwrap()), "a rung has another name");
    assert!(!changed(1, &|it| it.segments[0].start += 3 * TICKS_PER_SECOND), "it was cut at other moments");
    assert!(changed(1, &|it| it.segments[0].start += 6_000), "sound and copies begin a little off");
    assert!(!changed(6, &|it| drop(it.segments.remove(1))), "one of its segments is missing");
    assert!(!changed(6, &|it| it.segments.retain(|it| it.index != 6)), "all have lost their first segment");
    // The last segment of all is missing where the source ends a moment before its index says; longer ones are not.
    assert!(!changed(last, &|it| it.segments.retain(|it| it.index != 9 || it.rendition.as_str() != "720p")));
}
