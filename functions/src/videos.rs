//! Videos: listed, read, deleted; what else can be done with them stands in modules of its own.

pub(crate) mod change;
pub(crate) mod convert;
mod error;
pub(crate) mod facts;
pub(crate) mod heights;
pub(crate) mod import;
pub(crate) mod poster;
pub(crate) mod rungs;
pub(crate) mod source;
pub(crate) mod stream;
pub(crate) mod view;
pub(crate) mod work;

use axum::Json;
use axum::extract::State;
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use domain::state::{StateName, VideoEvent, VideoState};
use http::StatusCode;
use platform::catalog::{Video, VideoFilter};
use platform::object_store::uploads::UploadSigner;
use platform::object_store::{SharedStore, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Params, Video as PathVideo};
use crate::openapi::types;
use crate::paging;
use crate::state::ApiState;
use crate::times::now_ms;
use error::VideoError;
use view::{VideoSummary, VideoView};

/// Which videos to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    #[param(value_type = Option<types::VideoId>)]
    cursor: Option<String>,
    #[serde(default)]
    #[param(value_type = Option<types::ListedState>)]
    state: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
    /// Text in the title.
    #[serde(default)]
    text: Option<String>,
    /// Filter by owner; only admins may name another one.
    #[serde(default)]
    owner: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct VideoList {
    videos: Vec<VideoSummary>,
    /// Cursor of the next page; `null` on the last page.
    #[schema(value_type = Option<types::VideoId>)]
    next_cursor: Option<VideoId>,
}

pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<VideoList>, ApiError> {
    let page = state.catalog.list_videos(&params.into_filter(&caller)?).await?;
    let now = now_ms();
    let videos = page.videos.iter().map(|it| VideoSummary::of(it, state.playback.poster_url(it, now)));
    Ok(Json(VideoList { videos: videos.collect(), next_cursor: page.next }))
}

impl ListParams {
    fn into_filter(self, caller: &Caller) -> Result<VideoFilter, ApiError> {
        let (limit, after) = (paging::limit(self.limit)?, paging::cursor(self.cursor)?);
        let state = self.state.map(|it| it.parse::<StateName>()).transpose();
        let state = state.map_err(|it| ApiError::malformed(format!("the query: `state`: {it}")))?;
        if state == Some(StateName::Deleted) {
            return Err(ApiError::malformed("the query: `state`: deleted videos cannot be listed"));
        }
        let owner = caller.owner_for(self.owner)?;
        let (external_id, title_contains) = (self.external_id, self.text);
        Ok(VideoFilter { owner, state, external_id, title_contains, after, limit })
    }
}

/// A video that is there for a caller: theirs, and not deleted. The way for every route to get one.
pub(crate) async fn existing(state: &ApiState, caller: &Caller, id: VideoId) -> Result<Video, ApiError> {
    let video = of_caller(state, caller, id).await?;
    if video.state == VideoState::Deleted { Err(VideoError::NotFound(id).into()) } else { Ok(video) }
}

/// The same, or what is left of it: for what may be done again after the end. Somebody else's video is
/// one that never was.
pub(crate) async fn of_caller(state: &ApiState, caller: &Caller, id: VideoId) -> Result<Video, ApiError> {
    let video = state.catalog.get_video(id).await?;
    if caller.may_see(&video) { Ok(video) } else { Err(VideoError::NotFound(id).into()) }
}

pub(crate) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<VideoView>, ApiError> {
    let video = existing(&state, &caller, id).await?;
    Ok(Json(read_view(&state, &video).await?))
}

/// All that is told of a video.
pub(crate) async fn read_view(state: &ApiState, video: &Video) -> Result<VideoView, ApiError> {
    let id = video.id;
    let (attempts, poster) = tokio::try_join!(state.catalog.attempts(id), state.catalog.poster(id))?;
    // Before the first rung plays, the renditions are those of the attempt at work.
    let generation = match &video.generation {
        Some(generation) => Some(generation.clone()),
        None => attempts.last().map(|it| it.generation.clone()),
    };
    let (renditions, receipt) = match &generation {
        Some(generation) => {
            tokio::try_join!(state.catalog.renditions(id, generation), state.catalog.receipt(id, generation),)?
        }
        None => (Vec::new(), None),
    };
    let poster_url = state.playback.poster_url(video, now_ms());
    Ok(VideoView::of(video, poster_url, renditions, &attempts, receipt, poster))
}

/// Deleting again is no error: it removes what an interrupted deletion left.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<StatusCode, ApiError> {
    of_caller(&state, &caller, id).await?;
    // First the tombstone: whoever works on it stops, and nobody begins.
    let video = state.catalog.apply(id, &VideoEvent::Deleted, now_ms()).await?;
    let objects = remove_traces(&state, &video).await?;
    tracing::info!(video.id = %id, objects, "deleted {id} and {objects} objects");
    if video.playable_ms.is_some() || video.ready_ms.is_some() {
        // Pictures stand in the edge's cache in clear. If the edge cannot be reached, the caller learns it and asks again.
        state.edge_list.revoke_video(id).await.map_err(ApiError::unavailable)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Removes every object of a video, and an upload of it that goes on. Says how many objects there were.
pub(crate) async fn remove_traces(state: &ApiState, video: &Video) -> Result<u64, ApiError> {
    Ok(remove_objects(&state.store, &*state.signer, video).await?)
}

/// The same, for whoever has no API.
pub(crate) async fn remove_objects(
    store: &SharedStore,
    signer: &dyn UploadSigner,
    video: &Video,
) -> Result<u64, StoreError> {
    // Whoever brings it: a page, or the transcoder from a URL.
    for upload in signer.list_unfinished(&ObjectPrefix::Sources(video.id)).await? {
        if let Some(key) = ObjectKey::parse(Bucket::Private, &upload.path) {
            signer.abort_multipart(&key, &upload.id).await?;
        }
    }
    let mut objects = 0;
    // In order: the playlists go first.
    for family in ObjectPrefix::of_video(video.id) {
        objects += store.delete_all(&family).await?;
    }
    Ok(objects)
}

/// An id that nobody has.
pub(crate) fn new_video_id(now_ms: u64) -> Result<VideoId, ApiError> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)
        .map_err(|it| ApiError::internal(anyhow::anyhow!("the system's random number generator failed: {it}")))?;
    Ok(VideoId::new(now_ms, random))
}
