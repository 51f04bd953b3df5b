use std::sync::Arc;

use super::*;
use crate::testing::services::wrapping_keys;
use crate::testing::world::World;
use crate::testing::{generation, name, video};

fn keys(world: &World, digit: u8) -> WrappedKeys {
    WrappedKeys::new(
        Arc::clone(&world.store),
        wrapping_keys(digit),
        video(),
        generation(),
    )
}

#[tokio::test]
async fn a_rendition_keeps_its_key() {
    let world = World::new();
    let first = keys(&world, 1)
        .content_key(&name("720p"), &name("720p"))
        .await
        .unwrap();
    assert!(
        keys(&world, 1)
            .content_key(&name("720p"), &name("720p"))
            .await
            .unwrap()
            == first,
        "a later attempt finds it"
    );
    assert!(keys(&world, 1).existing(&name("720p")).await.unwrap() == first);
    assert!(
        keys(&world, 1)
            .content_key(&name("480p"), &name("480p"))
            .await
            .unwrap()
            != first,
        "each has its own"
    );
}

#[tokio::test]
async fn keys_of_a_rendition_take_turns() {
    let world = World::new();
    let source = || Arc::new(keys(&world, 1)) as Arc<dyn ContentKeyStore>;
    let (first, second) = (name("720p"), name("720p-k2"));
    let turns = RenditionKeys::new(source(), first.clone());
    let key = turns.key(&first).await.unwrap();
    let other = turns.key(&second).await.unwrap();
    assert!(key != other);
    assert!(turns.key(&first).await.unwrap() == key, "it is known");
    let later = RenditionKeys::new(source(), first);
    assert!(
        later.key(&second).await.unwrap() == other,
        "a later attempt finds it"
    );
}

#[tokio::test]
async fn of_two_workers_one_decides() {
    let world = World::new();
    for rendition in ["720p", "480p", "360p", "source"] {
        let makers = (0..8).map(|_| {
            let keys = keys(&world, 1);
            async move {
                keys.content_key(&name(rendition), &name(rendition))
                    .await
                    .unwrap()
            }
        });
        let made = futures::future::join_all(makers).await;
        assert!(made.iter().all(|it| *it == made[0]), "{rendition}");
    }
}

#[tokio::test]
async fn in_the_store_there_are_wrapped_keys_only() {
    let world = World::new();
    let key = keys(&world, 1)
        .content_key(&name("720p"), &name("720p"))
        .await
        .unwrap();
    let objects = world.objects();
    assert_eq!(objects.len(), 1);
    assert!(objects[0].starts_with("private/"), "{objects:?}");
    let bytes = std::fs::read(world.folder().join(&objects[0])).unwrap();
    assert!(
        !bytes.windows(16).any(|it| it == key.expose()),
        "the key stands there in clear"
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_read_says_why() {
    let world = World::new();
    let missing = keys(&world, 1).existing(&name("720p")).await;
    assert!(matches!(
        missing,
        Err(TranscodeError::Store(StoreError::NotFound { .. }))
    ));
    let made = keys(&world, 1);
    made.content_key(&name("720p"), &name("720p"))
        .await
        .unwrap();
    let reason = |outcome: Result<ContentKey, TranscodeError>| match outcome {
        Err(TranscodeError::ContentKey { rendition, reason }) => format!("{rendition}: {reason}"),
        other => panic!("{:?}", other.map(drop)),
    };
    // By an installation with other keys, and of another rendition.
    let other = reason(
        keys(&world, 2)
            .content_key(&name("720p"), &name("720p"))
            .await,
    );
    assert!(
        other.starts_with("720p: ") && other.contains("k1"),
        "{other}"
    );
    let [of_720p, of_480p] = ["720p", "480p"].map(|it| made.object(&name(it)));
    world.store.copy(&of_720p, &of_480p).await.unwrap();
    assert!(
        reason(made.existing(&name("480p")).await).starts_with("480p: "),
        "a wrapped key is bound to its path"
    );
    world
        .store
        .put(&of_720p, "rubbish".into(), PutCondition::Always)
        .await
        .unwrap();
    assert!(
        reason(made.content_key(&name("720p"), &name("720p")).await).starts_with("720p: "),
        "it is never replaced"
    );
}

#[tokio::test]
async fn a_store_that_is_away_makes_no_key() {
    let world = World::new();
    world.flaky.fail("720p", 1);
    assert!(matches!(
        keys(&world, 1)
            .content_key(&name("720p"), &name("720p"))
            .await,
        Err(TranscodeError::Store(_))
    ));
    assert_eq!(world.objects(), [""; 0]);
}

#[tokio::test]
async fn another_generation_keeps_the_key_under_its_own_path() {
    let world = World::new();
    let later = || {
        let generation = Generation::of("etag", "other settings");
        WrappedKeys::new(
            Arc::clone(&world.store),
            wrapping_keys(1),
            video(),
            generation,
        )
    };
    let key = keys(&world, 1)
        .content_key(&name("720p"), &name("720p"))
        .await
        .unwrap();
    assert!(
        later()
            .copy_key(&name("720p"), &keys(&world, 1))
            .await
            .unwrap()
            == key
    );
    assert!(later().existing(&name("720p")).await.unwrap() == key);
    // It has one already: that one stays.
    let own = later()
        .content_key(&name("480p"), &name("480p"))
        .await
        .unwrap();
    keys(&world, 1)
        .content_key(&name("480p"), &name("480p"))
        .await
        .unwrap();
    assert!(
        later()
            .copy_key(&name("480p"), &keys(&world, 1))
            .await
            .unwrap()
            == own
    );
}

#[tokio::test]
async fn keys_of_a_trial_lie_beside_their_playlists() {
    let folder = tempfile::tempdir().unwrap();
    let keys = ClearKeys::new(folder.path().join("generation"));
    let key = keys
        .content_key(&name("720p"), &name("720p"))
        .await
        .unwrap();
    let path = folder.path().join("generation/720p/720p.key");
    assert_eq!(std::fs::read(path).unwrap(), key.expose());
    let second = keys.content_key(&name("720p"), &name("720p-k2")).await;
    let path = folder.path().join("generation/720p/720p-k2.key");
    assert_eq!(std::fs::read(path).unwrap(), second.unwrap().expose());
    std::fs::write(folder.path().join("file"), "").unwrap();
    let blocked = ClearKeys::new(folder.path().join("file"))
        .content_key(&name("720p"), &name("720p"))
        .await;
    assert!(matches!(blocked, Err(TranscodeError::Io { .. })));
}
