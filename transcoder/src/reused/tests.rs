use catalog::Catalog;
use domain::failure::FailureCode;
use domain::probe::cases::standard;
use domain::time::UnixMillis;
use platform::object_store::PutCondition;

use super::*;
use crate::content_keys::ContentKeyStore as _;
use crate::testing::services::{Services, job, wrapping_keys};
use crate::testing::world::World;
use crate::testing::{encoded_plan, generation, name, planned_records, remuxed_plan, video};

/// A video of which a generation plays, all of it recorded and stored.
struct Played {
    world: World,
    catalog: Catalog,
    plan: EncodePlan,
}

fn renewed() -> Generation {
    Generation::of("etag", "other settings")
}

/// The default profile, with a better top rung.
fn richer() -> Profile {
    let rung = "[[rung]]\nname = \"720p\"\nwidth = 1280\nheight = 720\nvideo_kbps = 4000\naudio_kbps = 128";
    Profile::parse(rung).unwrap()
}

impl Played {
    async fn new() -> Self {
        Self::of(remuxed_plan()).await
    }

    async fn of(plan: EncodePlan) -> Self {
        let world = World::new();
        let services = Services::new(world.folder()).await;
        let records = planned_records(&plan);
        let manifest = ObjectKey::Manifest {
            video: video(),
            generation: generation(),
        };
        world
            .writer()
            .put(
                &manifest,
                manifest::render(video(), &generation(), &plan, &records).into(),
            )
            .await
            .unwrap();
        let job = job("etag", 1);
        services.note(&job).await;
        let claim = services.claim(&job, &generation()).await;
        for (lane, chunk) in [Lane::Copy, Lane::Encode, Lane::Audio]
            .iter()
            .flat_map(|it| plan.chunks(*it).iter().map(move |chunk| (*it, chunk)))
        {
            let names: Vec<_> = plan
                .renditions(lane)
                .into_iter()
                .map(|it| it.name.clone())
                .collect();
            let own = |it: &&SegmentRecord| {
                let is_iframes = plan.is_iframes(&it.rendition);
                let place = if is_iframes {
                    it.index == chunk.index
                } else {
                    chunk.segments.contains(&it.index)
                };
                names.contains(&it.rendition) && place
            };
            let segments: Vec<SegmentRecord> = records.iter().filter(own).cloned().collect();
            for it in &segments {
                let body = vec![it.index as u8; it.bytes as usize];
                world
                    .writer()
                    .put(
                        &world
                            .writer()
                            .segment_key(plan.rendition(&it.rendition).unwrap(), it.index),
                        body.into(),
                    )
                    .await
                    .unwrap();
            }
            let codecs = names
                .iter()
                .map(|it| (it.clone(), format!("codec of {it}")))
                .collect();
            let record = ChunkRecord {
                lane,
                index: chunk.index,
                cpu_ms: 9,
                wall_ms: 9,
                segments,
                codecs,
                traffic: None,
            };
            services
                .catalog
                .record_chunk(&claim, &record, UnixMillis::new(1))
                .await
                .unwrap();
        }
        Self {
            catalog: services.catalog,
            world,
            plan,
        }
    }

    fn keys(&self, generation: Generation) -> WrappedKeys {
        WrappedKeys::new(
            Arc::clone(&self.world.store),
            wrapping_keys(1),
            video(),
            generation,
        )
    }

    async fn reused(&self, rungs: &[&str]) -> Result<ReusedRenditions, TranscodeError> {
        let partial = Partial::new(generation(), rungs.iter().map(|it| name(it)));
        let keys = (wrapping_keys(1), Arc::new(self.keys(renewed())));
        ReusedRenditions::of(&self.world.store, &self.catalog, keys, video(), &partial).await
    }

    /// Where the new generation goes.
    fn writer(&self) -> GenerationWriter {
        GenerationWriter::new(Arc::clone(&self.world.store), video(), renewed(), 1)
    }

    async fn replace(&self, rendition: &str, index: u32, body: Vec<u8>) {
        let key = self
            .world
            .writer()
            .segment_key(self.plan.rendition(&name(rendition)).unwrap(), index);
        self.world
            .store
            .put(&key, body.into(), PutCondition::Always)
            .await
            .unwrap();
    }
}

fn code<T>(outcome: Result<T, TranscodeError>) -> FailureCode {
    outcome.err().unwrap().failure().code
}

#[tokio::test]
async fn without_a_manifest_nothing_fits() {
    let played = Played::new().await;
    assert!(played.reused(&["720p"]).await.is_ok());
    let key = ObjectKey::Manifest {
        video: video(),
        generation: generation(),
    };
    for text in ["{}", "", "{\"version\": 2}"] {
        played.world.writer().put(&key, text.into()).await.unwrap();
        assert_eq!(
            code(played.reused(&["720p"]).await),
            FailureCode::RungsDoNotFit,
            "{text}"
        );
    }
    played.world.store.delete(&key).await.unwrap();
    assert_eq!(
        code(played.reused(&["720p"]).await),
        FailureCode::RungsDoNotFit
    );
}

#[tokio::test]
async fn all_but_the_named_rungs_and_the_iframes_is_there() {
    let reused = Played::new().await.reused(&["720p", "360p"]).await.unwrap();
    assert_eq!(
        reused.rungs(),
        [name("360p"), name("720p")],
        "in alphabetical order"
    );
    for (rendition, is_there) in [
        ("720p", false),
        ("360p", false),
        ("iframes", false),
        ("480p", true),
        ("source", true),
        ("audio-source", true),
    ] {
        assert_eq!(reused.has(&name(rendition)), is_there, "{rendition}");
    }
}

#[tokio::test]
async fn a_plan_takes_named_rungs_from_the_new_profile() {
    let played = Played::new().await;
    let reused = played.reused(&["720p"]).await.unwrap();
    let plan = reused
        .plan(&standard(), &richer(), Mode::Abr, None)
        .unwrap();
    let rates = |plan: &EncodePlan| {
        plan.rungs
            .iter()
            .map(|it| it.video_kbps)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (rates(&played.plan), rates(&plan)),
        (vec![3_000, 1_500, 800], vec![4_000, 1_500, 800])
    );
    assert_eq!(
        (&plan.boundaries, &plan.encode_chunks),
        (&played.plan.boundaries, &played.plan.encode_chunks)
    );
}

#[tokio::test]
async fn a_plan_that_cuts_differently_does_not_fit() {
    let played = Played::new().await;
    let reused = played.reused(&["720p"]).await.unwrap();
    for profile in [
        "segment_seconds = 4.0",
        "encrypt = false",
        "keyframe_seconds = 1.0",
    ] {
        let plan = reused.plan(
            &standard(),
            &Profile::parse(profile).unwrap(),
            Mode::Abr,
            None,
        );
        assert_eq!(code(plan), FailureCode::RungsDoNotFit, "{profile}");
    }
    let unknown = played.reused(&["1080p"]).await.unwrap();
    assert_eq!(
        code(unknown.plan(&standard(), &Profile::default(), Mode::Abr, None)),
        FailureCode::RungsDoNotFit
    );
    let mut longer = standard();
    longer.index.end += 5_400_000;
    longer.index.video_end = longer.index.end;
    assert_eq!(
        code(reused.plan(&longer, &Profile::default(), Mode::Abr, None)),
        FailureCode::RungsDoNotFit
    );
}

/// The base was to be remuxed, and was not, since its groups of pictures turned out to be open.
#[tokio::test]
async fn what_was_found_out_about_the_source_is_remembered() {
    let mut open = standard();
    open.index.closed_gops = false;
    let plan = EncodePlan::new(&open, &Profile::default(), Mode::Abr).unwrap();
    assert_eq!(plan.copy, CopyDecision::Encode(CopyRefusal::OpenGroups));
    let reused = Played::of(plan).await.reused(&["720p"]).await.unwrap();
    let plan = reused
        .plan(&standard(), &richer(), Mode::Abr, None)
        .unwrap();
    assert_eq!(plan.copy, CopyDecision::Encode(CopyRefusal::OpenGroups));
}

#[tokio::test]
async fn keys_stay_and_are_wrapped_for_their_new_place() {
    let played = Played::new().await;
    let (old, new) = (played.keys(generation()), played.keys(renewed()));
    let reused = played.reused(&["720p"]).await.unwrap();
    let names = [name("480p"), name("480p-k2")];
    let missing = reused.copy_keys(names.clone()).await;
    assert!(
        matches!(missing, Err(TranscodeError::Store(_))),
        "there is none to keep"
    );
    let mut made = vec![];
    for key in &names {
        made.push(old.content_key(&names[0], key).await.unwrap());
    }
    let key = &made[0];
    for _ in 0..2 {
        reused.copy_keys(names.clone()).await.unwrap();
    }
    for (name, key) in names.iter().zip(&made) {
        assert!(new.existing(name).await.unwrap() == *key);
    }
    assert!(
        new.content_key(&name("480p"), &name("480p")).await.unwrap() == *key,
        "a later attempt finds it"
    );
    assert!(new.content_key(&name("720p"), &name("720p")).await.unwrap() != *key);
}

/// Chunks of I-frames have a key each, so some turns of keys have none of theirs.
#[tokio::test]
async fn keys_are_copied_as_far_as_segments_have_them() {
    let plan = EncodePlan {
        segments_per_key: std::num::NonZeroU32::new(1),
        ..encoded_plan()
    };
    let iframes = plan.iframes.as_ref().unwrap().rendition.clone();
    let chunks = plan.encode_chunks.len() as u32;
    assert!(chunks < plan.segments());
    let names: Vec<_> = (0..chunks).map(|it| plan.key_name(&iframes, it)).collect();
    let played = Played::of(plan).await;
    let (old, new) = (played.keys(generation()), played.keys(renewed()));
    for key in &names {
        old.content_key(&iframes.name, key).await.unwrap();
    }
    let reused = played.reused(&["720p"]).await.unwrap();
    reused.content_keys(&iframes).await.unwrap();
    for key in &names {
        assert!(new.existing(key).await.unwrap() == old.existing(key).await.unwrap());
    }
}

#[tokio::test]
async fn a_chunk_brings_its_segments_along() {
    let played = Played::new().await;
    let reused = played.reused(&["720p"]).await.unwrap();
    let writer = played.writer();
    let chunk = reused.chunk(&writer, Lane::Copy, 1).await.unwrap();
    assert_eq!(
        (chunk.segments.len(), chunk.cpu_ms, chunk.wall_ms),
        (16, 0, 0)
    );
    let names: Vec<_> = chunk
        .codecs
        .iter()
        .map(|(name, codec)| format!("{name}: {codec}"))
        .collect();
    assert_eq!(
        names,
        [
            "audio-source: codec of audio-source",
            "source: codec of source"
        ]
    );
    for it in &chunk.segments {
        let copied = played
            .world
            .store
            .read(
                &writer.segment_key(played.plan.rendition(&it.rendition).unwrap(), it.index),
                1 << 20,
            )
            .await
            .unwrap();
        assert_eq!((copied.len() as u64, copied[0]), (it.bytes, it.index as u8));
    }
    assert_eq!(
        writer
            .traffic()
            .writes
            .load(std::sync::atomic::Ordering::Relaxed),
        16
    );
    // Again, after a crash: the same.
    assert_eq!(reused.chunk(&writer, Lane::Copy, 1).await.unwrap(), chunk);
}

#[tokio::test]
async fn an_encoded_chunk_is_completed_by_the_other_rungs() {
    let played = Played::new().await;
    let reused = played.reused(&["720p"]).await.unwrap();
    let records = planned_records(&played.plan).into_iter();
    let made = records
        .filter(|it| it.index == 0 && matches!(it.rendition.as_str(), "720p" | "iframes"))
        .collect();
    let codecs = [
        (name("720p"), "new".to_owned()),
        (name("iframes"), "new".to_owned()),
    ]
    .into();
    let made = ChunkRecord {
        lane: Lane::Encode,
        index: 0,
        cpu_ms: 70,
        wall_ms: 90,
        segments: made,
        codecs,
        traffic: None,
    };
    let whole = reused.complete(&played.writer(), made).await.unwrap();
    let names: Vec<_> = whole
        .segments
        .iter()
        .map(|it| (it.rendition.as_str(), it.index))
        .collect();
    assert_eq!(
        names,
        [("360p", 0), ("480p", 0), ("720p", 0), ("iframes", 0)]
    );
    let codecs: Vec<_> = whole.codecs.values().map(String::as_str).collect();
    assert_eq!(codecs, ["codec of 360p", "codec of 480p", "new", "new"]);
    assert_eq!((whole.cpu_ms, whole.wall_ms), (70, 90));
    assert_eq!(
        played.world.named("_00000.ts").len(),
        6 + 2,
        "of the new generation, two were copied"
    );
}

#[tokio::test]
async fn what_does_not_come_over_whole_is_no_generation() {
    let played = Played::new().await;
    let reused = played.reused(&["720p"]).await.unwrap();
    let refused = |outcome: Result<ChunkRecord, TranscodeError>| match outcome {
        Err(TranscodeError::Verification(text)) => text,
        other => panic!("{other:?}"),
    };
    let unknown = refused(reused.chunk(&played.writer(), Lane::Audio, 0).await);
    assert_eq!(unknown, "chunk 0 of audio is not there to be taken over");
    let unknown = refused(reused.chunk(&played.writer(), Lane::Copy, 9).await);
    assert_eq!(unknown, "chunk 9 of copy is not there to be taken over");
    played.replace("source", 4, b"short".to_vec()).await;
    let short = refused(reused.chunk(&played.writer(), Lane::Copy, 1).await);
    assert_eq!(short, "segment 4 of source did not come over whole");
    // Rungs that are made need nothing of the old ones.
    played.replace("720p", 0, b"short".to_vec()).await;
    assert!(
        reused
            .chunk(&played.writer(), Lane::Encode, 0)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn nothing_is_copied_after_the_end() {
    let played = Played::new().await;
    let reused = played.reused(&["720p"]).await.unwrap();
    let writer = played.writer();
    writer.close().await;
    assert!(matches!(
        reused.chunk(&writer, Lane::Copy, 0).await,
        Err(TranscodeError::Cancelled)
    ));
    assert_eq!(played.world.named("_00000.ts").len(), 6);
}
