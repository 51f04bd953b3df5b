//! `/v1/videos/{id}/captions`: uploads, reads and deletes captions, and finds a text in them.

use std::time::Duration;

use api_types::captions::{
    CaptionList, CaptionMatch, CaptionOrigin as OriginView, CaptionParams, CaptionStatus,
    CaptionTrack, ListCaptions, StoredCaptions,
};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use captions::{CaptionError, Track};
use catalog::{CaptionOrigin, CaptionRecord, CaptionsStored, NewCaptions};
use domain::caption::Language;
use domain::ids::{CaptionId, VideoId, hex};
use domain::job::{CaptionsJob, JobMessage};
use domain::object_key::ObjectKey;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use platform::clock;
use platform::object_store::{ObjectStoreExt as _, PutCondition, StoreError};
use sha2::{Digest as _, Sha256};

use super::existing;
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
/// Largest number of languages of a video.
const MAX_LANGUAGES: usize = 50;
/// Largest number of matches in one language.
const MAX_MATCHES: usize = 100;
/// Words that the search of videos knows, in bytes: those of a film of five hours.
const MAX_WORDS: usize = 512 << 10;
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

fn language(text: &str) -> Result<Language, ApiError> {
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

/// The record of an uploaded track.
fn new_record(language: Language, params: CaptionParams, track: &Track) -> (NewCaptions, String) {
    let name = params.name.map(|it| it.trim().to_owned());
    let name = name.filter(|it| !it.is_empty());
    let name = name.unwrap_or_else(|| language.display_name());
    let CaptionParams {
        default,
        forced,
        sdh,
        ..
    } = params;
    let text = track.to_vtt();
    let settings = format!("{name}\n{default} {forced} {sdh}\n");
    let digest = Sha256::new().chain_update(settings).chain_update(&text);
    let content = hex(&digest.finalize()[..16]);
    let now = clock::now();
    let record = CaptionRecord {
        id: CaptionId::of(language.as_str(), &content, now.get()),
        language,
        name,
        default,
        forced,
        sdh,
        origin: CaptionOrigin::Uploaded,
        content,
        cues: track.cues.len() as u64,
        created_ms: now,
        published: false,
    };
    let words = track.search_text(MAX_WORDS);
    (NewCaptions { record, words }, text)
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
    if known.len() >= MAX_LANGUAGES && !known.iter().any(|it| it.language == language) {
        let detail = format!("a video has captions in at most {MAX_LANGUAGES} languages");
        return Err(ApiError::conflict(detail));
    }
    let (new, text) = new_record(language, params, &parsed.track);
    let key = key_of(id, &new.record);
    state
        .store
        .put(&key, text.into(), PutCondition::Always)
        .await?;
    let stored = state.catalog.set_captions(id, &new).await;
    if !matches!(stored, Ok(CaptionsStored::Stored { .. })) {
        // The video was deleted, or these captions are there already.
        state.store.delete(&key).await?;
    }
    let (status, record) = match stored? {
        CaptionsStored::Stored { replaced: false } => (StatusCode::CREATED, new.record),
        CaptionsStored::Stored { replaced: true } => (StatusCode::OK, new.record),
        CaptionsStored::Same(record) => (StatusCode::OK, record),
        CaptionsStored::Uploaded => return Err(ApiError::conflict("send the request again")),
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
    state.queue.send(&message, Duration::ZERO).await?;
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
                start: Duration::from_millis(it.start_ms).as_secs_f64(),
                end: Duration::from_millis(it.end_ms).as_secs_f64(),
                text: it.text,
            }));
        }
    }
    Ok(Json(CaptionList {
        captions: records.iter().map(view).collect(),
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

/// The captions of a language as a WebVTT file.
pub(crate) async fn read(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams((id, tag)): PathParams<(VideoId, String)>,
) -> Result<Response, ApiError> {
    existing(&state, &caller, id).await?;
    let language = language(&tag)?;
    let records = state.catalog.captions(id).await?;
    let record = records.iter().find(|it| it.language == language);
    let record = record.ok_or_else(|| no_such_captions(&language))?;
    match state.store.read(&key_of(id, record), LARGEST_TEXT).await {
        Ok(text) => Ok(([(CONTENT_TYPE, "text/vtt")], text).into_response()),
        Err(StoreError::NotFound { .. }) => Err(no_such_captions(&language)),
        Err(problem) => Err(problem.into()),
    }
}

/// Repeating the request is not an error.
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams((id, tag)): PathParams<(VideoId, String)>,
) -> Result<StatusCode, ApiError> {
    existing(&state, &caller, id).await?;
    let language = language(&tag)?;
    // The objects stay for viewers who watch at this moment; the sweeper removes them.
    state
        .catalog
        .remove_captions(id, &language, clock::now())
        .await?;
    if state.catalog.captions_wait(id).await? {
        publish(&state, id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
