//! The progress of an upload and presigned parts: everything for resuming.

use api_types::uploads::{
    PartsRequest, SignedPart, SignedParts, StoredPart, Upload as UploadView, UploadKind as Kind,
};
use axum::Json;
use axum::extract::State;
use catalog::UploadKind;
use platform::object_store::StoreError;
use platform::object_store::uploads::{Part, UploadId};

use super::error::UploadError;
use super::plan::UploadPlan;
use super::{KnownUpload, signed_request};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video};
use crate::state::ApiState;

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
        Some(id) => Some(
            upload
                .stored_parts(&state, id)
                .await?
                .into_iter()
                .map(stored_part)
                .collect(),
        ),
        None => None,
    };
    let request = match (&parts_of, complete) {
        (None, false) => {
            let life = upload.life_left()?;
            let request = state
                .signer
                .presign_put(&upload.key, upload.size, upload.content_type(), life)
                .await?;
            Some(signed_request(request))
        }
        (_, _) => None,
    };
    Ok(Json(UploadView {
        video: id,
        state: upload.video.state.name(),
        complete,
        size: upload.size,
        kind: kind.into(),
        request,
        part_size: plan.as_ref().map(|it| it.part_bytes),
        parts: plan.as_ref().map(UploadPlan::parts),
        stored,
        expires_at: upload.expires_ms.into(),
    }))
}

fn stored_part(part: Part) -> StoredPart {
    StoredPart {
        number: part.number,
        size: part.size,
        etag: part.etag.0,
    }
}

/// Whether the object is in the store.
pub(super) async fn is_stored(state: &ApiState, upload: &KnownUpload) -> Result<bool, ApiError> {
    match state.store.head(&upload.key).await {
        Ok(meta) => Ok(upload.size.is_none_or(|it| it == meta.size)),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
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
        return Err(ApiError::invalid(format!(
            "`numbers`: request 1 to {PARTS_AT_ONCE} parts at a time"
        )));
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
        let request = state
            .signer
            .presign_part(&upload.key, &upload_id, number, Some(size), life)
            .await?;
        parts.push(SignedPart {
            number,
            size,
            request: signed_request(request),
        });
    }
    Ok(Json(SignedParts {
        parts,
        expires_at: upload.expires_ms.into(),
    }))
}
