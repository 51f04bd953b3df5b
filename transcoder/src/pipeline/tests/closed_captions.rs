//! Closed captions in the frames of the source.

use testkit::closed_captions::{Captions, Command, Pairs, insert, packet};

use super::captions::captions;
use super::*;
use crate::ffmpeg::probe::{CaptionedVideo, Subtitles};
use crate::testing::transport::{Transport, VIDEO};

/// A caption that pops on.
fn caption(text: &str) -> Pairs {
    Pairs::default()
        .command(Command::ResumeCaptionLoading)
        .last_row()
        .text(text)
        .command(Command::EndOfCaption)
}

/// A video stream of so many frames, 30 in a second.
fn stream(captions: &Captions, frames: usize) -> Vec<u8> {
    let slice = [0, 0, 0, 1, 0x41, 0x9a, 0x24, 0xab];
    let stream = (0..frames).fold(Transport::new(&[VIDEO]), |stream, frame| {
        let payload = insert(&slice, false, |_| captions.message(frame));
        stream.bytes(3_000 * frame as u64, &payload)
    });
    stream.into_bytes()
}

/// A source of a minute, whose stream has captions in two channels of the first field and in the
/// second one.
fn with_captions() -> World {
    let (mut world, _) = World::of(&standard());
    world.subtitles = Subtitles {
        captioned: Some(CaptionedVideo {
            index: 0,
            language: None,
        }),
        ..Subtitles::default()
    };
    let sent = Captions::default()
        .send(0, 30, caption("Hello"))
        .send(0, 90, caption("welcome"))
        .send(0, 1_740, caption("Until the end"))
        .send(0, 1_801, caption("After it"))
        .send(1, 60, caption("Hola"));
    world.fake.put("closed-captions", 0, &stream(&sent, 1_830));
    world
}

/// The number of runs that read the captions.
fn runs(world: &World) -> usize {
    let runs = world.fake.runs();
    let of_captions = runs.iter().filter(|it| it.starts_with("ClosedCaptions"));
    of_captions.count()
}

#[tokio::test]
async fn channels_become_captions() {
    let world = with_captions();
    let published = run(&world, standard()).await.unwrap();
    let expected = [("und".to_owned(), 3), ("und-x-2".to_owned(), 1)];
    assert_eq!(captions(&world), expected);
    let names: Vec<String> = world
        .journal
        .captions
        .lock()
        .unwrap()
        .iter()
        .map(|it| it.name.clone())
        .collect();
    assert_eq!(names, ["CC1", "CC3"]);
    assert_eq!(published.receipt.missing, []);
    assert_eq!(runs(&world), 2, "glimpses, and the whole stream");
    let texts = world.named(".vtt").into_iter();
    let texts = texts.filter(|it| it.contains("/und/"));
    let texts: Vec<String> = texts
        .map(|it| std::fs::read_to_string(world.folder().join(it)).unwrap())
        .collect();
    // Each caption appears with the code after its text, seven to eleven frames later.
    insta::assert_snapshot!(texts.join("---"), @"
    WEBVTT

    00:00:01.233 --> 00:00:03.266
    Hello

    00:00:03.266 --> 00:00:58.366
    welcome

    00:00:58.366 --> 00:01:00.000
    Until the end
    ");
}

/// Sends a text of a service of CEA-708, which is shown for a second.
fn send_text(captions: Captions, service: u8, frame: usize, text: &str) -> Captions {
    // A visible window with one row, at the bottom of the picture.
    let window = [0x98, 0x38, 0xdf, 50, 0x70, 31, 0x11];
    let codes = [&window, text.as_bytes()].concat();
    let hide = [0x8c, 0xff];
    captions
        .send_packet(frame, packet(service, &codes))
        .send_packet(frame + 30, packet(service, &hide))
}

#[tokio::test]
async fn services_of_cea_708_with_another_text_become_captions() {
    let world = with_captions();
    let sent = Captions::default().send(0, 30, caption("Hello"));
    let sent = send_text(sent, 1, 40, "Hello");
    let sent = send_text(sent, 2, 120, "Hola a todos");
    world.fake.put("closed-captions", 0, &stream(&sent, 1_800));
    let published = run(&world, standard()).await.unwrap();
    assert_eq!(published.receipt.missing, []);
    let names: Vec<String> = world
        .journal
        .captions
        .lock()
        .unwrap()
        .iter()
        .map(|it| it.name.clone())
        .collect();
    assert_eq!(names, ["CC1", "Service 2"]);
    let file = world.named(".vtt").into_iter();
    let mut file = file.filter(|it| it.contains("/und-x-2/"));
    let text = std::fs::read_to_string(world.folder().join(file.next().unwrap())).unwrap();
    insta::assert_snapshot!(text, @"
    WEBVTT

    00:00:04.000 --> 00:00:05.000
    Hola a todos
    ");
}

#[tokio::test]
async fn a_video_without_caption_data_is_not_read_through() {
    let world = with_captions();
    world.fake.put(
        "closed-captions",
        0,
        &crate::testing::transport::video(0, 300, 3_000),
    );
    let published = run(&world, standard()).await.unwrap();
    assert_eq!((captions(&world), runs(&world)), (vec![], 1));
    assert_eq!(published.receipt.missing, []);
}

#[tokio::test]
async fn captions_that_cannot_be_read_are_a_warning() {
    let all = u32::MAX;
    for (fault, warns) in [
        (Fault::ends(Task::ClosedCaptions, all, End::Exit(1)), true),
        (Fault::ends(Task::ClosedCaptions, all, End::Abort), true),
        (
            Fault::arrives(Task::ClosedCaptions, Arrival::BrokenOff),
            true,
        ),
        // Nothing says that there are captions.
        (Fault::ends(Task::ClosedCaptions, 0, End::Exit(1)), false),
        (
            Fault::arrives(Task::ClosedCaptions, Arrival::Garbage),
            false,
        ),
    ] {
        let world = with_captions();
        let name = format!("{fault:?}");
        world.fake.set_faults(&[fault.times(99)]);
        let published = run(&world, standard()).await.unwrap();
        assert_eq!(captions(&world), [], "{name}");
        let warned = published.receipt.missing == [Extra::Captions];
        assert_eq!(warned, warns, "{name}: {:?}", published.receipt.missing);
    }
    // Lost packets cost what is in them.
    let world = with_captions();
    let gap = Fault::arrives(Task::ClosedCaptions, Arrival::Gap).times(99);
    world.fake.set_faults(&[gap]);
    let published = run(&world, standard()).await.unwrap();
    assert_eq!(captions(&world).len(), 2);
    assert_eq!(published.receipt.missing, []);
}

#[tokio::test]
async fn a_failed_glimpse_is_not_the_end() {
    let world = with_captions();
    let fails = Fault::ends(Task::ClosedCaptions, u32::MAX, End::Exit(1));
    world.fake.set_faults(&[fails]);
    let published = run(&world, standard()).await.unwrap();
    assert_eq!((captions(&world).len(), runs(&world)), (2, 2));
    assert_eq!(published.receipt.missing, []);
}
