//! A catalog and a queue in SQLite, and jobs for them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use catalog::SqlQueue;
use catalog::{Catalog, Claim, ClaimOutcome};
use domain::content_key::KeyEncryptionKeys;
use domain::ids::Generation;
use domain::job::{Job, JobReason, Mode, Source};
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::time::UnixMillis;
use platform::clock;
use platform::job_queue::{QueueName, SharedQueue};
use platform::object_store::uploads::{
    Part, PresignedRequest, UnfinishedUpload, UploadId, UploadSigner,
};
use platform::object_store::{ETag, StoreError};

use super::video;

/// Longer than a test takes.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// Deliveries before a message is a dead letter.
pub(crate) const DELIVERIES: u32 = 3;

pub(crate) struct Services {
    pub(crate) catalog: Catalog,
    pub(crate) queue: SharedQueue,
}

impl Services {
    pub(crate) async fn new(folder: &Path) -> Self {
        let database = catalog::database::open_sqlite(&folder.join("edgereel.db"))
            .await
            .unwrap();
        let queue = SqlQueue::new(&database, QueueName::Interactive, DELIVERIES, "worker");
        Self {
            catalog: Catalog::new(&database),
            queue: Arc::new(queue),
        }
    }

    /// Notes a job, as the event of its source does.
    pub(crate) async fn note(&self, job: &Job) {
        self.catalog
            .note_upload_event(job, clock::now())
            .await
            .unwrap();
    }

    pub(crate) async fn claim(&self, job: &Job, generation: &Generation) -> Claim {
        self.claim_for(job, generation, LEASE, clock::now()).await
    }

    /// Claims what must be free.
    pub(crate) async fn claim_for(
        &self,
        job: &Job,
        generation: &Generation,
        lease: Duration,
        now: UnixMillis,
    ) -> Claim {
        match self
            .catalog
            .claim(job, generation, "worker", lease, now)
            .await
            .unwrap()
        {
            ClaimOutcome::Claimed(claim) => claim,
            other => panic!("the job should be free, but is {other:?}"),
        }
    }
}

/// The job on a source with this entity tag.
pub(crate) fn job(etag: &str, size: u64) -> Job {
    let key = source_key().path();
    let source = Source {
        bucket: "private".to_owned(),
        key,
        etag: etag.to_owned(),
        size,
    };
    Job::new(video(), source, "default", Mode::Abr, JobReason::Upload)
}

/// Where the source of all tests is.
pub(crate) fn source_key() -> ObjectKey {
    ObjectKey::Source {
        video: video(),
        file_name: "film.mp4".to_owned().try_into().unwrap(),
    }
}

/// Keys that wrap content keys; each digit gives others.
pub(crate) fn wrapping_keys(digit: u8) -> Arc<KeyEncryptionKeys> {
    // 32 bytes in base64: 43 digits and a sign.
    let text = format!(
        "k{digit}:{}=",
        "AEIMQUYcgk"[usize::from(digit % 10)..][..1].repeat(43)
    );
    Arc::new(KeyEncryptionKeys::parse(&text).unwrap())
}

fn refused(key: &ObjectKey) -> StoreError {
    StoreError::Refused {
        path: key.path(),
        code: "NotImplemented".to_owned(),
    }
}

/// A store that takes nothing in parts.
pub(crate) struct NoUploads;

#[async_trait]
impl UploadSigner for NoUploads {
    async fn presign_put(
        &self,
        key: &ObjectKey,
        _size: Option<u64>,
        _content_type: &str,
        _expires: Duration,
    ) -> Result<PresignedRequest, StoreError> {
        Err(refused(key))
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        _file_name: Option<&str>,
        _expires: Duration,
    ) -> Result<PresignedRequest, StoreError> {
        Err(refused(key))
    }

    async fn create_multipart(
        &self,
        key: &ObjectKey,
        _content_type: &str,
    ) -> Result<UploadId, StoreError> {
        Err(refused(key))
    }

    async fn presign_part(
        &self,
        key: &ObjectKey,
        _upload: &UploadId,
        _number: u32,
        _size: Option<u64>,
        _expires: Duration,
    ) -> Result<PresignedRequest, StoreError> {
        Err(refused(key))
    }

    async fn put_part(
        &self,
        key: &ObjectKey,
        _: &UploadId,
        _: u32,
        _: Bytes,
    ) -> Result<ETag, StoreError> {
        Err(refused(key))
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        _upload: &UploadId,
    ) -> Result<Vec<Part>, StoreError> {
        Err(refused(key))
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        _: &UploadId,
        _: &[Part],
    ) -> Result<ETag, StoreError> {
        Err(refused(key))
    }

    async fn abort_multipart(
        &self,
        _key: &ObjectKey,
        _upload: &UploadId,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn list_unfinished(
        &self,
        _prefix: &ObjectPrefix,
    ) -> Result<Vec<UnfinishedUpload>, StoreError> {
        Ok(vec![])
    }
}
