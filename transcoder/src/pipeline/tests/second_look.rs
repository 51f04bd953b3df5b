//! Failures of which the source may be the cause: it is read once more, from its beginning.

use domain::probe::{Extent, Ratio};

use super::*;
use crate::ffmpeg::probe::{MOST_TRACKS, parse_streams};
use crate::normalise::{Normaliser, Survey};

/// What ffprobe says of [`standard`].
const STREAMS: &str = r#"{"streams": [
    {"index": 0, "codec_type": "video", "codec_name": "h264", "width": 1920, "height": 1080, "pix_fmt": "yuv420p",
     "field_order": "progressive", "color_space": "bt709", "r_frame_rate": "30/1", "avg_frame_rate": "30/1",
     "time_base": "1/15360", "start_pts": 0},
    {"index": 1, "codec_type": "audio", "codec_name": "aac", "profile": "LC", "sample_fmt": "fltp", "channels": 2,
     "sample_rate": "48000", "bit_rate": "128000", "start_time": "0.000000", "duration": "60.000000"}
], "format": {"duration": "60.000000"}}"#;

/// What a source may be the cause of: it is read once more, from its beginning, before there is a verdict.
fn dubious() -> Vec<(&'static str, Fault)> {
    let encode = |arrival| Fault::arrives(Task::Encode, arrival).only(0);
    vec![
        (
            "dies",
            Fault::ends(Task::Encode, 1, End::Exit(1)).saying("Conversion failed!"),
        ),
        ("crashes", Fault::ends(Task::Encode, 0, End::Abort)),
        (
            "says that data is invalid",
            Fault::ends(Task::Encode, 0, End::Exit(1)).saying("Invalid data found"),
        ),
        ("ends early", Fault::ends(Task::Encode, 0, End::Exit(0))),
        ("delivers half of a segment", encode(Arrival::Short)),
        ("breaks a packet off", encode(Arrival::Cut)),
        ("hangs up in the middle", encode(Arrival::BrokenOff)),
        ("delivers garbage", encode(Arrival::Garbage)),
        ("loses a packet", encode(Arrival::Gap)),
        (
            "delivers to another rendition",
            encode(Arrival::Misdirected),
        ),
    ]
}

#[tokio::test]
async fn what_the_source_may_be_the_cause_of_leads_to_a_second_look() {
    for (what, fault) in dubious() {
        let (world, _) = replacing(&foreign());
        world.fake.set_faults(&[fault.beginning_at(0)]);
        // The second attempt to read it fails too, for a reason on our side.
        world.fake.probe_says("streams", "kill -KILL $$");
        let problem = run(&world, foreign()).await.expect_err(what);
        assert!(
            matches!(problem, TranscodeError::Interrupted { .. }),
            "{what}: {problem:?}"
        );
        assert_unpublished(&world);
    }
}

/// The plan of the source when it is read from its beginning, with all that its runs deliver.
fn sequential(world: &World) -> EncodePlan {
    world
        .fake
        .probe_says("streams", &format!("cat <<'END'\n{STREAMS}\nEND"));
    world
        .fake
        .probe_says("frames", "echo 'width=1920|height=1080|interlaced_frame=0'");
    let frames: String = (0..1_800)
        .map(|it| format!("0, {0}, {0}, 3000, 1, 0x0\n", it * 3_000))
        .collect();
    world.fake.survey_says(&format!(
        "#tb 0: 1/90000\n#tb 1: 1/48000\n{frames}1, 0, 0, 2880000, 4, 0x0\n"
    ));
    let found = parse_streams(STREAMS).unwrap().of_video();
    let mut audio = [None; MOST_TRACKS];
    audio[0] = Some(Extent {
        start: 0.0,
        end: 60.0,
    });
    let survey = Survey {
        frame_times: (0..1_800).map(|it| it * 3_000).collect(),
        video: Extent {
            start: 0.0,
            end: 60.0,
        },
        audio,
    };
    let normaliser = Normaliser::new(
        &world.fake.tools(),
        "mov",
        &found,
        None,
        &Profile::default(),
    );
    let probe = normaliser.probe(&found, &survey, 8, &world.profile);
    let rate = probe.video.as_ref().map(|it| it.frame_rate);
    assert_eq!(rate, Some(Ratio { num: 30, den: 1 }));
    let plan = EncodePlan::new(&probe, &world.profile, Mode::Abr).unwrap();
    world.fake.prepare(&plan);
    plan
}

#[tokio::test]
async fn a_source_that_cannot_be_sought_is_read_from_its_beginning() {
    let (world, _) = replacing(&foreign());
    let plan = sequential(&world);
    world
        .fake
        .set_faults(&[Fault::ends(Task::Encode, 0, End::Exit(1)).beginning_at(0)]);
    let published = run(&world, foreign()).await.unwrap();
    assert_eq!(published.plan, plan);
    assert_whole(&world, &plan, &published);
    let runs = world.fake.runs();
    assert_eq!(runs.iter().filter(|it| it.starts_with("Survey")).count(), 1);
    assert_eq!(runs.iter().filter(|it| it.starts_with("Feed")).count(), 1);
}

/// The runs that read from a normaliser see a damaged input when it runs out of memory.
#[tokio::test]
async fn a_normaliser_without_memory_is_not_damage() {
    let (world, _) = replacing(&foreign());
    sequential(&world);
    world.fake.set_faults(&[
        Fault::ends(Task::Encode, 0, End::Exit(1)).beginning_at(0),
        Fault::ends(Task::Feed, 0, End::Exit(1))
            .saying("x264 [error]: malloc of size 9 failed")
            .times(99),
        Fault::ends(Task::Encode, 0, End::Exit(1))
            .saying("Invalid data found")
            .times(99),
    ]);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert_eq!(problem.failure().code, FailureCode::TooDemanding);
}

/// They may be what is wrong.
#[tokio::test]
async fn chunks_of_a_source_that_was_sought_are_made_once_more() {
    let (world, _) = replacing(&foreign());
    let plan = sequential(&world);
    let records = planned_records(&plan);
    for chunk in &plan.audio_chunks {
        let segments = records
            .iter()
            .filter(|it| it.rendition.as_str().starts_with("audio-"));
        let segments = segments
            .filter(|it| chunk.segments.contains(&it.index))
            .cloned()
            .collect();
        let (lane, index) = (Lane::Audio, chunk.index);
        let record = ChunkRecord {
            lane,
            index,
            cpu_ms: 0,
            wall_ms: 0,
            segments,
            codecs: Default::default(),
            traffic: None,
        };
        assert!(fits_plan(&plan, &record));
        world.journal.chunks.lock().unwrap().push(record);
    }
    world
        .fake
        .set_faults(&[Fault::ends(Task::Encode, 0, End::Exit(1)).beginning_at(0)]);
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    let runs = world.fake.runs();
    assert_eq!(
        runs.iter().filter(|it| it.starts_with("Audio")).count(),
        1,
        "{runs:?}"
    );
}

#[tokio::test]
async fn what_fails_from_its_beginning_too_is_damaged() {
    for (what, fault) in dubious() {
        let (world, _) = replacing(&foreign());
        sequential(&world);
        world.fake.set_faults(&[fault.beginning_at(0).times(2)]);
        let problem = run(&world, foreign()).await.expect_err(what);
        assert!(
            matches!(problem, TranscodeError::Source(SourceProblem::Damaged)),
            "{what}: {problem:?}"
        );
        assert_unpublished(&world);
    }
}

#[tokio::test]
async fn the_run_that_reads_for_the_others_may_fail() {
    let (world, _) = replacing(&foreign());
    sequential(&world);
    let faults = [
        Fault::ends(Task::Encode, 0, End::Exit(1)).beginning_at(0),
        Fault::ends(Task::Encode, 0, End::Stall).beginning_at(0),
        Fault::ends(Task::Feed, 0, End::Kill),
    ];
    world.fake.set_faults(&faults);
    let problem = run(&world, foreign()).await.unwrap_err();
    assert!(
        matches!(problem, TranscodeError::Interrupted { .. }),
        "{problem:?}"
    );
    assert_unpublished(&world);
}
