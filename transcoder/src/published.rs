//! Reads back the generation that viewers get: for posters, thumbnails, previews and downloads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use catalog::Catalog;
use domain::content_key::{ContentKey, KeyEncryptionKeys};
use domain::failure::SourceProblem;
use domain::ids::{Generation, VideoId};
use domain::object_key::{ObjectKey, RenditionName, SegmentFormat};
use domain::plan::{Codec, EncodePlan, Rendition, Size};
use domain::segment::{ChunkRecord, SegmentRecord};
use futures::TryStreamExt as _;
use hls::{SegmentDecryptor, initialisation_vector};
use platform::object_store::{ETag, ObjectStoreExt as _, SharedStore, StoreError};

use crate::content_keys::WrappedKeys;
use crate::error::TranscodeError;
use crate::manifest;
use crate::publish::LARGEST_PLAYLIST;
use crate::reused::LARGEST_MANIFEST;

/// Maximum size of a segment, bytes.
const LARGEST_SEGMENT: u64 = 256 << 20;
/// Maximum size of an initialisation section, bytes.
pub(crate) const LARGEST_INIT: u64 = 1 << 20;

/// A published generation: its plan and the records of its segments.
pub(crate) struct Published {
    store: SharedStore,
    keys: WrappedKeys,
    video: VideoId,
    generation: Generation,
    pub(crate) plan: EncodePlan,
    chunks: Vec<ChunkRecord>,
    /// The initialisation sections that were read.
    inits: Mutex<HashMap<(RenditionName, u32), Bytes>>,
    /// The content keys that were read.
    content_keys: Mutex<HashMap<RenditionName, ContentKey>>,
}

impl Published {
    /// Reads plan and records of a generation.
    ///
    /// # Errors
    /// `Verification` if a part of it is missing.
    pub(crate) async fn read(
        store: &SharedStore,
        catalog: &Catalog,
        keys: &Arc<KeyEncryptionKeys>,
        video: VideoId,
        generation: &Generation,
    ) -> Result<Self, TranscodeError> {
        let key = ObjectKey::Manifest {
            video,
            generation: generation.clone(),
        };
        let text = store
            .read_if_present(&key, LARGEST_MANIFEST)
            .await?
            .ok_or_else(|| missing("manifest"))?;
        Ok(Self {
            keys: WrappedKeys::new(
                Arc::clone(store),
                Arc::clone(keys),
                video,
                generation.clone(),
            ),
            plan: manifest::plan_of(&text).ok_or_else(|| missing("plan"))?,
            chunks: catalog.chunks(video, generation).await?,
            inits: Mutex::default(),
            content_keys: Mutex::default(),
            store: Arc::clone(store),
            video,
            generation: generation.clone(),
        })
    }

    /// The rungs with their sizes, the remuxed one first.
    pub(crate) fn rungs(&self) -> impl Iterator<Item = (&Rendition, Size)> {
        let copied = self.plan.copy.rung();
        let copied = copied.map(|it| (&it.rendition, it.size)).into_iter();
        copied.chain(self.plan.rungs.iter().map(|it| (&it.rendition, it.size)))
    }

    /// The largest rung, and of equal ones that of H.264. `AudioOnly` if the source has no video.
    pub(crate) fn best(&self) -> Result<(&Rendition, Size), TranscodeError> {
        let best = self
            .rungs()
            .max_by_key(|(it, size)| (size.short_side(), it.codec == Codec::H264));
        best.ok_or_else(|| SourceProblem::AudioOnly.into())
    }

    /// The smallest rung that is as wide, with its size at this width; the best rung, in its own size, if
    /// none is.
    pub(crate) fn rung_for(&self, width: u32) -> Result<(&Rendition, Size), TranscodeError> {
        let wide_enough = self
            .rungs()
            .filter(|(_, size)| size.width >= width)
            .min_by_key(|(_, size)| size.width);
        match wide_enough {
            Some((rendition, size)) => Ok((rendition, size.with_width(width))),
            None => self.best(),
        }
    }

    /// The segments of a rendition, in order.
    pub(crate) fn segments(
        &self,
        rendition: &Rendition,
    ) -> Result<Vec<&SegmentRecord>, TranscodeError> {
        let mut segments: Vec<&SegmentRecord> = self
            .chunks
            .iter()
            // Chunks of an earlier strategy may have the same rendition in another lane.
            .filter(|it| self.plan.renditions(it.lane).contains(&rendition))
            .flat_map(|it| &it.segments)
            .filter(|it| it.rendition == rendition.name)
            .collect();
        if segments.is_empty() {
            return Err(missing("segment"));
        }
        segments.sort_by_key(|it| it.index);
        Ok(segments)
    }

    /// The content key of a segment; `None`: it is not encrypted.
    async fn key(
        &self,
        rendition: &Rendition,
        index: u32,
    ) -> Result<Option<ContentKey>, TranscodeError> {
        if !self.plan.encrypt {
            return Ok(None);
        }
        let name = self.plan.key_name(rendition, index);
        let known = || {
            self.content_keys
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(key) = known().get(&name).cloned() {
            return Ok(Some(key));
        }
        let key = self.keys.existing(&name).await?;
        known().insert(name, key.clone());
        Ok(Some(key))
    }

    /// Reads the initialisation section of a segment; `None`: its format has none.
    pub(crate) async fn init(
        &self,
        rendition: &Rendition,
        segment: &SegmentRecord,
    ) -> Result<Option<Bytes>, TranscodeError> {
        if rendition.format != SegmentFormat::Fmp4 {
            return Ok(None);
        }
        let name = (rendition.name.clone(), segment.attempt);
        let inits = || self.inits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = inits().get(&name).cloned() {
            return Ok(Some(known));
        }
        let object = ObjectKey::InitSegment {
            video: self.video,
            generation: self.generation.clone(),
            rendition: rendition.name.clone(),
            attempt: segment.attempt,
        };
        let init = self.store.read(&object, LARGEST_INIT).await?;
        inits().insert(name, init.clone());
        Ok(Some(init))
    }

    /// Reads a segment, and decrypts it.
    pub(crate) async fn segment(
        &self,
        rendition: &Rendition,
        segment: &SegmentRecord,
    ) -> Result<Bytes, TranscodeError> {
        let object = ObjectKey::Segment {
            video: self.video,
            generation: self.generation.clone(),
            rendition: rendition.name.clone(),
            index: segment.index,
            attempt: segment.attempt,
            format: rendition.format,
        };
        let bytes = self.store.read(&object, LARGEST_SEGMENT).await?;
        let Some(key) = self.key(rendition, segment.index).await? else {
            return Ok(bytes);
        };
        let vector = initialisation_vector(segment.index.into());
        let clear = SegmentDecryptor::decrypt(key.expose(), vector, &bytes);
        clear
            .map(Bytes::from)
            .map_err(|it| TranscodeError::ContentKey {
                rendition: rendition.name.to_string(),
                reason: it.to_string(),
            })
    }
}

/// The master playlist of a video with its ETag; `None`: it does not exist.
pub(crate) async fn master_playlist(
    store: &SharedStore,
    video: VideoId,
) -> Result<Option<(String, ETag)>, TranscodeError> {
    let body = match store.get(&ObjectKey::Master { video }, None, None).await {
        Ok(body) => body,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(problem) => return Err(problem.into()),
    };
    if body.meta.size > LARGEST_PLAYLIST {
        return Err(TranscodeError::Verification(
            "the master playlist is too large".to_owned(),
        ));
    }
    let chunks: Vec<Bytes> = body.stream.try_collect().await?;
    let text = String::from_utf8_lossy(&chunks.concat()).into_owned();
    Ok(Some((text, body.meta.etag)))
}

/// A part of the generation that plays is missing.
pub(crate) fn missing(what: &str) -> TranscodeError {
    TranscodeError::Verification(format!("the {what} of what plays is not there"))
}
