//! Videos: get and delete. Submodules have the other operations.

pub(crate) mod captions;
pub(crate) mod change;
pub(crate) mod chapters;
pub(crate) mod clip;
pub(crate) mod convert;
pub(crate) mod downloads;
mod error;
pub(crate) mod heights;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod metadata;
mod on_request;
pub(crate) mod poster;
pub(crate) mod preview;
pub(crate) mod rungs;
pub(crate) mod source;
pub(crate) mod stream;
pub(crate) mod thumbnail;
pub(crate) mod timeline;
pub(crate) mod transcription;
pub(crate) mod view;
pub(crate) mod views;
pub(crate) mod work;

use api_types::videos::Video as VideoView;
use axum::Json;
use axum::extract::State;
use catalog::{RenditionKind, RenditionRecord, Video};
use domain::ids::{Generation, VideoId};
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;
use http::StatusCode;
use platform::clock;
use platform::object_store::uploads::UploadSigner;
use platform::object_store::{SharedStore, StoreError};

use crate::auth::Caller;
use crate::edge_list::{self, REVOCATION_SECONDS};
use crate::error::ApiError;
use crate::extract::Video as PathVideo;
use crate::state::ApiState;
use error::VideoError;

/// A video that the caller may access and that is not deleted. Every route gets its video here.
pub(crate) async fn existing(
    state: &ApiState,
    caller: &Caller,
    id: VideoId,
) -> Result<Video, ApiError> {
    let video = existing_or_deleted(state, caller, id).await?;
    if video.state == VideoState::Deleted {
        Err(VideoError::NotFound(id).into())
    } else {
        Ok(video)
    }
}

/// The same, including deleted videos: for operations that may be repeated after the deletion. Another owner's video
/// does not exist for the caller.
pub(crate) async fn existing_or_deleted(
    state: &ApiState,
    caller: &Caller,
    id: VideoId,
) -> Result<Video, ApiError> {
    let video = state.catalog.get_video(id).await?;
    if caller.may_see(&video) {
        Ok(video)
    } else {
        Err(VideoError::NotFound(id).into())
    }
}

/// Whether the video has only audio, so that no frame of it can be shown.
async fn has_only_audio(
    state: &ApiState,
    video: VideoId,
    generation: &Generation,
) -> Result<bool, ApiError> {
    let renditions = state.catalog.renditions(video, generation).await?;
    let is_audio = |it: &RenditionRecord| it.kind == RenditionKind::Audio;
    Ok(!renditions.is_empty() && renditions.iter().all(is_audio))
}

pub(crate) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<VideoView>, ApiError> {
    let video = existing(&state, &caller, id).await?;
    Ok(Json(read_view(&state, &video).await?))
}

/// All details of a video.
pub(crate) async fn read_view(state: &ApiState, video: &Video) -> Result<VideoView, ApiError> {
    let id = video.id;
    let (attempts, poster) =
        tokio::try_join!(state.catalog.attempts(id), state.catalog.poster(id))?;
    // Before the video is playable, the renditions are those of the current attempt.
    let generation = match &video.generation {
        Some(generation) => Some(generation.clone()),
        None => attempts.last().map(|it| it.generation.clone()),
    };
    let (renditions, receipt) = match &generation {
        Some(generation) => tokio::try_join!(
            state.catalog.renditions(id, generation),
            state.catalog.receipt(id, generation),
        )?,
        None => (Vec::new(), None),
    };
    let poster_url = state.playback.poster_url(video, clock::now());
    Ok(view::video(
        &state.config.prices,
        video,
        poster_url,
        renditions,
        &attempts,
        receipt,
        poster,
    ))
}

/// Deletes a video. Repeating the request is not an error: it removes what an interrupted deletion left.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<StatusCode, ApiError> {
    existing_or_deleted(&state, &caller, id).await?;
    // First the tombstone: workers stop, and none starts.
    let video = state
        .catalog
        .apply(id, &VideoEvent::Deleted, clock::now())
        .await?;
    let objects = remove_all_objects(&state, &video).await?;
    tracing::info!(video.id = %id, objects, "deleted {id} and {objects} objects");
    if video.playable_ms.is_some() || video.ready_ms.is_some() {
        // The edge's cache contains unencrypted images. If the edge cannot be reached, the caller must repeat the
        // request.
        state
            .revocations
            .revoke(&[edge_list::video(id)], REVOCATION_SECONDS)
            .await
            .map_err(ApiError::unavailable)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Removes all objects of a video and aborts its uploads. Returns the number of objects.
pub(crate) async fn remove_all_objects(state: &ApiState, video: &Video) -> Result<u64, ApiError> {
    Ok(remove_objects(&state.store, &*state.signer, video).await?)
}

/// The same, without the state of the API.
pub(crate) async fn remove_objects(
    store: &SharedStore,
    signer: &dyn UploadSigner,
    video: &Video,
) -> Result<u64, StoreError> {
    // Uploads of clients, and imports and downloads of the transcoder.
    let families = [
        ObjectPrefix::Sources(video.id),
        ObjectPrefix::Downloads(video.id),
    ];
    for family in families {
        for upload in signer.list_unfinished(&family).await? {
            if let Some(key) = ObjectKey::parse(Bucket::Private, &upload.path) {
                signer.abort_multipart(&key, &upload.id).await?;
            }
        }
    }
    let mut objects = 0;
    // In this order: playlists first.
    for family in ObjectPrefix::of_video(video.id) {
        objects += store.delete_all(&family).await?;
    }
    Ok(objects)
}

/// A new, unique id.
pub(crate) fn new_video_id(now: UnixMillis) -> Result<VideoId, ApiError> {
    let mut random = [0; 10];
    crate::random::fill(&mut random)?;
    Ok(VideoId::new(now.get(), random))
}
