//! What a job records and shows, and how much of it a kill may repeat.

use super::*;

/// Lane and index of a chunk.
pub(super) type Chunk = (String, u32);

/// Records every start of FFmpeg: programs of the same names that log, then execute the real ones.
pub(super) struct Ledger {
    pub(super) file: PathBuf,
    pub(super) seen: usize,
}

impl Ledger {
    pub(super) fn install(home: &mut Home) -> Self {
        let folder = home.folder.path().join("tools");
        let file = home.folder.path().join("ledger");
        std::fs::create_dir(&folder).unwrap();
        for name in ["ffmpeg", "ffprobe"] {
            let real = real(name);
            let script = format!(
                "#!/bin/sh\nprintf '%s ' \"{name}\" \"$@\" '' >> {0}\necho >> {0}\nexec {1} \"$@\"\n",
                file.display(),
                real.display()
            );
            let path = folder.join(name);
            std::fs::write(&path, script).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        home.environment
            .push(("EDGEREEL_FFMPEG_DIR".to_owned(), text(&folder)));
        // A confined FFmpeg cannot write files.
        home.environment
            .push(("EDGEREEL_CONFINEMENT".to_owned(), "off".to_owned()));
        Self { file, seen: 0 }
    }

    /// The encoding chunks that were started since the last call, in order.
    pub(super) fn begun(&mut self) -> Vec<u32> {
        let log = std::fs::read_to_string(&self.file).unwrap_or_default();
        let begun = log.lines().skip(self.seen).filter_map(chunk_of).collect();
        self.seen = log.lines().count();
        begun
    }
}

/// The I-frames of a chunk are delivered as `.../iframes/INDEX.ts`.
fn chunk_of(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("/iframes/")?;
    rest.split_once(".ts")?.0.parse().ok()
}

fn real(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|it| it.join(name))
        .find(|it| it.is_file());
    found.expect(
        "FFmpeg is missing: install it (Debian: apt-get install ffmpeg), or run `make test`",
    )
}

/// The chunks that the catalog of a stopped installation lists as finished.
pub(super) async fn recorded(data: &Path, video: VideoId) -> BTreeSet<Chunk> {
    let database = open_sqlite(&data.join("edgereel.db")).await.unwrap();
    let catalog = Catalog::new(&database);
    let attempts = catalog.attempts(video).await.unwrap();
    let mut chunks = vec![];
    if let Some(attempt) = attempts.last() {
        chunks = catalog.chunks(video, &attempt.generation).await.unwrap();
    }
    database.close().await;
    chunks
        .into_iter()
        .map(|it| (it.lane.as_str().to_owned(), it.index))
        .collect()
}

/// A viewer who polls permanently, and checks that playlists only grow and refer to nothing that is
/// missing.
pub(super) struct Viewer {
    pub(super) stop: Arc<AtomicBool>,
    pub(super) task: tokio::task::JoinHandle<u32>,
}

impl Viewer {
    pub(super) fn start(master: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let (player, mut memory, mut looks) = (Player::new(), Memory::default(), 0);
            while !stopped.load(Ordering::Relaxed) {
                // There is no answer while the process is down; the earlier state remains binding.
                if let Ok(Some(())) = memory.look(&player, &master).await {
                    looks += 1;
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            looks
        });
        Self { stop, task }
    }

    /// Stops the viewer, and returns how often it saw something.
    pub(super) async fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

#[derive(Default)]
struct Memory {
    /// URI and duration of the segments, by rendition.
    playlists: BTreeMap<String, Vec<(String, String)>>,
    ended: BTreeSet<String>,
    there: BTreeSet<String>,
}

impl Memory {
    async fn look(&mut self, player: &Player, master: &str) -> reqwest::Result<Option<()>> {
        let Some(seen) = player.presentation(master).await? else {
            assert!(
                self.playlists.is_empty(),
                "the master playlist was there and is gone"
            );
            return Ok(None);
        };
        for known in self.playlists.keys() {
            assert!(
                seen.media.contains_key(known),
                "{known} is no longer named: {}",
                seen.text
            );
        }
        for (name, media) in &seen.media {
            let segments = segments(&media.playlist);
            let before = self.playlists.get(name).cloned().unwrap_or_default();
            assert!(
                segments.starts_with(&before),
                "{name} did not only grow: {before:?} became {segments:?}"
            );
            let kind = media.playlist.playlist_type.as_ref().map(|it| it.value);
            let ended = media.playlist.end_list.is_some();
            assert_eq!(
                kind,
                Some(if ended {
                    PlaylistType::Vod
                } else {
                    PlaylistType::Event
                }),
                "{}",
                media.text
            );
            assert!(
                ended || !self.ended.contains(name),
                "{name} had ended and goes on"
            );
            if ended {
                self.ended.insert(name.clone());
            }
            for (place, (uri, _)) in segments.iter().enumerate() {
                let path = format!("{name}/{uri}");
                if self.there.contains(&path) {
                    continue;
                }
                let url = Player::segment_url(media, place);
                let status = player.http.head(url.clone()).send().await?.status();
                assert_eq!(status, 200, "{} is missing", url.path());
                self.there.insert(path);
            }
            self.playlists.insert(name.clone(), segments);
        }
        Ok(Some(()))
    }
}
