//! Chapters in the source.

use domain::chapter::{Chapter, Chapters};

use super::*;

#[tokio::test]
async fn chapters_of_the_source_are_published_once() {
    let (mut world, _) = World::of(&standard());
    let chapter = |start_ms, title: &str| Chapter {
        start_ms,
        title: title.to_owned(),
    };
    world.chapters = Chapters::new(vec![chapter(0, "One"), chapter(30_000, "Two")]).unwrap();
    run(&world, standard()).await.unwrap();
    let documents = world.named(".json");
    let document = documents
        .iter()
        .find(|it| it.contains("/chapters/"))
        .unwrap();
    let read = |path: &str| std::fs::read_to_string(world.folder().join(path)).unwrap();
    assert_eq!(read(document), world.chapters.to_json());
    let name = document.rsplit('/').next().unwrap();
    let master = read(&world.named("master.m3u8")[0]);
    let reference = format!("DATA-ID=\"com.apple.hls.chapters\",URI=\"chapters/{name}\"");
    assert!(master.contains(&reference), "{master}");

    // A re-encode: the owner may have deleted them.
    let (mut world, _) = World::of(&standard());
    world.chapters = Chapters::new(vec![chapter(0, "One"), chapter(30_000, "Two")]).unwrap();
    world.journal.replaces.store(true, Ordering::Relaxed);
    run(&world, standard()).await.unwrap();
    assert!(world.journal.chapters.lock().unwrap().is_empty());
    assert!(
        !world
            .named(".json")
            .iter()
            .any(|it| it.contains("/chapters/"))
    );
}
