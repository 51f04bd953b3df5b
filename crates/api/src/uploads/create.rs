//! `POST /v1/uploads`: creates a video and presigns its upload.

use std::time::Duration;

use api_types::uploads::{CreatedUpload, NewUpload, UploadInstructions};
use axum::Json;
use axum::extract::State;
use catalog::{NewVideo, Upload, UploadKind, Video};
use domain::object_key::{FileName, ObjectKey};
use domain::time::UnixMillis;
use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use platform::clock;

use super::plan::{InvalidUpload, UploadPlan, check_size};
use super::{create_row, signed_request};
use crate::auth::Caller;
use crate::config::ApiConfig;
use crate::error::ApiError;
use crate::extract::Body;
use crate::state::ApiState;
use crate::videos::{metadata, new_video_id};

pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    Body(request): Body<NewUpload>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<CreatedUpload>), ApiError> {
    let content_type = check(&request, &state.config)?;
    let owner = caller.owner_for(request.owner)?;
    let now = clock::now();
    let video = new_video_id(now)?;
    let key = ObjectKey::Source {
        video,
        file_name: FileName::clean(&request.filename),
    };
    let profile = metadata::profile(request.profile, &state.config)?;
    let new = NewVideo {
        id: video,
        owner,
        title: metadata::title(request.title, &request.filename),
        external_id: request.external_id,
        metadata: request.metadata,
        profile,
        mode: request.mode.unwrap_or(state.config.default_mode),
        generate: request.generate,
        file_name: metadata::file_name(&request.filename),
        source_key: Some(key.path()),
        source_size: Some(request.size),
        content_type: Some(content_type.clone()),
    };
    let life = state.config.upload_url_life;
    let expires_ms = now + life;
    let file = File {
        key: &key,
        size: request.size,
        content_type: &content_type,
        life,
        expires_ms,
    };
    let (row, upload) = begin(&state, &new, &file, now).await?;
    tracing::info!(video.id = %video, size = request.size, "created {video}, an upload of {} bytes", request.size);
    let created = CreatedUpload {
        video,
        state: row.state.name(),
        filename: row.source.file_name.unwrap_or_default(),
        size: request.size,
        upload,
        expires_at: expires_ms.into(),
    };
    Ok((
        StatusCode::CREATED,
        [(LOCATION, format!("/v1/uploads/{video}"))],
        Json(created),
    ))
}

/// Creates the catalog row, and a presigned PUT or a multipart upload, by the size of the file.
async fn begin(
    state: &ApiState,
    new: &NewVideo,
    file: &File<'_>,
    now: UnixMillis,
) -> Result<(Video, UploadInstructions), ApiError> {
    let File {
        key,
        size,
        content_type,
        life,
        expires_ms,
    } = *file;
    let Some(plan) = UploadPlan::of(size) else {
        // Signing needs no request to the store, so the row can have its upload from the beginning.
        let request = signed_request(
            state
                .signer
                .presign_put(key, Some(size), content_type, life)
                .await?,
        );
        let upload = Upload {
            kind: UploadKind::Single,
            expires_ms,
        };
        let row = create_row(state, new, Some(&upload), now).await?;
        return Ok((row, UploadInstructions::Single { request }));
    };
    // The row comes first: an upload in the store without a row would be orphaned.
    create_row(state, new, None, now).await?;
    let upload_id = state.signer.create_multipart(key, content_type).await?.0;
    let kind = UploadKind::Multipart {
        upload_id,
        part_bytes: plan.part_bytes,
    };
    let row = state
        .catalog
        .set_upload(new.id, &Upload { kind, expires_ms }, clock::now())
        .await?;
    Ok((
        row,
        UploadInstructions::Multipart {
            part_size: plan.part_bytes,
            parts: plan.parts(),
        },
    ))
}

/// The object to upload and its expiry.
#[derive(Clone, Copy)]
struct File<'a> {
    key: &'a ObjectKey,
    size: u64,
    content_type: &'a str,
    life: Duration,
    expires_ms: UnixMillis,
}

/// Validates the request and returns the content type to store.
fn check(request: &NewUpload, config: &ApiConfig) -> Result<String, InvalidUpload> {
    check_size(request.size, config.max_upload_bytes)?;
    metadata::check(
        request.title.as_deref(),
        request.external_id.as_deref(),
        Some(&request.metadata),
    )?;
    Ok(config.upload_types.check(request.content_type.as_deref())?)
}
