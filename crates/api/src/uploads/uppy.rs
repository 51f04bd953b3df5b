//! Uploads with the unmodified Uppy plugin `@uppy/aws-s3`, with `.../v1` of this API as its `companionEndpoint`.
//!
//! The protocol is that of Companion: <https://uppy.io/docs/aws-s3/>. It does not announce the size; a page that sets
//! the metadata `size` (and `part_size`, if it uses its own `getChunkSize`) gets requests that are signed for exactly
//! these sizes. Otherwise sizes are checked when the upload is completed. R2 does not support POST policies, which
//! newer versions of Uppy use for small files: set `shouldUseMultipart: true`.

use std::collections::{BTreeMap, HashMap};

use api_types::Metadata;
use api_types::uppy::{
    UppyAborted, UppyFile, UppyKey, UppyLocation, UppyPart, UppyPartUrl, UppyPut, UppySentParts,
    UppyUpload,
};
use axum::Json;
use axum::extract::State;
use catalog::{NewVideo, Upload, UploadKind};
use domain::job::Generate;
use domain::object_key::{Bucket, FileName, ObjectKey};
use domain::state::{VideoEvent, VideoState};
use http::HeaderMap;
use platform::clock;
use platform::object_store::uploads::{MAX_PART_BYTES, MAX_PARTS, MIN_PART_BYTES, UploadId};

use super::error::UploadError;
use super::finish::open;
use super::plan::{InvalidUpload, UploadPlan, check_size};
use super::{KnownUpload, create_row, progress};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, PathParams, QueryParams};
use crate::state::ApiState;
use crate::videos::{existing_or_deleted, metadata, new_video_id, remove_all_objects};

/// Uppy before version 6, which sends a file in one PUT, sends this header. Later versions send a form (a POST policy)
/// and no header.
const UPPY_VERSIONS: &str = "uppy-versions";

/// `GET /v1/s3/params`: presigns one PUT for a whole file. Rejects Uppy versions that would not use it.
pub(crate) async fn params(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    QueryParams(query): QueryParams<HashMap<String, String>>,
) -> Result<Json<UppyPut>, ApiError> {
    if !headers.contains_key(UPPY_VERSIONS) {
        return Err(UploadError::MultipartRequired.into());
    }
    let (key, content_type, size) = create(&state, &caller, file_of(query)?).await?;
    note(&state, &key, UploadKind::Single).await?;
    let life = state.config.upload_url_life;
    let request = state
        .signer
        .presign_put(&key, size, &content_type, life)
        .await?;
    // Browsers set the length themselves and warn about scripts that set it.
    let headers = request
        .headers
        .into_iter()
        .filter(|it| !it.0.eq_ignore_ascii_case("content-length"));
    Ok(Json(UppyPut {
        method: "PUT".to_owned(),
        url: request.url.into(),
        headers: headers.collect(),
        fields: BTreeMap::new(),
        expires: life.as_secs(),
    }))
}

/// `POST /v1/s3/multipart`: starts a multipart upload.
pub(crate) async fn begin(
    State(state): State<ApiState>,
    caller: Caller,
    Body(file): Body<UppyFile>,
) -> Result<Json<UppyUpload>, ApiError> {
    // The row comes first: an upload without a row would be orphaned.
    let (key, content_type, _) = create(&state, &caller, file).await?;
    let upload_id = state.signer.create_multipart(&key, &content_type).await?.0;
    note(
        &state,
        &key,
        UploadKind::Open {
            upload_id: upload_id.clone(),
        },
    )
    .await?;
    Ok(Json(UppyUpload {
        key: key.path(),
        upload_id,
    }))
}

/// Creates the row of a video; returns the key, content type and, if known, size of its source.
async fn create(
    state: &ApiState,
    caller: &Caller,
    file: UppyFile,
) -> Result<(ObjectKey, String, Option<u64>), ApiError> {
    let size = bytes(&file.metadata, "size");
    match size {
        Some(size) => check_size(size, state.config.max_upload_bytes)?,
        None if state.config.require_sizes => {
            return Err(ApiError::invalid(
                "`metadata.size`: send the size of the file in bytes",
            ));
        }
        None => {}
    }
    let content_type = state
        .config
        .upload_types
        .check(file.content_type.as_deref())
        .map_err(InvalidUpload::from)?;
    let text = |name: &str| {
        file.metadata
            .get(name)
            .and_then(|it| it.as_str())
            .map(str::to_owned)
    };
    let title = metadata::title(text("title").or_else(|| text("name")), &file.filename);
    let external_id = text("external_id");
    metadata::check(
        title.as_deref(),
        external_id.as_deref(),
        Some(&file.metadata),
    )?;
    let profile = metadata::profile(text("profile"), &state.config)?;
    let generate = generate_of(text("generate").as_deref())?;
    let now = clock::now();
    let video = new_video_id(now)?;
    let key = ObjectKey::Source {
        video,
        file_name: FileName::clean(&file.filename),
    };
    let new = NewVideo {
        id: video,
        owner: caller.owner_for_new(),
        title,
        external_id,
        metadata: file.metadata,
        profile,
        mode: state.config.default_mode,
        generate,
        file_name: metadata::file_name(&file.filename),
        source_key: Some(key.path()),
        source_size: size,
        content_type: Some(content_type.clone()),
    };
    create_row(state, &new, None, now).await?;
    tracing::info!(video.id = %video, "created {video}, an upload by Uppy");
    Ok((key, content_type, size))
}

/// When the video is made, by the metadata `generate`.
fn generate_of(word: Option<&str>) -> Result<Generate, ApiError> {
    match word {
        None => Ok(Generate::default()),
        Some(word) => [Generate::OnUpload, Generate::OnFirstView]
            .into_iter()
            .find(|it| it.as_str() == word)
            .ok_or_else(|| {
                ApiError::invalid("`metadata.generate`: use `on_upload` or `on_first_view`")
            }),
    }
}

/// A number of bytes in the metadata; it is text if it was in a query.
fn bytes(metadata: &Metadata, name: &str) -> Option<u64> {
    let value = metadata.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The parts of a file with a known size: Uppy uses 5 MiB, or more if there were more than 10,000 parts, unless the
/// page sets another size.
fn plan(upload: &KnownUpload) -> Option<UploadPlan> {
    let size = upload.size?;
    let least = size.div_ceil(u64::from(MAX_PARTS)).max(MIN_PART_BYTES);
    let chosen = bytes(&upload.video.metadata, "part_size")
        .filter(|it| (least..=MAX_PART_BYTES).contains(it));
    Some(UploadPlan {
        size,
        part_bytes: chosen.unwrap_or(least),
    })
}

/// Records the upload of a video.
async fn note(state: &ApiState, key: &ObjectKey, kind: UploadKind) -> Result<(), ApiError> {
    let (now, life) = (clock::now(), state.config.upload_url_life);
    state
        .catalog
        .set_upload(
            key.video(),
            &Upload {
                kind,
                expires_ms: now + life,
            },
            now,
        )
        .await?;
    Ok(())
}

/// The upload of a path and a key, which must belong together.
async fn existing_upload(
    state: &ApiState,
    caller: &Caller,
    upload_id: &str,
    key: &str,
) -> Result<(KnownUpload, UploadId), ApiError> {
    let Some(key @ ObjectKey::Source { .. }) = ObjectKey::parse(Bucket::Private, key) else {
        return Err(UploadError::Gone.into());
    };
    let upload = KnownUpload::read(state, caller, key.video()).await?;
    match &upload.kind {
        UploadKind::Open { upload_id: known } if known == upload_id && upload.key == key => {
            let id = UploadId(known.clone());
            Ok((upload, id))
        }
        _ => Err(UploadError::Gone.into()),
    }
}

/// `GET /v1/s3/multipart/{id}`: the parts that the store has.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams(upload_id): PathParams<String>,
    QueryParams(UppyKey { key }): QueryParams<UppyKey>,
) -> Result<Json<Vec<UppyPart>>, ApiError> {
    let (upload, id) = existing_upload(&state, &caller, &upload_id, &key).await?;
    let parts = upload.stored_parts(&state, &id).await?;
    let view = parts.into_iter().map(|part| UppyPart {
        part_number: part.number,
        size: part.size,
        etag: format!("\"{}\"", part.etag.0),
    });
    Ok(Json(view.collect()))
}

/// `GET /v1/s3/multipart/{id}/{number}`: presigns one part.
pub(crate) async fn sign(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams((upload_id, number)): PathParams<(String, u32)>,
    QueryParams(UppyKey { key }): QueryParams<UppyKey>,
) -> Result<Json<UppyPartUrl>, ApiError> {
    if !(1..=MAX_PARTS).contains(&number) {
        return Err(ApiError::malformed(format!(
            "parts are numbered from 1 to {MAX_PARTS}"
        )));
    }
    let (upload, id) = existing_upload(&state, &caller, &upload_id, &key).await?;
    if !upload.is_open() {
        return Err(UploadError::Complete.into());
    }
    let size = match plan(&upload) {
        Some(plan) if !plan.numbers().contains(&number) => {
            let parts = plan.parts();
            return Err(ApiError::invalid(format!(
                "a file of {} bytes has parts 1 to {parts}",
                plan.size
            )));
        }
        plan => plan.map(|it| it.bytes_of(number)),
    };
    let life = upload.life_left()?;
    let request = state
        .signer
        .presign_part(&upload.key, &id, number, size, life)
        .await?;
    Ok(Json(UppyPartUrl {
        url: request.url.into(),
        expires: life.as_secs(),
    }))
}

/// `POST /v1/s3/multipart/{id}/complete`. Repeating the request is not an error.
pub(crate) async fn complete(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams(upload_id): PathParams<String>,
    QueryParams(UppyKey { key }): QueryParams<UppyKey>,
    Body(sent): Body<UppySentParts>,
) -> Result<Json<UppyLocation>, ApiError> {
    let (upload, id) = existing_upload(&state, &caller, &upload_id, &key).await?;
    if upload.is_open() && !progress::is_stored(&state, &upload).await? {
        let sent = sent
            .parts
            .into_iter()
            .map(|it| (it.part_number, it.etag))
            .collect();
        open::complete(&state, &upload, &id, Some(sent)).await?;
    }
    upload.start_work(&state).await?;
    Ok(Json(UppyLocation {
        location: format!("/v1/videos/{}", upload.video.id),
        key,
    }))
}

/// `DELETE /v1/s3/multipart/{id}`: aborts the upload and deletes its video.
pub(crate) async fn abort(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams(upload_id): PathParams<String>,
    QueryParams(UppyKey { key }): QueryParams<UppyKey>,
) -> Result<Json<UppyAborted>, ApiError> {
    if let Some(source) = ObjectKey::parse(Bucket::Private, &key)
        && existing_or_deleted(&state, &caller, source.video())
            .await?
            .state
            == VideoState::Deleted
    {
        // Aborted before.
        return Ok(Json(UppyAborted {}));
    }
    let (upload, _) = existing_upload(&state, &caller, &upload_id, &key).await?;
    if !upload.is_open() {
        return Err(UploadError::Complete.into());
    }
    let video = state
        .catalog
        .apply(upload.video.id, &VideoEvent::Deleted, clock::now())
        .await?;
    remove_all_objects(&state, &video).await?;
    Ok(Json(UppyAborted {}))
}

/// Reads `filename`, `type` and `metadata[name]`.
fn file_of(query: HashMap<String, String>) -> Result<UppyFile, ApiError> {
    let mut metadata = Metadata::new();
    let (mut filename, mut content_type) = (None, None);
    for (name, value) in query {
        match name.as_str() {
            "filename" => filename = Some(value),
            "type" => content_type = Some(value),
            _ => {
                if let Some(name) = name
                    .strip_prefix("metadata[")
                    .and_then(|it| it.strip_suffix(']'))
                {
                    metadata.insert(name.to_owned(), value.into());
                }
            }
        }
    }
    let malformed = || ApiError::malformed("the query: `filename` is missing");
    Ok(UppyFile {
        filename: filename.ok_or_else(malformed)?,
        content_type,
        metadata,
    })
}
