use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ids::{Generation, VideoId};
use domain::probe::cases::standard;
use domain::segment::Lane;
use hls::parse::PlaylistType;
use hls::{MasterPlaylist, MediaPlaylist};
use platform::object_store::SharedStore;
use platform::object_store::directory::DirectoryStore;

use super::*;
use crate::testing::encoded_plan;

mod masters;

/// A folder as store, and a video of ten segments that has to be encoded.
struct World {
    store: SharedStore,
    plan: EncodePlan,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: SharedStore = Arc::new(DirectoryStore::new(
            folder.path().join("m"),
            folder.path().join("p"),
        ));
        Self {
            store,
            plan: encoded_plan(),
            _folder: folder,
        }
    }

    fn writer(&self) -> GenerationWriter {
        self.writer_of(1)
    }

    fn writer_of(&self, attempt: u32) -> GenerationWriter {
        GenerationWriter::new(
            Arc::clone(&self.store),
            VideoId::new(1, [0; 10]),
            Generation::of("etag", "fingerprint"),
            attempt,
        )
    }

    async fn publisher(&self) -> Publisher {
        let mut publisher = Publisher::new(self.writer(), &self.plan, facts(&self.plan));
        let shown = publisher.watch(2, true).await.unwrap();
        assert_eq!(
            shown,
            self.master().await.is_some(),
            "whether an earlier attempt has shown something"
        );
        publisher
    }

    /// A segment of every rendition that grows; `change` is added to durations.
    fn finish(&self, publisher: &mut Publisher, index: u32, change: u64) {
        for rendition in publisher.growing() {
            let [from, to] = [0, 1].map(|it| self.plan.boundaries[index as usize + it].ticks);
            let record = SegmentRecord {
                rendition,
                index,
                attempt: publisher.writer.attempt(),
                start: from,
                duration: to - from + change,
                bytes: 1_000,
                sha256: String::new(),
                frames: 180,
                iframes: vec![],
            };
            publisher
                .records_mut()
                .add_segment(record, "avc1.64001f".to_owned());
        }
    }

    async fn playlist(&self, rendition: &RenditionName) -> Option<MediaPlaylist> {
        let publisher = Publisher::new(self.writer(), &self.plan, facts(&self.plan));
        let text = publisher
            .stored(&publisher.playlist_key(rendition))
            .await
            .unwrap()?;
        Some(MediaPlaylist::parse(&text).playlist)
    }

    async fn master(&self) -> Option<MasterPlaylist> {
        let publisher = Publisher::new(self.writer(), &self.plan, facts(&self.plan));
        let text = publisher
            .stored(&ObjectKey::Master {
                video: publisher.writer.video(),
            })
            .await
            .unwrap()?;
        Some(MasterPlaylist::parse(&text).playlist)
    }
}

fn facts(plan: &EncodePlan) -> SourceFacts {
    SourceFacts::new(plan, &standard())
}

fn lengths(playlist: &MediaPlaylist) -> Vec<String> {
    playlist
        .segments
        .iter()
        .map(|it| format!("{:.3}", it.duration.as_ref().unwrap().value))
        .collect()
}

#[tokio::test]
async fn three_segments_of_every_rendition_make_a_video_playable() {
    let world = World::new();
    let mut publisher = world.publisher().await;
    for index in 0..2 {
        world.finish(&mut publisher, index, 0);
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(publisher.segments_to_show(), None, "{index}");
    }
    world.finish(&mut publisher, 2, 0);
    // A rung that is not there yet holds back all of them.
    let last = publisher.growing()[1].clone();
    let kept = publisher.records_mut().remove_segment(&last, 2);
    assert_eq!(publisher.segments_to_show(), None);
    publisher
        .records_mut()
        .add_segment(kept, "avc1.64001f".to_owned());
    let count = publisher.segments_to_show().unwrap();
    assert_eq!(count, 3);
    assert!(world.master().await.is_none());
    assert!(
        publisher.show(count).await.unwrap(),
        "it has just become playable"
    );
    assert!(world.master().await.unwrap().start.is_some());
    for rendition in publisher.growing() {
        let playlist = world.playlist(&rendition).await.unwrap();
        assert_eq!(playlist.segments.len(), 3);
        assert_eq!(playlist.playlist_type.unwrap().value, PlaylistType::Event);
    }
    // The name was just written.
    world.finish(&mut publisher, 3, 0);
    assert_eq!(publisher.segments_to_show(), None);
    tokio::time::sleep(playlists::BETWEEN_WRITES).await;
    assert_eq!(publisher.segments_to_show(), Some(4));
    assert!(!publisher.show(4).await.unwrap());
}

#[tokio::test]
async fn the_end_is_written_however_early_it_comes() {
    let world = World::new();
    let mut publisher = world.publisher().await;
    (0..3).for_each(|index| world.finish(&mut publisher, index, 0));
    publisher.show(3).await.unwrap();
    let shown = Instant::now();
    (3..10).for_each(|index| world.finish(&mut publisher, index, 0));
    publisher.publish_media().await.unwrap();
    publisher.publish_master(&[], None).await.unwrap();
    assert!(
        shown.elapsed() >= playlists::BETWEEN_WRITES * 9 / 10,
        "{:?}",
        shown.elapsed()
    );
    let playlist = world.playlist(&publisher.growing()[0]).await.unwrap();
    assert_eq!(
        (playlist.segments.len(), playlist.end_list.is_some()),
        (10, true)
    );
    assert!(
        world.master().await.unwrap().start.is_none(),
        "nothing grows any more"
    );
}

/// The current chunk was published but not recorded: the next attempt makes it again, and its segments may differ.
#[tokio::test]
async fn what_was_shown_before_a_crash_stays() {
    let world = World::new();
    let mut publisher = world.publisher().await;
    (0..5).for_each(|index| world.finish(&mut publisher, index, 0));
    publisher.show(5).await.unwrap();
    let names = publisher.growing();
    drop(publisher);

    let mut next = world.publisher().await;
    assert_eq!(next.segments_to_show(), None);
    for index in 0..5 {
        world.finish(&mut next, index, 900);
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(next.segments_to_show(), None, "{index}");
    }
    world.finish(&mut next, 5, 900);
    tokio::time::sleep(playlists::BETWEEN_WRITES).await;
    let count = next.segments_to_show().unwrap();
    assert_eq!(count, 6);
    assert!(!next.show(count).await.unwrap(), "it was playable before");
    let expected = ["6.000", "6.000", "6.000", "6.000", "6.000", "6.010"];
    assert_eq!(lengths(&world.playlist(&names[0]).await.unwrap()), expected);
    (6..10).for_each(|index| world.finish(&mut next, index, 900));
    next.publish_media().await.unwrap();
    next.publish_master(&[], None).await.unwrap();
    let whole = lengths(&world.playlist(&names[0]).await.unwrap());
    assert_eq!(
        whole[..6],
        expected,
        "what was shown stays in the final playlist too"
    );
    assert_eq!(whole.len(), 10);
}

/// A playlist's entries do not change (RFC 8216, 6.2.1), so the objects that they name are those of
/// the attempt that showed them, and so are the records.
#[tokio::test]
async fn what_was_shown_before_a_crash_keeps_its_names() {
    let world = World::new();
    let mut publisher = world.publisher().await;
    let names = publisher.growing();
    (0..5).for_each(|index| world.finish(&mut publisher, index, 0));
    publisher.show(5).await.unwrap();
    let rendition = world.plan.rendition(&names[0]).unwrap().clone();
    let shown = publisher.writer.segment_key(&rendition, 3);
    publisher.writer.put(&shown, "shown".into()).await.unwrap();
    drop(publisher);

    let mut next = Publisher::new(world.writer_of(2), &world.plan, facts(&world.plan));
    assert!(next.watch(2, true).await.unwrap());
    (0..6).for_each(|index| world.finish(&mut next, index, 0));
    tokio::time::sleep(playlists::BETWEEN_WRITES).await;
    next.show(6).await.unwrap();
    let uris = |playlist: &MediaPlaylist| -> Vec<String> {
        playlist.segments.iter().map(|it| it.uri.clone()).collect()
    };
    let mut expected: Vec<String> = (0..5)
        .map(|it| format!("{}_{it:05}.ts", names[0]))
        .collect();
    expected.push(format!("{}_00005-2.ts", names[0]));
    assert_eq!(uris(&world.playlist(&names[0]).await.unwrap()), expected);

    let segments: Vec<SegmentRecord> = next.records.segments(&names[0]).cloned().collect();
    let chunk = ChunkRecord {
        lane: Lane::Encode,
        index: 0,
        cpu_ms: 0,
        wall_ms: 0,
        segments: segments[2..].to_vec(),
        codecs: Default::default(),
        traffic: None,
    };
    let kept = next.keep_shown(&chunk).await.unwrap().segments;
    assert_eq!(
        kept[0], segments[2],
        "its object is not there: it is replaced"
    );
    let SegmentRecord {
        attempt,
        bytes,
        sha256,
        ..
    } = &kept[1];
    let hash = hex(&Sha256::digest(b"shown"));
    assert_eq!((*attempt, *bytes, sha256), (1, 5, &hash));
    assert_eq!(kept[3], segments[5], "it was not shown before");
}

/// The earlier attempt failed because its segments were wrong.
#[tokio::test]
async fn durations_of_a_failed_attempt_are_replaced() {
    let world = World::new();
    let mut publisher = world.publisher().await;
    (0..5).for_each(|index| world.finish(&mut publisher, index, 360_000));
    publisher.show(5).await.unwrap();
    let name = publisher.growing()[0].clone();
    drop(publisher);

    let mut next = Publisher::new(world.writer(), &world.plan, facts(&world.plan));
    assert!(next.watch(2, false).await.unwrap());
    (0..5).for_each(|index| world.finish(&mut next, index, 0));
    tokio::time::sleep(playlists::BETWEEN_WRITES).await;
    assert_eq!(
        next.segments_to_show(),
        None,
        "the playlist does not become shorter"
    );
    (5..10).for_each(|index| world.finish(&mut next, index, 0));
    next.publish_media().await.unwrap();
    next.publish_master(&[], None).await.unwrap();
    let whole = lengths(&world.playlist(&name).await.unwrap());
    assert_eq!(whole[..9], ["6.000"; 9]);
}

/// The crash came between two playlists.
#[tokio::test]
async fn no_playlist_becomes_shorter_after_a_crash() {
    let world = World::new();
    let mut publisher = world.publisher().await;
    (0..5).for_each(|index| world.finish(&mut publisher, index, 0));
    publisher.show(4).await.unwrap();
    let (names, longer) = (
        publisher.growing(),
        publisher.media_playlist(&publisher.growing()[0], MediaPlaylistKind::Event, 5),
    );
    publisher
        .writer
        .put(&publisher.playlist_key(&names[0]), longer.render().into())
        .await
        .unwrap();

    let mut next = world.publisher().await;
    (0..5).for_each(|index| world.finish(&mut next, index, 0));
    tokio::time::sleep(playlists::BETWEEN_WRITES).await;
    assert_eq!(
        next.segments_to_show(),
        None,
        "five are shown of one rendition"
    );
    world.finish(&mut next, 5, 0);
    assert_eq!(next.segments_to_show(), Some(6));
}

/// Playlists of an attempt that no viewer was shown: it was killed before it wrote the master playlist.
#[tokio::test]
async fn what_nobody_saw_does_not_bind() {
    let world = World::new();
    let publisher = world.publisher().await;
    let name = publisher.growing()[0].clone();
    let text = publisher
        .media_playlist(&name, MediaPlaylistKind::Event, 0)
        .render();
    publisher
        .writer
        .put(&publisher.playlist_key(&name), text.into())
        .await
        .unwrap();
    let mut next = world.publisher().await;
    (0..10).for_each(|index| world.finish(&mut next, index, 0));
    assert_eq!(next.segments_to_show(), Some(10));
    assert!(next.show(10).await.unwrap());
    assert!(world.playlist(&name).await.unwrap().end_list.is_some());
}
