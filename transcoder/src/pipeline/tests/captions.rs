//! Captions in the source.

use super::*;
use crate::ffmpeg::probe::{Subtitles, TextTrack};

fn track(index: u32, language: &str) -> TextTrack {
    TextTrack {
        index,
        language: language.parse().unwrap(),
        title: None,
        forced: false,
        sdh: false,
    }
}

fn file(cues: &[(&str, &str)]) -> Vec<u8> {
    let cue = |(times, text): &(&str, &str)| format!("\n{times}\n{text}\n");
    let cues: String = cues.iter().map(cue).collect();
    format!("WEBVTT\n{cues}").into_bytes()
}

/// A source with two text streams and images.
fn with_captions() -> World {
    let (mut world, _) = World::of(&standard());
    world.subtitles = Subtitles {
        tracks: vec![track(2, "en"), track(3, "de"), track(4, "fr")],
        others: true,
        captioned: None,
    };
    let spoken = [
        ("00:00:01.000 --> 00:00:02.000", "Hello"),
        ("00:00:59.000 --> 00:02:00.000", "Until the end"),
        ("00:01:01.000 --> 00:01:02.000", "After the end"),
    ];
    world.fake.put("captions", 0, &file(&spoken));
    world.fake.put("captions", 1, b"not captions");
    // Signs that were not translated: a stream without a cue.
    world.fake.put("captions", 2, b"WEBVTT\n\n");
    world
}

/// The languages of the video, and the number of cues of each.
pub(super) fn captions(world: &World) -> Vec<(String, u64)> {
    let stored = world.journal.captions.lock().unwrap();
    stored
        .iter()
        .map(|it| (it.language.to_string(), it.cues))
        .collect()
}

#[tokio::test]
async fn text_streams_become_captions_and_others_are_named() {
    let world = with_captions();
    let published = run(&world, standard()).await.unwrap();
    assert_eq!(captions(&world), [("en".to_owned(), 2)]);
    assert_eq!(
        published.receipt.missing,
        [Extra::ImageSubtitles, Extra::Captions],
        "one stream has another format"
    );
    let master = &world.named("master.m3u8")[0];
    let master = std::fs::read_to_string(world.folder().join(master)).unwrap();
    assert_eq!(master.matches("TYPE=SUBTITLES").count(), 1, "{master}");
}

#[tokio::test]
async fn captions_never_fail_a_video_and_do_not_come_back() {
    let world = with_captions();
    let dies = Fault::ends(Task::Captions, 0, End::Exit(1)).times(99);
    world.fake.set_faults(&[dies]);
    let published = run(&world, standard()).await.unwrap();
    assert_eq!(captions(&world), []);
    assert!(published.receipt.missing.contains(&Extra::Captions));

    // A re-encode: the owner may have deleted them.
    let world = with_captions();
    world.journal.replaces.store(true, Ordering::Relaxed);
    let published = run(&world, standard()).await.unwrap();
    assert_eq!(captions(&world), []);
    assert_eq!(published.receipt.missing, []);
    assert!(
        !world
            .fake
            .runs()
            .iter()
            .any(|it| it.starts_with("Captions"))
    );
}
