//! Everything that a job needs, in one temporary folder.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use catalog::{
    CaptionOrigin, CaptionRecord, CatalogError, ChaptersRecord, NewCaptions, RenditionRecord,
};
use domain::chapter::Chapters;
use domain::content_key::ContentKey;
use domain::ids::ChaptersId;
use domain::job::{Mode, Stage};
use domain::object_key::{ObjectKey, ObjectPrefix, RenditionName};
use domain::plan::EncodePlan;
use domain::prices::Prices;
use domain::probe::Probe;
use domain::profile::Profile;
use domain::segment::ChunkRecord;
use platform::object_store::directory::DirectoryStore;
use platform::object_store::{
    ETag, Listing, ObjectBody, ObjectMeta, ObjectStore, PutCondition, SharedStore, StoreError,
};

use super::fake_ffmpeg::FakeFfmpeg;
use super::{generation, video};
use crate::content_keys::ContentKeyStore;
use crate::error::TranscodeError;
use crate::ffmpeg::probe::Subtitles;
use crate::journal::Journal;
use crate::pipeline::TranscodeRequest;
use crate::sink::GenerationWriter;
use crate::stills::InMemory;

/// A store in a folder, in which writes can fail.
pub(crate) struct FlakyStore {
    inner: DirectoryStore,
    /// Writes to paths with this text fail, so many times.
    failing: Mutex<(String, u32)>,
    /// Nothing answers.
    pub(crate) is_away: AtomicBool,
    /// How long each write takes, milliseconds.
    pub(crate) write_ms: AtomicU32,
}

impl FlakyStore {
    pub(crate) fn new(folder: &Path) -> Self {
        let inner = DirectoryStore::new(folder.join("media"), folder.join("private"));
        Self {
            inner,
            failing: Mutex::default(),
            is_away: AtomicBool::new(false),
            write_ms: AtomicU32::new(0),
        }
    }

    /// The next writes to paths with this text fail.
    pub(crate) fn fail(&self, text: &str, times: u32) {
        *self.failing.lock().unwrap() = (text.to_owned(), times);
    }

    fn answers(&self, path: String) -> Result<(), StoreError> {
        match self.is_away.load(Ordering::Relaxed) {
            true => Err(StoreError::Unavailable {
                path,
                source: "the test takes it away".into(),
            }),
            false => Ok(()),
        }
    }

    fn check(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.answers(key.path())?;
        let mut failing = self.failing.lock().unwrap();
        if failing.1 == 0 || !key.path().contains(&failing.0) {
            return Ok(());
        }
        failing.1 -= 1;
        Err(StoreError::Unavailable {
            path: key.path(),
            source: "the test takes it away".into(),
        })
    }
}

#[async_trait]
impl ObjectStore for FlakyStore {
    async fn put(
        &self,
        key: &ObjectKey,
        body: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<ETag, StoreError> {
        self.check(key)?;
        tokio::time::sleep(Duration::from_millis(
            self.write_ms.load(Ordering::Relaxed).into(),
        ))
        .await;
        self.inner.put(key, body, condition).await
    }

    async fn get(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
        if_match: Option<&ETag>,
    ) -> Result<ObjectBody, StoreError> {
        self.answers(key.path())?;
        self.inner.get(key, range, if_match).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta, StoreError> {
        self.answers(key.path())?;
        self.inner.head(key).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> Result<(), StoreError> {
        self.check(to)?;
        self.inner.copy(from, to).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn list(
        &self,
        prefix: &ObjectPrefix,
        after: Option<&str>,
    ) -> Result<Listing, StoreError> {
        self.inner.list(prefix, after).await
    }

    async fn delete_all(&self, prefix: &ObjectPrefix) -> Result<u64, StoreError> {
        self.inner.delete_all(prefix).await
    }
}

/// A journal in memory that can lose its claim.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) attempts: AtomicU32,
    pub(crate) chunks: Mutex<Vec<ChunkRecord>>,
    pub(crate) progress: Mutex<Vec<(Stage, u8)>>,
    pub(crate) renditions: Mutex<Vec<RenditionRecord>>,
    pub(crate) playable: AtomicU32,
    pub(crate) captions: Mutex<Vec<CaptionRecord>>,
    pub(crate) chapters: Mutex<Chapters>,
    /// An earlier generation plays.
    pub(crate) replaces: AtomicBool,
    /// After so many chunks, another worker has the job; 0: never.
    pub(crate) loses_after: AtomicU32,
    /// The claim is lost when the pointer is about to move.
    pub(crate) loses_at_the_end: AtomicBool,
}

fn lost() -> TranscodeError {
    CatalogError::LeaseLost {
        video: video(),
        fence: 1,
    }
    .into()
}

#[async_trait]
impl Journal for Notes {
    fn first_run(&self) -> bool {
        !self.replaces.load(Ordering::Relaxed)
    }

    async fn next_attempt(&self) -> Result<u32, TranscodeError> {
        Ok(self.attempts.fetch_add(1, Ordering::Relaxed) + 1)
    }

    async fn last_attempt(&self) -> Result<u32, TranscodeError> {
        Ok(self.attempts.load(Ordering::Relaxed))
    }

    async fn finished(&self) -> Result<Vec<ChunkRecord>, TranscodeError> {
        Ok(self.chunks.lock().unwrap().clone())
    }

    async fn finish(&self, chunk: &ChunkRecord) -> Result<(), TranscodeError> {
        let mut chunks = self.chunks.lock().unwrap();
        match self.loses_after.load(Ordering::Relaxed) {
            limit if limit > 0 && chunks.len() as u32 >= limit => return Err(lost()),
            _ => {}
        }
        chunks.retain(|it| (it.lane, it.index) != (chunk.lane, chunk.index));
        chunks.push(chunk.clone());
        Ok(())
    }

    async fn progress(&self, stage: Stage, percent: u8) -> Result<(), TranscodeError> {
        self.progress.lock().unwrap().push((stage, percent));
        Ok(())
    }

    async fn renditions(&self, renditions: &[RenditionRecord]) -> Result<(), TranscodeError> {
        *self.renditions.lock().unwrap() = renditions.to_vec();
        Ok(())
    }

    async fn playable(&self) -> Result<(), TranscodeError> {
        self.playable.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn add_captions(&self, new: &NewCaptions) -> Result<bool, TranscodeError> {
        self.captions.lock().unwrap().push(new.record.clone());
        Ok(true)
    }

    async fn captions(&self) -> Result<Vec<CaptionRecord>, TranscodeError> {
        Ok(self.captions.lock().unwrap().clone())
    }

    async fn add_chapters(&self, chapters: &Chapters) -> Result<(), TranscodeError> {
        *self.chapters.lock().unwrap() = chapters.clone();
        Ok(())
    }

    async fn chapters(&self) -> Result<Option<ChaptersRecord>, TranscodeError> {
        let chapters = self.chapters.lock().unwrap().clone();
        Ok(Some(ChaptersRecord {
            id: ChaptersId::of(&chapters.to_json()),
            chapters,
            origin: CaptionOrigin::Embedded,
            published: false,
        }))
    }

    async fn ensure_claim_held(&self) -> Result<(), TranscodeError> {
        if self.loses_at_the_end.load(Ordering::Relaxed) {
            Err(lost())
        } else {
            Ok(())
        }
    }
}

/// A key for each name, which follows from the name; all renditions have the same first one.
pub(crate) struct OneKey;

#[async_trait]
impl ContentKeyStore for OneKey {
    async fn content_key(
        &self,
        rendition: &RenditionName,
        key: &RenditionName,
    ) -> Result<ContentKey, TranscodeError> {
        let turn = key.as_str().len() - rendition.as_str().len();
        let last = key.as_str().bytes().last().filter(|_| turn > 0);
        Ok(ContentKey::new([last.unwrap_or(3); 16]))
    }
}

/// A store, a stand-in for FFmpeg, and a journal.
pub(crate) struct World {
    pub(crate) flaky: Arc<FlakyStore>,
    pub(crate) store: SharedStore,
    pub(crate) fake: FakeFfmpeg,
    pub(crate) journal: Arc<Notes>,
    pub(crate) profile: Profile,
    /// The subtitle streams of the source.
    pub(crate) subtitles: Subtitles,
    /// The chapters of the source.
    pub(crate) chapters: Chapters,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flaky = Arc::new(FlakyStore::new(folder.path()));
        let fake = FakeFfmpeg::new(folder.path().join("tools"));
        let mut profile = Profile::default();
        // Two rungs show what there is to see, and take less time than six.
        profile.rungs.retain(|it| it.height <= 480);
        Self {
            store: Arc::clone(&flaky) as _,
            flaky,
            fake,
            journal: Arc::default(),
            profile,
            subtitles: Subtitles::default(),
            chapters: Chapters::default(),
            folder,
        }
    }

    /// With all that FFmpeg delivers for a source.
    pub(crate) fn of(probe: &Probe) -> (Self, EncodePlan) {
        let world = Self::new();
        let plan = EncodePlan::new(probe, &world.profile, Mode::Abr).unwrap();
        world.fake.prepare(&plan);
        (world, plan)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn writer(&self) -> GenerationWriter {
        GenerationWriter::new(Arc::clone(&self.store), video(), generation(), 1)
    }

    pub(crate) fn request(&self) -> TranscodeRequest {
        TranscodeRequest {
            tools: self.fake.tools(),
            source: Arc::new(InMemory(Bytes::from_static(b"a source"))),
            store: Arc::clone(&self.store),
            content_keys: Arc::new(OneKey),
            journal: Arc::clone(&self.journal) as _,
            video: video(),
            generation: generation(),
            profile: self.profile.clone(),
            mode: Mode::Abr,
            reused: None,
            encoders: 2,
            prices: Prices::default(),
            fan_out: None,
        }
    }

    /// The processes that stand in for FFmpeg at this moment.
    pub(crate) fn processes(&self) -> Vec<rustix::process::Pid> {
        let ours = self.folder.path().display().to_string();
        let is_ours = |pid: &i32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&ours)
        };
        let names = std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .map(|it| it.file_name());
        let pids = names
            .filter_map(|it| it.to_str()?.parse().ok())
            .filter(is_ours);
        pids.filter_map(rustix::process::Pid::from_raw).collect()
    }

    /// The paths of all objects, in both buckets, sorted.
    pub(crate) fn objects(&self) -> Vec<String> {
        let mut found = vec![];
        for bucket in ["media", "private"] {
            files(&self.folder.path().join(bucket), &mut found);
        }
        let relative = |it: &PathBuf| {
            it.strip_prefix(self.folder.path())
                .unwrap()
                .display()
                .to_string()
        };
        let mut found: Vec<String> = found.iter().map(relative).collect();
        found.sort();
        found
    }

    /// The objects whose path ends like this.
    pub(crate) fn named(&self, end: &str) -> Vec<String> {
        self.objects()
            .into_iter()
            .filter(|it| it.ends_with(end))
            .collect()
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found)
        } else {
            found.push(path)
        }
    }
}
