//! Content keys of a job: created once per rendition, found again by a later attempt.

use async_trait::async_trait;
use bytes::Bytes;
use domain::content_key::{ContentKey, KeyEncryptionKeys};
use domain::ids::{Generation, VideoId};
use domain::object_key::{ObjectKey, RenditionName};
use platform::object_store::{ObjectStoreExt as _, PutCondition, SharedStore, StoreError};

use crate::error::TranscodeError;

/// A store of content keys.
#[async_trait]
pub(crate) trait ContentKeyStore: Send + Sync {
    /// The key of a rendition: the existing one, or a new one.
    async fn content_key(&self, rendition: &RenditionName) -> Result<ContentKey, TranscodeError>;
}

/// Maximum size of a wrapped key, bytes: it has a few hundred.
const LARGEST_DOCUMENT: u64 = 16 << 10;

/// Keys in the private bucket, wrapped: clear keys exist only in memory.
pub(crate) struct WrappedKeys {
    store: SharedStore,
    keys: std::sync::Arc<KeyEncryptionKeys>,
    video: VideoId,
    generation: Generation,
}

impl WrappedKeys {
    /// The keys of one generation.
    pub(crate) fn new(
        store: SharedStore,
        keys: std::sync::Arc<KeyEncryptionKeys>,
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

    /// The existing key of a rendition.
    pub(crate) async fn existing(
        &self,
        rendition: &RenditionName,
    ) -> Result<ContentKey, TranscodeError> {
        let object = self.object(rendition);
        let body = self.store.read(&object, LARGEST_DOCUMENT).await?;
        self.keys
            .unwrap(&body, &object)
            .map_err(|it| TranscodeError::ContentKey {
                rendition: rendition.to_string(),
                reason: it.to_string(),
            })
    }

    /// Stores the key of another generation as that of this one: rewrapped, since a wrapped key is
    /// bound to its path.
    pub(crate) async fn copy_key(
        &self,
        rendition: &RenditionName,
        from: &Self,
    ) -> Result<ContentKey, TranscodeError> {
        self.keep(rendition, from.existing(rendition).await?).await
    }

    /// Stores a key, unless there is one.
    async fn keep(
        &self,
        rendition: &RenditionName,
        key: ContentKey,
    ) -> Result<ContentKey, TranscodeError> {
        let object = self.object(rendition);
        let body = Bytes::from(self.keys.wrap(&key, &object, random()?));
        // Write-once: a key with which segments were encrypted is never replaced.
        match self.store.put(&object, body, PutCondition::Absent).await {
            Ok(_) => Ok(key),
            Err(StoreError::ConditionFailed { .. }) => self.existing(rendition).await,
            Err(error) => Err(error.into()),
        }
    }

    fn object(&self, rendition: &RenditionName) -> ObjectKey {
        ObjectKey::ContentKey {
            video: self.video,
            generation: self.generation.clone(),
            key: rendition.clone(),
        }
    }
}

#[async_trait]
impl ContentKeyStore for WrappedKeys {
    async fn content_key(&self, rendition: &RenditionName) -> Result<ContentKey, TranscodeError> {
        self.keep(rendition, ContentKey::new(random()?)).await
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
    async fn content_key(&self, rendition: &RenditionName) -> Result<ContentKey, TranscodeError> {
        let bytes: [u8; 16] = random()?;
        let folder = self.folder.join(rendition.as_str());
        let io = |source| TranscodeError::Io {
            doing: "could not write a key file".to_owned(),
            source,
        };
        tokio::fs::create_dir_all(&folder).await.map_err(io)?;
        tokio::fs::write(folder.join(format!("{rendition}.key")), bytes)
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
