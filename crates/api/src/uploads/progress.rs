//! The progress of an upload and presigned parts: everything for resuming.

use axum::Json;
use axum::extract::State;
use catalog::UploadKind;
use domain::ids::VideoId;
use domain::state::StateName;
use platform::object_store::StoreError;
use platform::object_store::uploads::{Part, UploadId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::UploadError;
use super::plan::UploadPlan;
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
    /// Size in bytes; `null` if the client did not announce it.
    size: Option<u64>,
    kind: Kind,
    /// The request to send; only for `single`, until the source has arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<SignedRequest>,
    /// Size of a part in bytes; only for `multipart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    part_size: Option<u64>,
    /// Number of parts; only for `multipart`.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<u32>,
    /// The parts that the store has, empty once the source has arrived; absent for `single`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<Vec<StoredPart>>,
    #[serde(rename = "expires_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    expires_ms: u64,
}

/// How the bytes are uploaded.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadKind)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// In one request.
    Single,
    /// In parts of one size.
    Multipart,
    /// In parts whose size the client chooses.
    Open,
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
    // The store has the source before the catalog learns of it by the event.
    let complete = !upload.is_open() || is_stored(&state, &upload).await?;
    let (kind, plan, parts_of) = match &upload.kind {
        UploadKind::Single => (Kind::Single, None, None),
        UploadKind::Multipart { .. } => {
            let (id, plan) = upload.multipart()?;
            (Kind::Multipart, Some(plan), Some(id))
        }
        UploadKind::Open { upload_id } => (Kind::Open, None, Some(UploadId(upload_id.clone()))),
    };
    let stored = match &parts_of {
        Some(_) if complete => Some(Vec::new()),
        Some(id) => Some(upload.stored_parts(&state, id).await?.into_iter().map(StoredPart::from).collect()),
        None => None,
    };
    let request = match (&parts_of, complete) {
        (None, false) => {
            let life = upload.life_left()?;
            let request = state.signer.presign_put(&upload.key, upload.size, upload.content_type(), life).await?;
            Some(request.into())
        }
        (_, _) => None,
    };
    Ok(Json(UploadView {
        video: id,
        state: upload.video.state.name(),
        complete,
        size: upload.size,
        kind,
        request,
        part_size: plan.as_ref().map(|it| it.part_bytes),
        parts: plan.as_ref().map(UploadPlan::parts),
        stored,
        expires_ms: upload.expires_ms,
    }))
}

/// Whether the object is in the store.
pub(super) async fn is_stored(state: &ApiState, upload: &KnownUpload) -> Result<bool, ApiError> {
    match state.store.head(&upload.key).await {
        Ok(meta) => Ok(upload.size.is_none_or(|it| it == meta.size)),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartsRequest {
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

/// Maximum number of parts per request.
const PARTS_AT_ONCE: usize = 100;

pub(crate) async fn presign_parts(
    State(state): State<ApiState>,
    caller: Caller,
    Video(id): Video,
    Body(wanted): Body<PartsRequest>,
) -> Result<Json<SignedParts>, ApiError> {
    let upload = KnownUpload::read(&state, &caller, id).await?;
    let (upload_id, plan) = upload.multipart()?;
    if !upload.is_open() {
        return Err(UploadError::Complete.into());
    }
    if !(1..=PARTS_AT_ONCE).contains(&wanted.numbers.len()) {
        return Err(ApiError::invalid(format!("`numbers`: request 1 to {PARTS_AT_ONCE} parts at a time")));
    }
    let life = upload.life_left()?;
    let mut parts = Vec::with_capacity(wanted.numbers.len());
    for number in wanted.numbers {
        if !plan.numbers().contains(&number) {
            return Err(ApiError::invalid(format!(
                "`numbers`: there is no part {number}; parts are 1 to {}",
                plan.parts()
            )));
        }
        let size = plan.bytes_of(number);
        let request = state.signer.presign_part(&upload.key, &upload_id, number, Some(size), life).await?.into();
        parts.push(SignedPart { number, size, request });
    }
    Ok(Json(SignedParts { parts, expires_ms: upload.expires_ms }))
}
