//! Writes playlists, each name no more often than stores allow.

use std::collections::HashMap;
use std::time::Duration;

use domain::object_key::ObjectKey;
use futures::future::try_join_all;
use tokio::time::{Instant, sleep_until};

use crate::error::TranscodeError;
use crate::sink::GenerationWriter;

/// Minimum interval between two writes of one name. R2 accepts one write per second and name; the
/// margin is for the jitter of clocks and connections.
pub(super) const BETWEEN_WRITES: Duration =
    Duration::from_millis(if cfg!(test) { 300 } else { 1_500 });

/// Writes playlists, and records when each was written last.
pub(super) struct Playlists {
    writer: GenerationWriter,
    written: HashMap<ObjectKey, Instant>,
}

impl Playlists {
    pub(super) fn new(writer: GenerationWriter) -> Self {
        Self {
            writer,
            written: HashMap::new(),
        }
    }

    /// Records a playlist that an earlier attempt wrote, at the latest now.
    pub(super) fn note(&mut self, key: ObjectKey) {
        self.written.insert(key, Instant::now());
    }

    /// Whether a playlist can be written without waiting.
    pub(super) fn may_write(&self, key: &ObjectKey) -> bool {
        self.written
            .get(key)
            .is_none_or(|it| it.elapsed() >= BETWEEN_WRITES)
    }

    /// Writes playlists, each as soon as its name may be written again.
    pub(super) async fn put(
        &mut self,
        playlists: Vec<(ObjectKey, String)>,
    ) -> Result<(), TranscodeError> {
        let writes = playlists.into_iter().map(|(key, text)| {
            let (writer, last) = (&self.writer, self.written.get(&key).copied());
            async move {
                if let Some(last) = last {
                    sleep_until(last + BETWEEN_WRITES).await;
                }
                writer.put(&key, text.into()).await?;
                Ok::<_, TranscodeError>((key, Instant::now()))
            }
        });
        let written = try_join_all(writes).await?;
        self.written.extend(written);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::object_key::RenditionName;

    use super::*;
    use crate::testing::world::World;
    use crate::testing::{generation, name, video};

    fn key(rendition: &RenditionName) -> ObjectKey {
        ObjectKey::MediaPlaylist {
            video: video(),
            generation: generation(),
            rendition: rendition.clone(),
        }
    }

    #[tokio::test]
    async fn a_name_is_written_after_a_pause() {
        let world = World::new();
        let mut playlists = Playlists::new(world.writer());
        let (first, second) = (key(&name("720p")), key(&name("480p")));
        assert!(playlists.may_write(&first));
        playlists
            .put(vec![(first.clone(), "one".to_owned())])
            .await
            .unwrap();
        assert!(!playlists.may_write(&first) && playlists.may_write(&second));
        tokio::time::sleep(BETWEEN_WRITES / 2).await;
        assert!(!playlists.may_write(&first));
        tokio::time::sleep(BETWEEN_WRITES / 2).await;
        assert!(playlists.may_write(&first));
    }

    #[tokio::test]
    async fn a_playlist_waits_for_its_own_name_only() {
        let world = World::new();
        let mut playlists = Playlists::new(world.writer());
        let (first, second) = (key(&name("720p")), key(&name("480p")));
        playlists
            .put(vec![(first.clone(), "one".to_owned())])
            .await
            .unwrap();
        let before = Instant::now();
        playlists
            .put(vec![(second.clone(), "one".to_owned())])
            .await
            .unwrap();
        assert!(before.elapsed() < BETWEEN_WRITES, "{:?}", before.elapsed());
        playlists
            .put(vec![(first, "two".to_owned()), (second, "two".to_owned())])
            .await
            .unwrap();
        assert!(before.elapsed() >= BETWEEN_WRITES);
        let read = |rendition: &str| {
            std::fs::read_to_string(world.folder().join(&world.named(rendition)[0])).unwrap()
        };
        assert_eq!(world.named(".m3u8").len(), 2);
        assert_eq!([read("720p.m3u8"), read("480p.m3u8")], ["two", "two"]);
    }

    #[tokio::test]
    async fn the_write_of_an_earlier_attempt_counts() {
        let world = World::new();
        let mut playlists = Playlists::new(world.writer());
        let key = key(&name("720p"));
        playlists.note(key.clone());
        assert!(!playlists.may_write(&key));
        let before = Instant::now();
        playlists.put(vec![(key, "text".to_owned())]).await.unwrap();
        assert!(before.elapsed() >= BETWEEN_WRITES);
    }

    #[tokio::test]
    async fn a_failed_write_is_an_error() {
        let world = World::new();
        world.flaky.fail("480p", 1);
        let mut playlists = Playlists::new(world.writer());
        let both = || {
            ["720p", "480p"]
                .map(|it| (key(&name(it)), "text".to_owned()))
                .to_vec()
        };
        assert!(matches!(
            playlists.put(both()).await,
            Err(TranscodeError::Store(_))
        ));
        assert!(
            playlists.may_write(&key(&name("480p"))),
            "it was not written"
        );
        playlists.put(both()).await.unwrap();
        assert_eq!(world.named(".m3u8").len(), 2);
    }
}
