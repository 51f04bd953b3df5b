//! `/v1/videos/{id}/chapters`: titles of the parts of a video.

use std::time::Duration;

use api_types::captions::{CaptionOrigin as OriginView, CaptionStatus};
use api_types::chapters::{Chapter as ChapterView, ChapterList, ChaptersRequest};
use axum::Json;
use axum::extract::State;
use catalog::{CaptionOrigin, ChaptersRecord};
use domain::chapter::{Chapter, Chapters, InvalidChapters};
use domain::ids::VideoId;
use domain::job::{CaptionsJob, JobMessage};
use http::StatusCode;
use platform::clock;

use super::existing;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Video as PathVideo};
use crate::state::ApiState;

/// Latest start of a chapter, seconds: more than the duration of any video.
const LATEST: f64 = 1_000_000.0;

impl From<InvalidChapters> for ApiError {
    fn from(error: InvalidChapters) -> Self {
        Self::invalid(format!("`chapters`: {error}"))
    }
}

fn view(record: Option<&ChaptersRecord>) -> ChapterList {
    let is_published = record.is_none_or(|it| it.published);
    let status = match is_published {
        true => CaptionStatus::Published,
        false => CaptionStatus::Pending,
    };
    let origin = record.filter(|it| !it.chapters.is_empty());
    let origin = origin.map(|it| match it.origin {
        CaptionOrigin::Uploaded => OriginView::Uploaded,
        CaptionOrigin::Embedded => OriginView::Embedded,
        CaptionOrigin::Machine => OriginView::Machine,
    });
    let chapters = record.map(|it| it.chapters.as_slice());
    let chapter = |it: &Chapter| ChapterView {
        start: Duration::from_millis(it.start_ms).as_secs_f64(),
        title: it.title.clone(),
    };
    ChapterList {
        chapters: chapters.unwrap_or_default().iter().map(chapter).collect(),
        origin: origin.map(Into::into),
        status: status.into(),
    }
}

fn chapter((number, it): (usize, ChapterView)) -> Result<Chapter, ApiError> {
    if !(0.0..=LATEST).contains(&it.start) {
        let detail = format!("`chapters`: the start of chapter {number} is not a time in seconds");
        return Err(ApiError::invalid(detail));
    }
    Ok(Chapter {
        start_ms: (it.start * 1000.0).round() as u64,
        title: it.title,
    })
}

pub(crate) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<Json<ChapterList>, ApiError> {
    existing(&state, &caller, id).await?;
    Ok(Json(view(state.catalog.chapters(id).await?.as_ref())))
}

/// Repeating the request is not an error, and changes nothing.
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    Body(request): Body<ChaptersRequest>,
) -> Result<Json<ChapterList>, ApiError> {
    existing(&state, &caller, id).await?;
    let chapters: Result<_, _> = (1..).zip(request.chapters).map(chapter).collect();
    store(&state, id, Chapters::new(chapters?)?).await?;
    Ok(Json(view(state.catalog.chapters(id).await?.as_ref())))
}

/// Repeating the request is not an error.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
) -> Result<StatusCode, ApiError> {
    existing(&state, &caller, id).await?;
    store(&state, id, Chapters::default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stores chapters, and lets a worker write the playlist.
async fn store(state: &ApiState, video: VideoId, chapters: Chapters) -> Result<(), ApiError> {
    let origin = CaptionOrigin::Uploaded;
    let (catalog, now) = (&state.catalog, clock::now());
    catalog.set_chapters(video, &chapters, origin, now).await?;
    if catalog.playlist_waits(video).await? {
        let message = JobMessage::from(CaptionsJob::new(video));
        state.send_job(&message).await?;
    }
    Ok(())
}
