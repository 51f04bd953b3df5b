//! Content keys of a job: created once, found again by a later attempt.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::content_key::{ContentKey, KeyEncryptionKeys};
use domain::ids::{Generation, VideoId};
use domain::object_key::{ObjectKey, RenditionName};
use platform::object_store::{ObjectStoreExt as _, PutCondition, SharedStore, StoreError};

use tokio::sync::Mutex;

use crate::error::TranscodeError;

/// A store of content keys.
#[async_trait]
pub(crate) trait ContentKeyStore: Send + Sync {
    /// A key of a rendition by its name: the existing one, or a new one.
    async fn content_key(
        &self,
        rendition: &RenditionName,
        key: &RenditionName,
    ) -> Result<ContentKey, TranscodeError>;
}

/// The keys of one rendition, which take turns.
#[derive(Clone)]
pub(crate) struct RenditionKeys(Arc<Turns>);

struct Turns {
    source: Arc<dyn ContentKeyStore>,
    rendition: RenditionName,
    known: Mutex<HashMap<RenditionName, ContentKey>>,
}

impl RenditionKeys {
    /// The keys of `rendition` in a store.
    pub(crate) fn new(source: Arc<dyn ContentKeyStore>, rendition: RenditionName) -> Self {
        Self(Arc::new(Turns {
            source,
            rendition,
            known: Mutex::default(),
        }))
    }

    /// The key with this name. Each is read or made once.
    pub(crate) async fn key(&self, name: &RenditionName) -> Result<ContentKey, TranscodeError> {
        let mut known = self.0.known.lock().await;
        if let Some(key) = known.get(name) {
            return Ok(key.clone());
        }
        let key = self.0.source.content_key(&self.0.rendition, name).await?;
        known.insert(name.clone(), key.clone());
        Ok(key)
    }
}

/// Maximum size of a wrapped key, bytes: it has a few hundred.
const LARGEST_DOCUMENT: u64 = 16 << 10;

/// Keys in the private bucket, wrapped: clear keys exist only in memory.
pub(crate) struct WrappedKeys {
    store: SharedStore,
    keys: Arc<KeyEncryptionKeys>,
    video: VideoId,
    generation: Generation,
}

impl WrappedKeys {
    /// The keys of one generation.
    pub(crate) fn new(
        store: SharedStore,
        keys: Arc<KeyEncryptionKeys>,
        video: VideoId,
        generation: Generation,
    ) -> Self {
        Self {
            store,
            keys,
            video,
            generation,
        }
    }

    /// An existing key.
    pub(crate) async fn existing(&self, key: &RenditionName) -> Result<ContentKey, TranscodeError> {
        let object = self.object(key);
        let body = self.store.read(&object, LARGEST_DOCUMENT).await?;
        self.keys
            .unwrap(&body, &object)
            .map_err(|it| TranscodeError::ContentKey {
                rendition: key.to_string(),
                reason: it.to_string(),
            })
    }

    /// Stores the key of another generation as that of this one: rewrapped, since a wrapped key is
    /// bound to its path.
    pub(crate) async fn copy_key(
        &self,
        key: &RenditionName,
        from: &Self,
    ) -> Result<ContentKey, TranscodeError> {
        self.keep(key, from.existing(key).await?).await
    }

    /// Stores a key, unless there is one.
    async fn keep(
        &self,
        name: &RenditionName,
        key: ContentKey,
    ) -> Result<ContentKey, TranscodeError> {
        let object = self.object(name);
        let body = Bytes::from(self.keys.wrap(&key, &object, random()?));
        // Write-once: a key with which segments were encrypted is never replaced.
        match self.store.put(&object, body, PutCondition::Absent).await {
            Ok(_) => Ok(key),
            Err(StoreError::ConditionFailed { .. }) => self.existing(name).await,
            Err(error) => Err(error.into()),
        }
    }

    fn object(&self, key: &RenditionName) -> ObjectKey {
        ObjectKey::ContentKey {
            video: self.video,
            generation: self.generation.clone(),
            key: key.clone(),
        }
    }
}

#[async_trait]
impl ContentKeyStore for WrappedKeys {
    async fn content_key(
        &self,
        _rendition: &RenditionName,
        key: &RenditionName,
    ) -> Result<ContentKey, TranscodeError> {
        self.keep(key, ContentKey::new(random()?)).await
    }
}

/// Clear keys beside their playlists, for local runs.
pub(crate) struct ClearKeys {
    folder: std::path::PathBuf,
}

impl ClearKeys {
    /// `folder`: the directory of the generation.
    pub(crate) fn new(folder: std::path::PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl ContentKeyStore for ClearKeys {
    async fn content_key(
        &self,
        rendition: &RenditionName,
        key: &RenditionName,
    ) -> Result<ContentKey, TranscodeError> {
        let bytes: [u8; 16] = random()?;
        let folder = self.folder.join(rendition.as_str());
        let io = |source| TranscodeError::Io {
            doing: "could not write a key file".to_owned(),
            source,
        };
        tokio::fs::create_dir_all(&folder).await.map_err(io)?;
        tokio::fs::write(folder.join(format!("{key}.key")), bytes)
            .await
            .map_err(io)?;
        Ok(ContentKey::new(bytes))
    }
}

fn random<const N: usize>() -> Result<[u8; N], TranscodeError> {
    let mut bytes = [0; N];
    let io = |it| TranscodeError::Io {
        doing: "the system has no randomness".to_owned(),
        source: std::io::Error::other(it),
    };
    getrandom::fill(&mut bytes).map_err(io)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
