//! Writes and reads the objects of a generation.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::ids::{Generation, VideoId};
use domain::object_key::{CachePolicy, ObjectKey, RenditionName};
use domain::plan::Rendition;
use domain::segment::SegmentRecord;
use platform::object_store::{
    ObjectBody, ObjectStoreExt as _, PutCondition, SharedStore, StoreError,
};
use tokio::sync::RwLock;

use crate::error::TranscodeError;

/// Counts the traffic to the store, for the receipt.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// Number of objects written.
    pub writes: AtomicU64,
    /// Number of bytes written.
    pub bytes: AtomicU64,
    /// Number of objects read, or parts of them.
    pub reads: AtomicU64,
}

/// Writes objects of one generation, and counts them.
#[derive(Clone)]
pub(crate) struct GenerationWriter {
    store: SharedStore,
    video: VideoId,
    generation: Generation,
    /// Number of this production of the generation, which segments have in their names.
    attempt: u32,
    traffic: Arc<Traffic>,
    /// The initialisation sections that are stored, by rendition.
    inits: Arc<Mutex<HashMap<RenditionName, Bytes>>>,
    /// Whether writing is disabled; every write holds the lock while it is in progress.
    closed: Arc<RwLock<bool>>,
}

impl GenerationWriter {
    /// A writer into `store`.
    pub(crate) fn new(
        store: SharedStore,
        video: VideoId,
        generation: Generation,
        attempt: u32,
    ) -> Self {
        Self {
            store,
            video,
            generation,
            attempt,
            traffic: Arc::default(),
            inits: Arc::default(),
            closed: Arc::default(),
        }
    }

    /// The objects of another generation of the same video.
    pub(crate) fn of_generation(&self, generation: Generation) -> Self {
        Self {
            generation,
            inits: Arc::default(),
            ..self.clone()
        }
    }

    /// The video of the objects.
    pub(crate) fn video(&self) -> VideoId {
        self.video
    }

    /// The generation of the objects.
    pub(crate) fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Number of this production of the generation.
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The store of the objects.
    pub(crate) fn store(&self) -> &SharedStore {
        &self.store
    }

    /// Reads an object, or a part of it.
    pub(crate) async fn get(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<ObjectBody, StoreError> {
        self.traffic.reads.fetch_add(1, Ordering::Relaxed);
        self.store.get(key, range, None).await
    }

    /// Reads an object that may be missing.
    pub(crate) async fn read_if_present(
        &self,
        key: &ObjectKey,
        max_bytes: u64,
    ) -> Result<Option<Bytes>, StoreError> {
        self.traffic.reads.fetch_add(1, Ordering::Relaxed);
        self.store.read_if_present(key, max_bytes).await
    }

    /// The traffic so far.
    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// The key of a segment of this production.
    pub(crate) fn segment_key(&self, rendition: &Rendition, index: u32) -> ObjectKey {
        self.key_of_attempt(rendition, index, self.attempt)
    }

    /// The key of a recorded segment.
    pub(crate) fn recorded_key(&self, rendition: &Rendition, record: &SegmentRecord) -> ObjectKey {
        self.key_of_attempt(rendition, record.index, record.attempt)
    }

    /// The key of the initialisation section of a production, which its segments need.
    pub(crate) fn init_key(&self, rendition: &Rendition, attempt: u32) -> ObjectKey {
        ObjectKey::InitSegment {
            video: self.video,
            generation: self.generation.clone(),
            rendition: rendition.name.clone(),
            attempt,
        }
    }

    /// Stores the initialisation section of a rendition, unless this production has stored it.
    ///
    /// # Errors
    /// `Verification` if this production has stored another one: its segments would not be playable
    /// with either of them.
    pub(crate) async fn put_init(
        &self,
        rendition: &Rendition,
        init: Bytes,
    ) -> Result<(), TranscodeError> {
        if self.inits().get(&rendition.name) == Some(&init) {
            return Ok(());
        }
        self.put(&self.init_key(rendition, self.attempt), init.clone())
            .await?;
        self.inits().insert(rendition.name.clone(), init);
        Ok(())
    }

    fn inits(&self) -> MutexGuard<'_, HashMap<RenditionName, Bytes>> {
        self.inits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key_of_attempt(&self, rendition: &Rendition, index: u32, attempt: u32) -> ObjectKey {
        ObjectKey::Segment {
            video: self.video,
            generation: self.generation.clone(),
            rendition: rendition.name.clone(),
            index,
            attempt,
            format: rendition.format,
        }
    }

    /// Waits for writes in progress, and prevents new ones: after that, stored objects can be
    /// removed.
    pub(crate) async fn close(&self) {
        *self.closed.write().await = true;
    }

    /// Stores an object. The store itself retries while it cannot be reached.
    ///
    /// Objects that caches keep for good are never written over. A segment with other content under
    /// the same name is an error. Images of the same segments may differ after an update of FFmpeg:
    /// those that are stored stay.
    pub(crate) async fn put(&self, key: &ObjectKey, body: Bytes) -> Result<(), TranscodeError> {
        let closed = self.closed.read().await;
        if *closed {
            return Err(TranscodeError::Cancelled);
        }
        let condition = match key.cache_policy() {
            CachePolicy::Immutable => PutCondition::Absent,
            CachePolicy::Revalidate | CachePolicy::NoStore => PutCondition::Always,
        };
        match self.store.put(key, body.clone(), condition).await {
            Err(StoreError::ConditionFailed { .. }) => self.accept_stored(key, &body).await?,
            result => drop(result?),
        }
        self.traffic.writes.fetch_add(1, Ordering::Relaxed);
        self.traffic
            .bytes
            .fetch_add(body.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl GenerationWriter {
    /// Accepts an object that was stored before: by a request whose response was lost, or by an
    /// earlier attempt.
    async fn accept_stored(&self, key: &ObjectKey, body: &Bytes) -> Result<(), TranscodeError> {
        let is_media = |it: &ObjectKey| {
            matches!(
                it,
                ObjectKey::Segment { .. } | ObjectKey::InitSegment { .. }
            )
        };
        if !is_media(key) {
            return Ok(());
        }
        self.traffic.reads.fetch_add(1, Ordering::Relaxed);
        match self.store.read(key, body.len() as u64).await {
            Ok(stored) if stored == *body => return Ok(()),
            Err(problem @ StoreError::Unavailable { .. }) => return Err(problem.into()),
            // Also if it is larger.
            Ok(_) | Err(_) => {}
        }
        Err(TranscodeError::Verification(format!(
            "`{}` is there already, with other content",
            key.path()
        )))
    }

    /// Copies a segment of another generation inside the store, and returns whether the copy is
    /// complete.
    pub(crate) async fn copy_segment(
        &self,
        from: &Self,
        rendition: &Rendition,
        record: &SegmentRecord,
    ) -> Result<bool, TranscodeError> {
        let closed = self.closed.read().await;
        if *closed {
            return Err(TranscodeError::Cancelled);
        }
        let key = self.segment_key(rendition, record.index);
        self.store
            .copy(&from.recorded_key(rendition, record), &key)
            .await?;
        self.traffic.writes.fetch_add(1, Ordering::Relaxed);
        Ok(self.store.head(&key).await?.size == record.bytes)
    }
}
