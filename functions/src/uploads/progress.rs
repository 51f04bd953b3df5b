//! How far an upload is, and the requests of its parts: all that resuming needs.

use axum::Json;
use axum::extract::State;
use domain::ids::VideoId;
use domain::state::StateName;
use platform::catalog::UploadKind;
use platform::object_store::StoreError;
use platform::object_store::uploads::{Part, UploadId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{KnownUpload, SignedRequest};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video};
use crate::openapi::types;
use crate::state::ApiState;
use crate::times::as_rfc3339;

#[derive(Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct UploadView {
    #[schema(value_type = types::VideoId)]
    video: VideoId,
    state: StateName,
    /// Whether the source has arrived.
    complete: bool,
    /// Bytes; `null` where the uploader did not say.
    size: Option<u64>,
    #[serde(flatten)]
    kind: KindView,
    #[serde(rename = "expires_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    expires_ms: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UploadKind)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum KindView {
    Single {
        /// Send this; absent once the source has arrived.
        #[serde(skip_serializing_if = "Option::is_none")]
        request: Option<SignedRequest>,
    },
    Multipart {
        part_size: u64,
        parts: u32,
        /// What the store has; empty once the source has arrived.
        stored: Vec<StoredPart>,
    },
    /// The uploader chooses the parts by himself.
    Open { stored: Vec<StoredPart> },
}

#[derive(Serialize, ToSchema)]
struct StoredPart {
    number: u32,
    size: u64,
    etag: String,
}

impl From<Part> for StoredPart {
    fn from(part: Part) -> Self {
        Self { number: part.number, size: part.size, etag: part.etag.0 }
    }
}

pub(crate) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    Video(id): Video,
) -> Result<Json<UploadView>, ApiError> {
    let upload = KnownUpload::read(&state, &caller, id).await?;
    // The store knows first; the catalog hears of it by the event.
    let complete = !upload.is_open() || is_stored(&state, &upload).await?;
    let kind = match (&upload.kind, complete) {
        (UploadKind::Single, true) => KindView::Single { request: None },
        (UploadKind::Single, false) => {
            let life = upload.life_left()?;
            let request = state.signer.presign_put(&upload.key, upload.size, upload.content_type(), life).await?;
            KindView::Single { request: Some(request.into()) }
        }
        (UploadKind::Multipart { .. }, complete) => {
            let (id, plan) = upload.multipart()?;
            let stored = match complete {
                true => Vec::new(),
                false => upload.stored_parts(&state, &id).await?.into_iter().map(StoredPart::from).collect(),
            };
            KindView::Multipart { part_size: plan.part_bytes, parts: plan.parts(), stored }
        }
        (UploadKind::Open { .. }, true) => KindView::Open { stored: Vec::new() },
        (UploadKind::Open { upload_id }, false) => {
            let stored = upload.stored_parts(&state, &UploadId(upload_id.clone())).await?;
            KindView::Open { stored: stored.into_iter().map(StoredPart::from).collect() }
        }
    };
    Ok(Json(UploadView {
        video: id,
        state: upload.video.state.name(),
        complete,
        size: upload.size,
        kind,
        expires_ms: upload.expires_ms,
    }))
}

/// Whether the object is there.
pub(super) async fn is_stored(state: &ApiState, upload: &KnownUpload) -> Result<bool, ApiError> {
    match state.store.head(&upload.key).await {
        Ok(meta) => Ok(upload.size.is_none_or(|it| it == meta.size)),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedParts {
    numbers: Vec<u32>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct SignedParts {
    parts: Vec<SignedPart>,
    #[serde(rename = "expires_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    expires_ms: u64,
}

#[derive(Serialize, ToSchema)]
struct SignedPart {
    number: u32,
    size: u64,
    request: SignedRequest,
}

/// Most parts to sign at once.
const PARTS_AT_ONCE: usize = 100;

pub(crate) async fn presign_parts(
    State(state): State<ApiState>,
    caller: Caller,
    Video(id): Video,
    Body(wanted): Body<WantedParts>,
) -> Result<Json<SignedParts>, ApiError> {
    let upload = KnownUpload::read(&state, &caller, id).await?;
    let (upload_id, plan) = upload.multipart()?;
    if !upload.is_open() {
        return Err(ApiError::UploadComplete);
    }
    if !(1..=PARTS_AT_ONCE).contains(&wanted.numbers.len()) {
        return Err(ApiError::Invalid(format!("`numbers`: ask for 1 to {PARTS_AT_ONCE} parts at once")));
    }
    let life = upload.life_left()?;
    let mut parts = Vec::with_capacity(wanted.numbers.len());
    for number in wanted.numbers {
        if !plan.numbers().contains(&number) {
            return Err(ApiError::Invalid(format!("`numbers`: {number} is no part; they are 1 to {}", plan.parts())));
        }
        let size = plan.bytes_of(number);
        let request = state.signer.presign_part(&upload.key, &upload_id, number, Some(size), life).await?.into();
        parts.push(SignedPart { number, size, request });
    }
    Ok(Json(SignedParts { parts, expires_ms: upload.expires_ms }))
}
