use std::sync::Arc;

use bytes::Bytes;
use domain::object_key::SegmentFormat;
use domain::segment::TICKS_PER_SECOND;
use hls::{SegmentDecryptor, initialisation_vector};
use platform::object_store::ObjectStoreExt as _;
use proptest::prelude::*;

use super::images::LARGEST_IMAGE;
use super::*;
use crate::content_keys::ContentKeyStore;
use crate::testing::transport::{self, AUDIO, FrameKind, Transport, VIDEO};
use crate::testing::world::World;
use crate::testing::{generation, name, rendition_named, video};

const FRAME: u64 = 3_000;

fn key() -> ContentKey {
    ContentKey::new([9; 16])
}

/// A store that has one key.
struct FixedKey(ContentKey);

#[async_trait]
impl ContentKeyStore for FixedKey {
    async fn content_key(
        &self,
        _: &RenditionName,
        _: &RenditionName,
    ) -> Result<ContentKey, TranscodeError> {
        Ok(self.0.clone())
    }
}

fn output(rendition: &str, key: Option<ContentKey>) -> Output {
    Output {
        rendition: rendition_named(rendition),
        keys: key.map(|key| RenditionKeys::new(Arc::new(FixedKey(key)), name(rendition))),
        key_names: vec![],
        copied: false,
        first_iframes: None,
        ends: vec![],
    }
}

/// What becomes of one file.
async fn take(
    world: &World,
    output: Output,
    index: u32,
    body: &[u8],
) -> Result<(Stored, Vec<u8>), TranscodeError> {
    let rendition = output.rendition.clone();
    let (sink, mut stored) = SegmentSink::new(world.writer(), vec![output]);
    sink.receive(rendition.name.as_str(), index, body.to_vec().into())
        .await?;
    assert_eq!(sink.active(), 0);
    let one = stored.try_recv().unwrap();
    let object = world
        .store
        .read(&world.writer().segment_key(&rendition, index), 1 << 30)
        .await
        .unwrap();
    Ok((one, object.to_vec()))
}

fn decrypted(index: u64, object: &[u8]) -> Vec<u8> {
    SegmentDecryptor::decrypt(key().expose(), initialisation_vector(index), object).unwrap()
}

#[tokio::test]
async fn a_segment_is_measured_encrypted_and_stored() {
    let world = World::new();
    let clear = transport::video(6 * TICKS_PER_SECOND, 180, FRAME);
    let (Stored { record, measured }, object) =
        take(&world, output("720p", Some(key())), 1, &clear)
            .await
            .unwrap();
    assert_eq!(decrypted(1, &object), clear);
    assert!(
        SegmentDecryptor::decrypt(key().expose(), initialisation_vector(2), &object)
            .map_or(true, |it| it != clear)
    );
    let hash = hex(&Sha256::digest(&object));
    let expected = SegmentRecord {
        rendition: name("720p"),
        index: 1,
        attempt: 1,
        start: 540_000,
        duration: 540_000,
        bytes: object.len() as u64,
        sha256: hash,
        frames: 180,
        iframes: vec![],
    };
    assert_eq!((record, measured.streams), (expected, 1));
    let (in_clear, object) = take(&world, output("480p", None), 1, &clear).await.unwrap();
    assert_eq!(
        (object, in_clear.record.bytes),
        (clear.clone(), clear.len() as u64)
    );
}

/// Two makers of one segment: playlists, byte ranges and caches name what is stored.
#[tokio::test]
async fn a_stored_segment_is_never_written_over() {
    let world = World::new();
    let [one, other] = [180, 181].map(|it| transport::video(0, it, FRAME));
    for _ in 0..2 {
        let (_, object) = take(&world, output("720p", None), 0, &one).await.unwrap();
        assert_eq!(object, one, "the same segment may come again");
    }
    let refused = take(&world, output("720p", None), 0, &other).await;
    assert!(
        matches!(&refused, Err(TranscodeError::Verification(it)) if it.contains("other content")),
        "{refused:?}"
    );
    let later = GenerationWriter::new(Arc::clone(&world.store), video(), generation(), 2);
    let (sink, mut stored) = SegmentSink::new(later.clone(), vec![output("720p", None)]);
    sink.receive("720p", 0, other.clone().into()).await.unwrap();
    assert_eq!(stored.try_recv().unwrap().record.attempt, 2);
    let rendition = rendition_named("720p");
    for (writer, expected) in [(world.writer(), one), (later, other)] {
        let key = writer.segment_key(&rendition, 0);
        assert_eq!(world.store.read(&key, 1 << 20).await.unwrap(), expected);
    }
}

/// FFmpeg would not recognise them as transport streams.
#[tokio::test]
async fn short_segments_are_filled_up() {
    let world = World::new();
    let clear = transport::audio(0, 2, 48_000);
    assert!(clear.len() < LEAST_PACKETS * PACKET_BYTES);
    let (stored, object) = take(&world, output("audio-128k", Some(key())), 0, &clear)
        .await
        .unwrap();
    let found = decrypted(0, &object);
    assert_eq!(found.len(), LEAST_PACKETS * PACKET_BYTES);
    assert!(found.starts_with(&clear) && media::ts::scan(&found).is_intact());
    assert_eq!(
        (
            stored.record.frames,
            stored.measured.audio.as_ref().unwrap().samples
        ),
        (2, 2 * 1024)
    );
}

#[tokio::test]
async fn each_iframe_is_an_object_of_its_own_in_one_object() {
    let starts = [540_000, 630_000, 720_000];
    let clear = transport::iframes(&starts);
    for key in [Some(key()), None] {
        let world = World::new();
        let output = Output {
            first_iframes: Some(vec![0, 6]),
            ends: vec![],
            ..output("iframes", key.clone())
        };
        let (Stored { record, .. }, object) = take(&world, output, 1, &clear).await.unwrap();
        assert_eq!((record.index, record.frames, record.start), (1, 3, 540_000));
        let mut offset = 0;
        for ((sequence, start), it) in (6..).zip(starts).zip(&record.iframes) {
            assert_eq!(
                (it.sequence, it.start, it.offset),
                (sequence, start, offset)
            );
            offset += it.bytes;
            let own = &object[it.offset as usize..offset as usize];
            let own = if key.is_some() {
                decrypted(sequence.into(), own)
            } else {
                own.to_vec()
            };
            let report = media::ts::scan(&own);
            assert!(
                report.is_intact() && report.video().unwrap().starts_with_idr,
                "{report:?}"
            );
        }
        assert_eq!(
            (offset, record.bytes),
            (object.len() as u64, object.len() as u64)
        );
        assert_eq!(record.iframes[0].duration, 90_000);
    }
}

#[tokio::test]
async fn what_is_damaged_is_not_stored() {
    let world = World::new();
    let good = transport::video(0, 60, FRAME);
    let middle = 30 * PACKET_BYTES;
    let gap = [&good[..middle], &good[middle + PACKET_BYTES..]].concat();
    let cases: [(&str, &[u8]); 6] = [
        ("nothing", b""),
        ("no transport stream", &[0x55; 4_000]),
        ("half of a packet", &good[..good.len() - 90]),
        ("a gap", &gap),
        (
            "tables without pictures",
            &Transport::new(&[VIDEO]).into_bytes(),
        ),
        (
            "pictures without tables",
            &Transport::without_tables()
                .frame(FrameKind::Idr, 0, 9)
                .into_bytes(),
        ),
    ];
    for (what, body) in cases {
        for rendition in ["720p", "iframes"] {
            let first_iframes = (rendition == "iframes").then(|| vec![0]);
            let output = Output {
                first_iframes,
                ..output(rendition, Some(key()))
            };
            let outcome = take(&world, output, 0, body).await.map(|it| it.0);
            assert!(
                matches!(outcome, Err(TranscodeError::Verification(_))),
                "{what}: {outcome:?}"
            );
        }
    }
    assert_eq!(world.objects(), [""; 0]);
}

#[tokio::test]
async fn only_what_was_asked_for_is_taken() {
    let world = World::new();
    let body = transport::video(0, 2, FRAME);
    let (sink, mut stored) = SegmentSink::new(world.writer(), vec![output("720p", None)]);
    for wrong in ["480p", "iframes", "..", "720P", ""] {
        let outcome = sink.receive(wrong, 0, body.clone().into()).await;
        assert!(
            matches!(outcome, Err(TranscodeError::Verification(_))),
            "{wrong}: {outcome:?}"
        );
    }
    let trick = Output {
        first_iframes: Some(vec![0, 6]),
        ends: vec![],
        ..output("iframes", None)
    };
    let outcome = take(&world, trick, 2, &transport::iframes(&[0]))
        .await
        .map(|it| it.0);
    assert!(
        matches!(outcome, Err(TranscodeError::Verification(_))),
        "a chunk that was not planned"
    );
    assert!(stored.try_recv().is_err() && world.objects().is_empty());
}

#[tokio::test]
async fn a_copy_ends_where_memory_would() {
    let world = World::new();
    let part = Bytes::from(vec![0x47; 1 << 20]);
    let count = LARGEST_COPIED_SEGMENT / (1 << 20) + 2;
    let endless = || {
        let part = part.clone();
        Body::from_stream(futures::stream::iter(
            (0..count).map(move |_| Ok::<_, std::io::Error>(part.clone())),
        ))
    };
    let of = |copied| {
        SegmentSink::new(
            world.writer(),
            vec![Output {
                copied,
                ..output("source", None)
            }],
        )
        .0
    };
    let outcome = of(true).receive("source", 1, endless()).await;
    assert!(
        matches!(&outcome, Err(TranscodeError::NotCopyable(text)) if text.contains("segment 1")),
        "{outcome:?}"
    );
    let outcome = of(false).receive("source", 1, endless()).await;
    assert!(
        matches!(outcome, Err(TranscodeError::Verification(_))),
        "an encoder has its own limit: {outcome:?}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_nobodys_verdict() {
    let world = World::new();
    let body = transport::video(0, 60, FRAME);
    for index in [0, 1] {
        let parts = vec![
            Ok(Bytes::from(body[..940].to_vec())),
            Err(std::io::Error::other("it broke off")),
        ];
        let (sink, _stored) = SegmentSink::new(world.writer(), vec![output("720p", None)]);
        let outcome = sink
            .receive(
                "720p",
                index,
                Body::from_stream(futures::stream::iter(parts)),
            )
            .await;
        assert!(
            matches!(outcome, Err(TranscodeError::Cancelled)),
            "{outcome:?}"
        );
        assert_eq!((sink.active(), world.objects()), (0, vec![]));
    }
}

#[tokio::test]
async fn nothing_is_stored_after_the_end() {
    let world = World::new();
    let writer = world.writer();
    let (sink, mut stored) = SegmentSink::new(writer.clone(), vec![output("720p", None)]);
    let body = transport::video(0, 30, FRAME);
    sink.receive("720p", 0, body.clone().into()).await.unwrap();
    writer.close().await;
    assert!(matches!(
        sink.receive("720p", 1, body.into()).await,
        Err(TranscodeError::Cancelled)
    ));
    assert!(stored.try_recv().is_ok() && stored.try_recv().is_err());
    assert_eq!(world.named(".ts").len(), 1);
    let traffic = writer.traffic();
    assert_eq!(
        (
            traffic.writes.load(Ordering::Relaxed),
            traffic.bytes.load(Ordering::Relaxed) > 0
        ),
        (1, true)
    );
}

#[tokio::test]
async fn a_store_that_fails_is_the_reason() {
    let world = World::new();
    world.flaky.fail("720p", 1);
    let body = transport::video(0, 30, FRAME);
    let outcome = take(&world, output("720p", None), 0, &body)
        .await
        .map(|it| it.0);
    assert!(
        matches!(outcome, Err(TranscodeError::Store(_))),
        "{outcome:?}"
    );
    assert_eq!(world.writer().traffic().writes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_first_segment_begins_with_its_first_picture() {
    // Nothing is reordered here: the bytes stay as they are.
    let world = World::new();
    let body = transport::video(0, 30, FRAME);
    let (_, object) = take(&world, output("720p", None), 0, &body).await.unwrap();
    assert_eq!(object, body);
    // Sound before the beginning of the presentation counts from it.
    let early = Transport::new(&[AUDIO]).audio(0, 30, 48_000).into_bytes();
    let (stored, _) = take(&world, output("audio-128k", None), 0, &early)
        .await
        .unwrap();
    assert_eq!(stored.record.start, 0);
}

#[tokio::test]
async fn pictures_come_out_as_they_came_in() {
    let (sink, mut images) = ImageSink::new();
    sink.receive("any", 3, "three".into()).await.unwrap();
    sink.receive("any", 1, "one".into()).await.unwrap();
    assert_eq!(images.try_recv().unwrap(), (3, "three".into()));
    assert_eq!(images.try_recv().unwrap(), (1, "one".into()));
    let too_large = sink
        .receive("any", 2, vec![0; LARGEST_IMAGE + 1].into())
        .await;
    assert!(matches!(too_large, Err(TranscodeError::Cancelled)));
}

#[test]
fn segments_of_a_generation_have_paths_of_their_own() {
    let writer = GenerationWriter::new(Arc::clone(&World::new().store), video(), generation(), 1);
    let paths: std::collections::HashSet<_> = ["720p", "480p", "iframes"]
        .iter()
        .flat_map(|it| {
            (0..20)
                .map(|index| writer.segment_key(&rendition_named(it), index).path())
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(paths.len(), 60);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In whatever parts a segment arrives, the same object is stored.
    #[test]
    fn parts_do_not_matter(cuts in prop::collection::vec(0_usize..6_000, 0..8), index in 0_u32..3) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let clear = transport::video(0, 30, FRAME);
            let (whole, object) = take(&world, output("720p", Some(key())), index, &clear).await.unwrap();
            let mut cuts: Vec<usize> = cuts.iter().map(|it| *it % clear.len()).chain([0, clear.len()]).collect();
            cuts.sort_unstable();
            let parts = cuts.windows(2).map(|it| Ok::<_, std::io::Error>(Bytes::from(clear[it[0]..it[1]].to_vec())));
            let body = Body::from_stream(futures::stream::iter(parts.collect::<Vec<_>>()));
            let (sink, mut stored) = SegmentSink::new(world.writer(), vec![output("480p", Some(key()))]);
            sink.receive("480p", index, body).await.unwrap();
            let parted = stored.try_recv().unwrap();
            prop_assert_eq!(&parted.record.sha256, &whole.record.sha256);
            prop_assert_eq!(parted.measured, whole.measured);
            prop_assert_eq!(object.len() as u64, parted.record.bytes);
            Ok(())
        })?;
    }
}

fn fragmented(rendition: &str, key: Option<ContentKey>) -> Output {
    let mut output = output(rendition, key);
    output.rendition.format = SegmentFormat::Fmp4;
    output
}

#[tokio::test]
async fn a_fragment_is_stored_with_its_initialisation_section() {
    let world = World::new();
    let clear = transport::video(6 * TICKS_PER_SECOND, 180, FRAME);
    let output = fragmented("720p", Some(key()));
    let (Stored { record, measured }, object) =
        take(&world, output.clone(), 3, &clear).await.unwrap();
    let init = world.writer().init_key(&output.rendition, 1);
    let init = world.store.read(&init, 1 << 20).await.unwrap();
    let init = media::fmp4::Init::parse(&init).unwrap();
    let mut scanner = Scanner::new(Some(&init));
    scanner.push(&decrypted(3, &object)).unwrap();
    let stored = scanner.finish().unwrap();
    assert_eq!(
        (stored.packing, stored.damage.as_ref()),
        (media::segment::Packing::Fmp4, None)
    );
    let (before, after) = (measured.lead().unwrap(), stored.lead().unwrap());
    assert_eq!(
        (before.start_ticks(), before.frames, &before.codec),
        (after.start_ticks(), after.frames, &after.codec)
    );
    assert_eq!(
        (record.bytes, record.frames),
        (object.len() as u64, after.frames as u32)
    );

    // The same again, and iframes, which are smaller pictures with other parameters.
    take(&world, output, 4, &clear).await.unwrap();
    let iframes = Output {
        first_iframes: Some(vec![0]),
        ..fragmented("iframes", None)
    };
    let starts = [0, 90_000];
    let (Stored { record, .. }, object) = take(&world, iframes, 0, &transport::iframes(&starts))
        .await
        .unwrap();
    for it in &record.iframes {
        let own = &object[it.offset as usize..][..it.bytes as usize];
        assert_eq!(&own[4..8], b"moof");
    }
}

#[tokio::test]
async fn a_production_has_one_initialisation_section() {
    let world = World::new();
    let (rung, other) = (rendition_named("720p"), rendition_named("480p"));
    let writer = world.writer();
    let put = |it: &'static [u8]| writer.put_init(&rung, Bytes::from_static(it));
    put(b"one").await.unwrap();
    put(b"one").await.unwrap();
    let again = world.writer();
    again.put_init(&rung, "one".into()).await.unwrap();
    again.put_init(&other, "two".into()).await.unwrap();
    for writer in [writer.clone(), world.writer()] {
        let outcome = writer.put_init(&rung, "two".into()).await;
        assert!(
            matches!(outcome, Err(TranscodeError::Verification(_))),
            "{outcome:?}"
        );
    }
}
