//! `/v1/videos/{id}/captions`: uploads, reads and deletes captions, and finds a text in them.

use std::time::Duration;

use api_types::captions::{
    CaptionChoiceParams, CaptionList, CaptionMatch, CaptionOrigin as OriginView, CaptionParams,
    CaptionStatus, CaptionTrack, ListCaptions, StoredCaptions,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use captions::{CaptionError, Track};
use catalog::{
    CaptionChoice, CaptionOrigin, CaptionRecord, CaptionSettings, CaptionsStored, CatalogError,
    NewCaptions,
};
use domain::caption::Language;
use domain::ids::VideoId;
use domain::job::{CaptionsJob, JobMessage};
use domain::object_key::ObjectKey;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use platform::clock;
use platform::object_store::{ObjectStoreExt as _, PutCondition, StoreError};

use super::{existing, transcription};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{PathParams, QueryParams, Raw, Video as PathVideo};
use crate::problem::Problem;
use crate::state::ApiState;

/// Largest file in bytes: fits into the request body limit of Lambda in base64, with room to spare.
pub(crate) const FILE_LIMIT: usize = 4 << 20;
/// Longest name in bytes.
const NAME_LIMIT: usize = 100;
/// Longest text to search for in bytes.
pub(super) const SEARCH_LIMIT: usize = 500;
/// Largest number of captions of a video.
pub(super) const MAX_CAPTIONS: usize = 50;
/// Largest number of matches in one language.
const MAX_MATCHES: usize = 100;
/// Largest stored file in bytes: times and escapes have one form, which may be longer.
const LARGEST_TEXT: u64 = 20 << 20;

impl From<CaptionError> for ApiError {
    fn from(error: CaptionError) -> Self {
        Self::new(Problem::CaptionsNotAccepted, error.to_string())
    }
}

fn view(record: &CaptionRecord) -> CaptionTrack {
    let origin = match record.origin {
        CaptionOrigin::Uploaded => OriginView::Uploaded,
        CaptionOrigin::Embedded => OriginView::Embedded,
        CaptionOrigin::Machine => OriginView::Machine,
    };
    let status = match record.published {
        true => CaptionStatus::Published,
        false => CaptionStatus::Pending,
    };
    CaptionTrack {
        language: record.language.to_string(),
        name: record.name.clone(),
        default: record.default,
        forced: record.forced,
        sdh: record.sdh,
        origin: origin.into(),
        status: status.into(),
        cues: record.cues,
        created_at: record.created_ms.into(),
    }
}

pub(super) fn language(text: &str) -> Result<Language, ApiError> {
    text.parse()
        .map_err(|it| ApiError::invalid(format!("`language`: {it}")))
}

fn no_such_captions(language: &Language) -> ApiError {
    let detail = format!("the video has no captions in `{language}`");
    ApiError::new(Problem::NoSuchCaptions, detail)
}

fn key_of(video: VideoId, record: &CaptionRecord) -> ObjectKey {
    ObjectKey::Captions {
        video,
        language: record.language.clone(),
        captions: record.id.clone(),
    }
}

/// Repeating the request is not an error, and changes nothing.
pub(crate) async fn put(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams((id, tag)): PathParams<(VideoId, String)>,
    QueryParams(params): QueryParams<CaptionParams>,
    Raw(body): Raw,
) -> Result<(StatusCode, Json<StoredCaptions>), ApiError> {
    existing(&state, &caller, id).await?;
    let language = language(&tag)?;
    if params.name.as_ref().is_some_and(|it| it.len() > NAME_LIMIT) {
        let detail = format!("`name` must have at most {NAME_LIMIT} bytes");
        return Err(ApiError::new(Problem::FieldTooLong, detail));
    }
    if params
        .name
        .as_ref()
        .is_some_and(|it| it.contains(char::is_control))
    {
        return Err(ApiError::invalid("`name` must not have control characters"));
    }
    let parsed = captions::parse(&body)?;
    let known = state.catalog.captions(id).await?;
    let replaces = |it: &CaptionRecord| {
        it.language == language && it.forced == params.forced && it.sdh == params.sdh
    };
    if known.len() >= MAX_CAPTIONS && !known.iter().any(replaces) {
        let detail = format!("a video has at most {MAX_CAPTIONS} captions");
        return Err(ApiError::conflict(detail));
    }
    let settings = CaptionSettings {
        language,
        name: params.name,
        default: params.default,
        forced: params.forced,
        sdh: params.sdh,
        origin: CaptionOrigin::Uploaded,
    };
    let (new, text) = NewCaptions::new(settings, &parsed.track, clock::now());
    let key = key_of(id, &new.record);
    state
        .store
        .put(&key, text.into(), PutCondition::Always)
        .await?;
    let stored = state.catalog.set_captions(id, &new).await;
    // The video was deleted, or these captions are there already. After another error, the row may be
    // there nevertheless.
    let is_unused = matches!(
        stored,
        Ok(CaptionsStored::Same(_) | CaptionsStored::Kept)
            | Err(CatalogError::Gone { .. } | CatalogError::NotFound { .. })
    );
    if is_unused {
        state.store.delete(&key).await?;
    }
    let (status, record) = match stored? {
        CaptionsStored::Stored { replaced: false } => (StatusCode::CREATED, new.record),
        CaptionsStored::Stored { replaced: true } => (StatusCode::OK, new.record),
        CaptionsStored::Same(record) => (StatusCode::OK, record),
        CaptionsStored::Kept => return Err(ApiError::conflict("send the request again")),
    };
    if !record.published {
        publish(&state, id).await?;
    }
    let stored = StoredCaptions {
        captions: view(&record),
        format: parsed.format.to_string(),
        warnings: parsed.warnings.iter().map(ToString::to_string).collect(),
    };
    Ok((status, Json(stored)))
}

/// Lets a worker write the playlists.
async fn publish(state: &ApiState, video: VideoId) -> Result<(), ApiError> {
    let message = JobMessage::from(CaptionsJob::new(video));
    state.send_job(&message).await?;
    Ok(())
}

pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(id): PathVideo,
    QueryParams(params): QueryParams<ListCaptions>,
) -> Result<Json<CaptionList>, ApiError> {
    existing(&state, &caller, id).await?;
    let records = state.catalog.captions(id).await?;
    let transcriptions = state.catalog.transcriptions(id).await?;
    let mut matches = vec![];
    if let Some(text) = params.text.filter(|it| !it.is_empty()) {
        if text.len() > SEARCH_LIMIT {
            let detail = format!("the query: `text` must have at most {SEARCH_LIMIT} bytes");
            return Err(ApiError::malformed(detail));
        }
        for record in &records {
            // Captions that were replaced meanwhile are not searched.
            let Some(track) = track(&state, id, record).await? else {
                continue;
            };
            let found = track.find(&text, MAX_MATCHES).into_iter();
            matches.extend(found.map(|it| CaptionMatch {
                language: record.language.to_string(),
                name: record.name.clone(),
                start: Duration::from_millis(it.start_ms).as_secs_f64(),
                end: Duration::from_millis(it.end_ms).as_secs_f64(),
                text: it.text,
            }));
        }
    }
    Ok(Json(CaptionList {
        captions: records.iter().map(view).collect(),
        transcriptions: transcriptions.iter().map(transcription::view).collect(),
        matches,
    }))
}

async fn track(
    state: &ApiState,
    video: VideoId,
    record: &CaptionRecord,
) -> Result<Option<Track>, ApiError> {
    let key = key_of(video, record);
    let text = state.store.read_if_present(&key, LARGEST_TEXT).await?;
    let track = text.map(|it| captions::parse_stored(&it)).transpose();
    track.map_err(ApiError::internal)
}

fn choice(tag: &str, params: &CaptionChoiceParams) -> Result<CaptionChoice, ApiError> {
    Ok(CaptionChoice {
        language: language(tag)?,
        forced: params.forced,
        sdh: params.sdh,
    })
}

/// The captions of a language as a WebVTT file: the first ones, in the order of the list.
pub(crate) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams((id, tag)): PathParams<(VideoId, String)>,
    QueryParams(params): QueryParams<CaptionChoiceParams>,
) -> Result<Response, ApiError> {
    existing(&state, &caller, id).await?;
    let chosen = choice(&tag, &params)?;
    let records = state.catalog.captions(id).await?;
    let record = records.iter().find(|it| chosen.includes(it));
    let record = record.ok_or_else(|| no_such_captions(&chosen.language))?;
    match state.store.read(&key_of(id, record), LARGEST_TEXT).await {
        Ok(text) => Ok(([(CONTENT_TYPE, "text/vtt")], text).into_response()),
        Err(StoreError::NotFound { .. }) => Err(no_such_captions(&chosen.language)),
        Err(problem) => Err(problem.into()),
    }
}

/// Repeating the request is not an error.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams((id, tag)): PathParams<(VideoId, String)>,
    QueryParams(params): QueryParams<CaptionChoiceParams>,
) -> Result<StatusCode, ApiError> {
    existing(&state, &caller, id).await?;
    let chosen = choice(&tag, &params)?;
    // The objects stay for viewers who watch at this moment; the sweeper removes them.
    state
        .catalog
        .remove_captions(id, &chosen, clock::now())
        .await?;
    // Those that a transcriber makes are complete captions: they are not wanted either.
    if chosen.forced != Some(true) && chosen.sdh != Some(true) {
        let catalog = &state.catalog;
        catalog.end_transcription(id, &chosen.language).await?;
    }
    if state.catalog.playlist_waits(id).await? {
        publish(&state, id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
