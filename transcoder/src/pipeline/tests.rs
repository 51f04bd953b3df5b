//! Whole jobs with a stand-in for FFmpeg: every way in which a run can fail, and what becomes of the job.

use std::sync::atomic::Ordering;
use std::time::Duration;

use catalog::RenditionState;
use domain::failure::{FailureClass, FailureCode};
use domain::probe::Probe;
use domain::probe::cases::standard;
use domain::receipt::Extra;
use domain::segment::{Lane, TICKS_PER_SECOND};

use super::*;
use crate::testing::fake_ffmpeg::{Arrival, End, Fault, Task};
use crate::testing::world::World;
use crate::testing::{foreign, objects_of, planned_records};

mod attempts;
mod captions;
mod chapters;
mod closed_captions;
mod failures;
mod second_look;

const LANES: [Lane; 3] = [Lane::Copy, Lane::Encode, Lane::Audio];

/// A job on a video that plays already: nothing of it is shown before all of it is made.
fn replacing(probe: &Probe) -> (World, EncodePlan) {
    let (world, plan) = World::of(probe);
    world.journal.replaces.store(true, Ordering::Relaxed);
    (world, plan)
}

async fn run(world: &World, probe: Probe) -> Result<Published, TranscodeError> {
    run_until(world, probe, &CancellationToken::new()).await
}

async fn run_until(
    world: &World,
    probe: Probe,
    cancel: &CancellationToken,
) -> Result<Published, TranscodeError> {
    let request = world.request();
    let blocks = Blocks::new(Arc::clone(&request.source));
    let loopback = Loopback::start(blocks.clone()).await?;
    let source = Inspected {
        probe,
        normaliser: None,
        subtitles: world.subtitles.clone(),
        chapters: world.chapters.clone(),
        left_out: false,
    };
    Box::pin(try_strategies(
        &request,
        source,
        &blocks,
        loopback,
        (Instant::now(), None),
        cancel,
    ))
    .await
}

/// Everything is there, each chunk was recorded once, and playlists name what is stored.
fn assert_whole(world: &World, plan: &EncodePlan, published: &Published) {
    let planned: usize = LANES.iter().map(|it| objects_of(plan, *it).len()).sum();
    assert_eq!(world.named(".ts").len(), planned);
    let playlists = LANES
        .iter()
        .filter(|it| !plan.chunks(**it).is_empty())
        .flat_map(|it| plan.renditions(*it))
        .count();
    assert_eq!(world.named(".m3u8").len(), playlists + 1);
    assert_eq!(world.named("master.m3u8").len(), 1);
    assert_eq!(published.renditions.len(), playlists);
    assert!(
        published
            .renditions
            .iter()
            .all(|it| it.state == RenditionState::Complete && it.bandwidth.is_some())
    );
    let chunks = world.journal.chunks.lock().unwrap();
    for lane in LANES {
        let mut made: Vec<u32> = chunks
            .iter()
            .filter(|it| it.lane == lane)
            .map(|it| it.index)
            .collect();
        made.sort_unstable();
        assert_eq!(
            made,
            (0..plan.chunks(lane).len() as u32).collect::<Vec<_>>(),
            "{lane:?}"
        );
    }
    let progress = world.journal.progress.lock().unwrap();
    assert!(progress.is_sorted_by_key(|it| it.1), "{progress:?}");
    assert_eq!(progress.last(), Some(&(Stage::Publish, 98)));
}

/// Nothing names what was made. Only its plan is left, and segments that a later attempt may use.
fn assert_unpublished(world: &World) {
    let published: Vec<_> = world
        .objects()
        .into_iter()
        .filter(|it| !it.ends_with(".ts") && !it.ends_with(".plan.json"))
        .collect();
    assert_eq!(published, [""; 0]);
    assert_eq!(world.named(".plan.json").len(), 1);
    assert_eq!(world.journal.playable.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_remuxed_video_is_published() {
    let (world, plan) = replacing(&standard());
    let published = run(&world, standard()).await.unwrap();
    assert_whole(&world, &plan, &published);
    assert_eq!(
        published.playable_after_s, None,
        "an earlier generation plays"
    );
    assert_eq!(published.receipt.missing, []);
    assert_eq!(
        (published.receipt.source_ms, published.receipt.cpu_ms > 0),
        (60_000, true)
    );
    assert!(
        published.receipt.store_reads > 0 && published.receipt.store_writes > 0,
        "{:?}",
        published.receipt
    );
    let names = [
        "storyboard.jpg",
        "storyboard.vtt",
        "storyboard-large.jpg",
        "storyboard-large.vtt",
        "poster.jpg",
    ];
    assert_eq!(names.map(|it| world.named(it).len()), [1; 5]);
    assert_eq!(
        world.fake.runs(),
        [
            "Copy 0", "Encode 0", "Encode 1", "Encode 5", "Encode 9", "Images 1", "Images 1",
            "Poster 0"
        ]
    );
}

#[tokio::test]
async fn an_encoded_video_is_published() {
    let (world, plan) = replacing(&foreign());
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    assert_eq!(
        world
            .fake
            .runs()
            .iter()
            .filter(|it| it.starts_with("Audio"))
            .count(),
        1
    );
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
        let published = run(&world, foreign())
            .await
            .unwrap_or_else(|it| panic!("{arrival:?}: {it:?}"));
        assert_whole(&world, &plan, &published);
    }
}

#[tokio::test]
async fn a_job_that_is_stopped_leaves_no_process_behind() {
    let (world, _) = replacing(&foreign());
    world
        .fake
        .set_faults(&[Fault::ends(Task::Encode, 0, End::Stall).times(99)]);
    let cancel = CancellationToken::new();
    let started = Instant::now();
    let stop = async {
        while !world.fake.runs().iter().any(|it| it.starts_with("Encode")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let (outcome, ()) = tokio::join!(run_until(&world, foreign(), &cancel), stop);
    assert!(
        matches!(outcome, Err(TranscodeError::Cancelled)),
        "{outcome:?}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    for _ in 0..100 {
        if world.processes().is_empty() {
            return assert_unpublished(&world);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?} are left", world.processes());
}

#[tokio::test]
async fn a_second_attempt_makes_only_what_is_missing() {
    let (world, plan) = replacing(&foreign());
    world
        .fake
        .set_faults(&[Fault::ends(Task::Encode, 0, End::Kill)
            .beginning_at(8)
            .times(99)]);
    run(&world, foreign()).await.unwrap_err();
    assert_unpublished(&world);
    let before: Vec<_> = world
        .journal
        .chunks
        .lock()
        .unwrap()
        .iter()
        .map(|it| (it.lane, it.index))
        .collect();
    assert!(before.len() >= 6, "{before:?}");
    world.fake.set_faults(&[]);
    world.fake.forget_runs();
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    let runs = world
        .fake
        .runs()
        .iter()
        .filter(|it| it.starts_with("Encode") || it.starts_with("Audio"))
        .count();
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
    assert_eq!(world.fake.runs(), ["Images 1", "Images 1", "Poster 0"]);
}

/// What an earlier attempt recorded is used only where it is a whole chunk of this plan.
#[test]
fn a_chunk_belongs_to_the_plan_that_it_fits() {
    let plan = crate::testing::encoded_plan();
    let records = planned_records(&plan);
    let chunk = |lane: Lane, index: u32| {
        let segments = plan.chunks(lane)[index as usize].segments.clone();
        let names: Vec<_> = plan
            .renditions(lane)
            .into_iter()
            .map(|it| &it.name)
            .collect();
        let own = |it: &&domain::segment::SegmentRecord| {
            let is_iframes = plan.is_iframes(&it.rendition);
            names.contains(&&it.rendition)
                && if is_iframes {
                    it.index == index
                } else {
                    segments.contains(&it.index)
                }
        };
        let segments = records.iter().filter(own).cloned().collect();
        ChunkRecord {
            lane,
            index,
            cpu_ms: 0,
            wall_ms: 0,
            segments,
            codecs: Default::default(),
            traffic: None,
        }
    };
    for lane in [Lane::Encode, Lane::Audio] {
        for index in 0..plan.chunks(lane).len() as u32 {
            assert!(fits_plan(&plan, &chunk(lane, index)), "{lane:?} {index}");
        }
    }
    let last = plan.encode_chunks.len() as u32 - 1;
    let changed = |index: u32, change: &dyn Fn(&mut ChunkRecord)| {
        let mut chunk = chunk(Lane::Encode, index);
        change(&mut chunk);
        fits_plan(&plan, &chunk)
    };
    assert!(!changed(0, &|it| it.index = 99), "there is no such chunk");
    assert!(
        !changed(0, &|it| it.index = 1),
        "its segments are those of another one"
    );
    assert!(!changed(0, &|it| it.lane = Lane::Copy), "nothing is copied");
    assert!(
        !changed(0, &|it| it
            .segments
            .retain(|it| it.rendition.as_str() != "480p")),
        "a rung is missing"
    );
    assert!(
        !changed(0, &|it| it.segments[0].rendition = "144p".parse().unwrap()),
        "a rung has another name"
    );
    assert!(
        !changed(1, &|it| it.segments[0].start += 3 * TICKS_PER_SECOND),
        "it was cut at other moments"
    );
    assert!(
        changed(1, &|it| it.segments[0].start += 6_000),
        "sound and copies begin a little off"
    );
    assert!(
        !changed(6, &|it| drop(it.segments.remove(1))),
        "one of its segments is missing"
    );
    assert!(
        !changed(6, &|it| it.segments.retain(|it| it.index != 6)),
        "all have lost their first segment"
    );
    // The last segment of all is missing where the source ends a moment before its index says; longer ones are not.
    assert!(!changed(last, &|it| it
        .segments
        .retain(|it| it.index != 9 || it.rendition.as_str() != "720p")));
}
