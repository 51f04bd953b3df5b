//! Uploads: the API plans and completes them; clients send the bytes to the store.
//!
//! The bytes never pass through the API. A source becomes a job when the upload is completed, or by the store's event;
//! both create the same job.

pub(crate) mod create;
pub(crate) mod error;
pub(crate) mod finish;
pub mod plan;
pub(crate) mod progress;
pub(crate) mod uppy;

use std::time::Duration;

use api_types::uploads::SignedRequest;
use catalog::{NewVideo, OwnerLimits, TracedWork, Upload, UploadKind, Video};
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey};
use domain::state::{StateName, VideoState};
use domain::time::UnixMillis;
use platform::clock;
use platform::object_store::StoreError;
use platform::object_store::uploads::{Part, PresignedRequest, UploadId};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::videos;
use error::UploadError;
use plan::UploadPlan;

/// A presigned request in responses.
pub(crate) fn signed_request(request: PresignedRequest) -> SignedRequest {
    SignedRequest {
        method: request.method,
        url: request.url,
        headers: request.headers.into_iter().collect(),
    }
}

/// An upload in the catalog, with data derived from its row.
pub(crate) struct KnownUpload {
    pub(crate) video: Video,
    pub(crate) key: ObjectKey,
    /// Size in bytes, if it was announced.
    pub(crate) size: Option<u64>,
    pub(crate) kind: UploadKind,
    /// Expiry.
    pub(crate) expires_ms: UnixMillis,
}

/// Creates the catalog row of a video to be uploaded, with its upload if that is known already.
/// Callers with an owner have quotas.
///
/// # Errors
/// `TooManyUploads`, `OverQuota`.
pub(crate) async fn create_row(
    state: &ApiState,
    new: &NewVideo,
    upload: Option<&Upload>,
    now: UnixMillis,
) -> Result<Video, ApiError> {
    let limits = if new.owner.is_some() {
        state.config.owner_limits
    } else {
        OwnerLimits::default()
    };
    let video = state
        .catalog
        .create_upload(new, upload, &limits, now)
        .await?;
    state.keep_trace(video.id, TracedWork::VIDEO).await;
    Ok(video)
}

impl KnownUpload {
    /// Reads the upload of a video for a caller; videos that were not uploaded through the API have none.
    pub(crate) async fn read(
        state: &ApiState,
        caller: &Caller,
        id: VideoId,
    ) -> Result<Self, ApiError> {
        let video = videos::existing(state, caller, id).await?;
        let not_uploaded = || ApiError::conflict("this video was not uploaded through the API");
        let upload = video.upload.clone().ok_or_else(not_uploaded)?;
        let key = video
            .source
            .key
            .as_deref()
            .and_then(|it| ObjectKey::parse(Bucket::Private, it));
        let key = key.ok_or_else(not_uploaded)?;
        let size = video.source.size;
        Ok(Self {
            video,
            key,
            size,
            kind: upload.kind,
            expires_ms: upload.expires_ms,
        })
    }

    /// The id and plan of a multipart upload.
    pub(crate) fn multipart(&self) -> Result<(UploadId, UploadPlan), ApiError> {
        match (&self.kind, self.size) {
            (
                UploadKind::Multipart {
                    upload_id,
                    part_bytes,
                },
                Some(size),
            ) => Ok((
                UploadId(upload_id.clone()),
                UploadPlan {
                    size,
                    part_bytes: *part_bytes,
                },
            )),
            (UploadKind::Open { .. }, _) => {
                Err(UploadError::NotMultipart("the client chooses the parts of this upload").into())
            }
            (UploadKind::Single | UploadKind::Multipart { .. }, _) => Err(
                UploadError::NotMultipart("this upload is a single request without parts").into(),
            ),
        }
    }

    /// The parts that the store has.
    pub(crate) async fn stored_parts(
        &self,
        state: &ApiState,
        id: &UploadId,
    ) -> Result<Vec<Part>, ApiError> {
        match state.signer.list_parts(&self.key, id).await {
            Ok(parts) => Ok(parts),
            Err(StoreError::NotFound { .. }) => Err(UploadError::Gone.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the upload is still in progress.
    pub(crate) fn is_open(&self) -> bool {
        matches!(
            self.video.state,
            VideoState::Created | VideoState::Uploading
        )
    }

    /// Sends the job of a source that has arrived and returns the state of its video. A job that was sent before is not
    /// sent again.
    pub(crate) async fn start_work(&self, state: &ApiState) -> Result<StateName, ApiError> {
        match self.video.state {
            VideoState::Created | VideoState::Uploading | VideoState::Queued => {}
            VideoState::Stored
            | VideoState::Processing
            | VideoState::Playable
            | VideoState::Ready { .. }
            | VideoState::Failed(_)
            | VideoState::Cancelled
            | VideoState::Deleted => return Ok(self.video.state.name()),
        }
        state
            .ingest
            .ingest_stored(&self.key, self.size, clock::now())
            .await?;
        Ok(state.catalog.get_video(self.video.id).await?.state.name())
    }

    /// The lifetime of URLs that are signed now; an error if the upload has expired.
    pub(crate) fn life_left(&self) -> Result<Duration, ApiError> {
        let left = self.expires_ms.since(clock::now());
        // Lifetimes of URLs are in whole seconds.
        if left < Duration::from_secs(1) {
            Err(UploadError::Gone.into())
        } else {
            Ok(left)
        }
    }

    pub(crate) fn content_type(&self) -> &str {
        self.video
            .source
            .content_type
            .as_deref()
            .unwrap_or(config::ANY_TYPE)
    }
}
