//! `POST /v1/videos`: creates a video from an object in the private bucket, which is read in place, from a URL, or from
//! a part of another video.

use api_types::videos::{CreateVideo, Video as VideoView};
use axum::Json;
use axum::extract::State;
use catalog::{NewVideo, UploadEventOutcome, Video, VideoFilter};
use domain::ids::VideoId;
use domain::job::{Job, JobReason, Priority, Source};
use domain::object_key::{ExternalPath, ObjectKey};
use domain::state::VideoState;
use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use platform::clock;
use platform::object_store::{ObjectMeta, StoreError};

use super::error::VideoError;
use super::{clip, import, metadata, new_video_id, read_view, work};
use crate::auth::{Caller, Scope};
use crate::error::ApiError;
use crate::extract::Body;
use crate::state::ApiState;
use crate::uploads::plan::check_size;

pub(super) type VideoResponse = (StatusCode, [(HeaderName, String); 1], Json<VideoView>);

/// A `key` needs the scope `admin`, because objects at other paths of the bucket have no owner.
///
/// Repeating the request for the same object with the same external id, or none, returns the existing video, and starts
/// its processing if an earlier request ended before it did.
pub(crate) async fn convert(
    State(state): State<ApiState>,
    caller: Caller,
    Body(mut request): Body<CreateVideo>,
) -> Result<VideoResponse, ApiError> {
    let sources = (request.key.take(), request.url.take(), request.clip.take());
    let key = match sources {
        (Some(key), None, None) => key,
        (None, Some(url), None) => {
            return import::import(&state, &caller, request, url.expose()).await;
        }
        (None, None, Some(part)) => return clip::clip(&state, &caller, request, &part).await,
        _ => {
            let detail = "send either `key`, `url` or `clip`".to_owned();
            return Err(ApiError::invalid(detail));
        }
    };
    caller.require(Scope::Admin)?;
    let owner = caller.owner_for(request.owner.clone())?;
    let external_id = external_id_of(&request)?;
    metadata::check(
        request.title.as_deref(),
        external_id.as_deref(),
        Some(&request.metadata),
    )?;
    let profile = metadata::profile(request.profile.clone(), &state.config)?;
    let path = ExternalPath::try_from(key).map_err(|_| {
        VideoError::NoSuchObject(
            "`key` must be the path of an object outside the directories that Edgereel uses"
                .to_owned(),
        )
    })?;
    let of_source = VideoFilter {
        source_key: Some(path.as_str().to_owned()),
        ..VideoFilter::default()
    };
    let existing =
        existing_videos(&state, owner.as_deref(), external_id.as_deref(), of_source).await?;
    if let Some(video) = existing.first() {
        if video.state != VideoState::Created {
            return video_response(&state, StatusCode::OK, video).await;
        }
        // The request that created it ended before its job was recorded.
        let meta = head(&state, video.id, &path).await?;
        start(&state, video, &path, meta, request.priority).await?;
        let video = state.catalog.get_video(video.id).await?;
        return video_response(&state, StatusCode::OK, &video).await;
    }

    let now = clock::now();
    let id = new_video_id(now)?;
    let meta = head(&state, id, &path).await?;
    check_size(meta.size, state.config.max_upload_bytes)?;
    let new = NewVideo {
        id,
        owner,
        title: metadata::title(request.title, path.as_str()),
        external_id,
        metadata: request.metadata,
        profile,
        mode: request.mode.unwrap_or(state.config.default_mode),
        generate: request.generate,
        file_name: metadata::file_name(path.as_str()),
        source_key: Some(path.as_str().to_owned()),
        source_size: Some(meta.size),
        content_type: None,
    };
    let video = state.catalog.create_video(&new, now).await?;
    start(&state, &video, &path, meta, request.priority).await?;
    let video = state.catalog.get_video(id).await?;
    video_response(&state, StatusCode::CREATED, &video).await
}

/// The properties of the object to convert.
async fn head(
    state: &ApiState,
    video: VideoId,
    path: &ExternalPath,
) -> Result<ObjectMeta, ApiError> {
    let key = ObjectKey::External {
        video,
        path: path.clone(),
    };
    match state.store.head(&key).await {
        Ok(meta) => Ok(meta),
        Err(StoreError::NotFound { .. }) => Err(VideoError::NoSuchObject(format!(
            "the private bucket has no object `{}`",
            path.as_str()
        ))
        .into()),
        Err(error) => Err(error.into()),
    }
}

/// Records the source of a new video and sends its job. Repeating it is not an error.
async fn start(
    state: &ApiState,
    video: &Video,
    path: &ExternalPath,
    meta: ObjectMeta,
    priority: Priority,
) -> Result<(), ApiError> {
    let source = Source {
        bucket: state.ingest.private_bucket.clone(),
        key: path.as_str().to_owned(),
        etag: meta.etag.0,
        size: meta.size,
    };
    let reason = JobReason::Convert;
    let job = Job::new(video.id, source, &video.profile, video.mode, reason);
    let job = job.with_priority(priority);
    match state.catalog.note_upload_event(&job, clock::now()).await? {
        UploadEventOutcome::Send(job) => work::send(state, job).await,
        UploadEventOutcome::Waits
        | UploadEventOutcome::AlreadyDone
        | UploadEventOutcome::VideoGone
        | UploadEventOutcome::SourceAfterReady => Ok(()),
    }
}

pub(super) async fn video_response(
    state: &ApiState,
    status: StatusCode,
    video: &Video,
) -> Result<VideoResponse, ApiError> {
    let location = [(LOCATION, format!("/v1/videos/{}", video.id))];
    Ok((status, location, Json(read_view(state, video).await?)))
}

/// Existing videos of this owner with exactly this external id: repeating a request creates no second video.
pub(super) async fn existing_videos(
    state: &ApiState,
    owner: Option<&str>,
    external_id: Option<&str>,
    filter: VideoFilter,
) -> Result<Vec<Video>, ApiError> {
    let (owned_by, id) = (owner.map(str::to_owned), external_id.map(str::to_owned));
    let filter = VideoFilter {
        owner: owned_by,
        external_id: id,
        ..filter
    };
    let page = state.catalog.list_videos(&filter).await?;
    // A filter without an owner or external id matches all of them.
    let is_same =
        |it: &Video| it.owner.as_deref() == owner && it.external_id.as_deref() == external_id;
    Ok(page.videos.into_iter().filter(is_same).collect())
}

/// The external id, or the one that `content_type` and `content_id` form.
pub(super) fn external_id_of(request: &CreateVideo) -> Result<Option<String>, ApiError> {
    let invalid = |detail: &str| ApiError::invalid(detail.to_owned());
    match (
        &request.external_id,
        &request.content_type,
        &request.content_id,
    ) {
        (external_id, None, None) => Ok(external_id.clone()),
        (None, Some(content_type), Some(content_id)) => {
            Ok(Some(format!("{content_type}:{content_id}")))
        }
        (Some(_), ..) => Err(invalid(
            "send either `external_id` or `content_type` with `content_id`",
        )),
        (None, ..) => Err(invalid("send `content_type` and `content_id` together")),
    }
}
