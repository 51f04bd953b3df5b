//! Several attempts at one generation: none writes over the segments of another one, and what
//! nothing names is removed when the generation is complete.

use std::collections::{BTreeMap, BTreeSet};

use hls::MediaPlaylist;

use super::*;

/// The content of every segment in the store.
fn segments(world: &World) -> BTreeMap<String, Vec<u8>> {
    let paths = world.named(".ts").into_iter();
    let read = |path: String| {
        let content = std::fs::read(world.folder().join(&path)).unwrap();
        (path, content)
    };
    paths.map(read).collect()
}

/// The segments that the playlists name.
fn named(world: &World) -> BTreeSet<String> {
    let playlists = world.named(".m3u8").into_iter();
    let names = |path: String| {
        let text = std::fs::read_to_string(world.folder().join(&path)).unwrap();
        let folder = path.rsplit_once('/').unwrap().0.to_owned();
        let segments = MediaPlaylist::parse(&text).playlist.segments;
        let names = segments
            .into_iter()
            .map(move |it| format!("{folder}/{}", it.uri));
        names.filter(|it| it.ends_with(".ts")).collect::<Vec<_>>()
    };
    playlists.flat_map(names).collect()
}

fn recorded(world: &World) -> usize {
    let chunks = world.journal.chunks.lock().unwrap();
    chunks.iter().map(|it| it.segments.len()).sum()
}

#[tokio::test]
async fn an_attempt_writes_over_nothing_and_leaves_nothing() {
    let (world, plan) = replacing(&foreign());
    let dies = Fault::ends(Task::Encode, 1, End::Kill).beginning_at(8);
    world.fake.set_faults(&[dies.times(99)]);
    run(&world, foreign()).await.unwrap_err();
    let before = segments(&world);
    assert!(
        before.len() > recorded(&world),
        "segments of a chunk that was not recorded"
    );
    world.fake.set_faults(&[]);
    let published = run(&world, foreign()).await.unwrap();
    assert_whole(&world, &plan, &published);
    let after = segments(&world);
    for (path, content) in &before {
        let kept = after.get(path);
        assert!(kept.is_none_or(|it| it == content), "{path} was changed");
    }
    assert_eq!(named(&world), after.keys().cloned().collect());
    let second: Vec<_> = after.keys().filter(|it| it.ends_with("-2.ts")).collect();
    assert!(
        !second.is_empty() && second.len() < after.len(),
        "{second:?}"
    );
}

/// The copy of the source was shown to viewers, and is then encoded after all.
#[tokio::test]
async fn another_strategy_is_another_production() {
    let (world, _) = World::of(&standard());
    let mut open = standard();
    open.index.closed_gops = false;
    let plan = EncodePlan::new(&open, &world.profile, Mode::Abr).unwrap();
    world.fake.prepare(&plan);
    let complaint = "Application provided invalid timestamps";
    let fault = Fault::ends(Task::Copy, 1, End::Exit(0)).saying(complaint);
    world.fake.set_faults(&[fault]);
    run(&world, standard()).await.unwrap();
    assert_eq!(world.journal.attempts.load(Ordering::Relaxed), 2);
    let left = segments(&world);
    assert_eq!(named(&world), left.keys().cloned().collect());
    assert!(left.keys().all(|it| it.ends_with("-2.ts")), "{left:?}");
}

/// The database was lost, so the same generation is made once more: viewers who have its playlists
/// still play the earlier segments.
#[tokio::test]
async fn segments_of_an_earlier_manifest_stay() {
    let (world, plan) = replacing(&foreign());
    run(&world, foreign()).await.unwrap();
    let before = segments(&world);
    world.journal.chunks.lock().unwrap().clear();
    run(&world, foreign()).await.unwrap();
    let after = segments(&world);
    assert!(
        before
            .iter()
            .all(|(path, content)| after.get(path) == Some(content))
    );
    let planned: usize = LANES.iter().map(|it| objects_of(&plan, *it).len()).sum();
    assert_eq!((before.len(), after.len()), (planned, 2 * planned));
    assert!(named(&world).iter().all(|it| it.ends_with("-2.ts")));
}
