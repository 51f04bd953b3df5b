//! `GET /v1/videos`: the list of videos, with orders, filters and pages.

use api_types::videos::{ListVideos, VideoList};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use catalog::{SortKey, SortValue, VideoCount, VideoCursor, VideoFilter, VideoSort};
use domain::ids::{VideoId, hex};
use domain::state::StateName;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::view;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::QueryParams;
use crate::paging;
use crate::state::ApiState;
use platform::clock;

/// Longest text to search for in bytes.
const SEARCH_LIMIT: usize = 500;

pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    headers: HeaderMap,
    QueryParams(params): QueryParams<ListVideos>,
) -> Result<Response, ApiError> {
    let (sort_name, sort) = sort_of(params.sort.as_deref())?;
    let cursor = params
        .cursor
        .as_deref()
        .map(|it| Cursor::read(it, &sort_name, sort.by))
        .transpose()?;
    let known_total = cursor.as_ref().map(Cursor::count);
    let is_first = cursor.is_none();
    let filter = VideoFilter {
        sort,
        after: cursor.map(Cursor::position),
        ..filter(params, &caller)?
    };
    let (page, total) = tokio::try_join!(state.catalog.list_videos(&filter), async {
        match known_total {
            Some(total) => Ok(total),
            None => state.catalog.count_videos(&filter).await,
        }
    })?;
    // A search can find all videos although counting them would take too long.
    let total = match &page.next {
        None if is_first => VideoCount {
            videos: page.videos.len() as u64,
            is_lower_bound: false,
        },
        _ => total,
    };
    let now = clock::now();
    let list = VideoList {
        videos: page
            .videos
            .iter()
            .map(|it| view::summary(it, state.playback.poster_url(it, now)))
            .collect(),
        next_cursor: page
            .next
            .map(|it| Cursor::new(sort_name, it, total).to_string()),
        total: total.videos,
        total_is_lower_bound: total.is_lower_bound,
    };
    let body = serde_json::to_vec(&list).map_err(ApiError::internal)?;
    Ok(conditional(&headers, body))
}

fn filter(params: ListVideos, caller: &Caller) -> Result<VideoFilter, ApiError> {
    let malformed = |detail: String| ApiError::malformed(format!("the query: {detail}"));
    let states = params.state.iter().flat_map(|it| it.split(','));
    let states = states
        .map(str::parse::<StateName>)
        .collect::<Result<Vec<_>, _>>();
    let states = states.map_err(|it| malformed(format!("`state`: {it}")))?;
    if states.contains(&StateName::Deleted) {
        return Err(malformed(
            "`state`: deleted videos cannot be listed".to_owned(),
        ));
    }
    if params.q.as_ref().is_some_and(|it| it.len() > SEARCH_LIMIT) {
        return Err(malformed(format!(
            "`q` must have at most {SEARCH_LIMIT} bytes"
        )));
    }
    if params
        .text
        .as_ref()
        .is_some_and(|it| it.len() > SEARCH_LIMIT)
    {
        return Err(malformed(format!(
            "`text` must have at most {SEARCH_LIMIT} bytes"
        )));
    }
    let words = params.text.as_deref().map(captions::fold);
    Ok(VideoFilter {
        words: words.filter(|it| !it.is_empty()),
        owner: caller.owner_for(params.owner)?,
        states,
        external_id: params.external_id,
        text: params.q.filter(|it| !it.is_empty()),
        limit: paging::limit(params.limit)?,
        ..VideoFilter::default()
    })
}

/// The order with its name.
fn sort_of(name: Option<&str>) -> Result<(String, VideoSort), ApiError> {
    let name = name.unwrap_or("-created_at");
    let (key, descending) = name
        .strip_prefix('-')
        .map_or((name, false), |it| (it, true));
    let by = match key {
        "created_at" => SortKey::Created,
        "title" => SortKey::Title,
        "duration" => SortKey::Duration,
        "size" => SortKey::Size,
        _ => {
            return Err(ApiError::malformed(
                "the query: `sort` must be `created_at`, `title`, `duration` or `size`",
            ));
        }
    };
    Ok((name.to_owned(), VideoSort { by, descending }))
}

/// The end of a page, with the order that it belongs to, and the number of videos on all pages: only the first page
/// counts them.
#[derive(Serialize, Deserialize)]
struct Cursor {
    sort: String,
    value: CursorValue,
    video: VideoId,
    total: u64,
    /// Absent in cursors of earlier versions, which counted all videos.
    #[serde(default)]
    total_is_lower_bound: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum CursorValue {
    None(()),
    Number(u64),
    Text(String),
}

impl Cursor {
    fn new(sort: String, position: VideoCursor, total: VideoCount) -> Self {
        let value = match position.value {
            SortValue::Id => CursorValue::None(()),
            SortValue::Number(number) => CursorValue::Number(number),
            SortValue::Text(text) => CursorValue::Text(text),
        };
        Self {
            sort,
            value,
            video: position.video,
            total: total.videos,
            total_is_lower_bound: total.is_lower_bound,
        }
    }

    fn count(&self) -> VideoCount {
        VideoCount {
            videos: self.total,
            is_lower_bound: self.total_is_lower_bound,
        }
    }

    /// # Errors
    /// If it is not a cursor of this order.
    fn read(text: &str, sort: &str, by: SortKey) -> Result<Self, ApiError> {
        let invalid = || ApiError::malformed("the query: `cursor` is not valid");
        let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| invalid())?;
        let cursor: Self = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
        if cursor.sort != sort {
            return Err(ApiError::malformed(
                "the query: `cursor` belongs to another `sort`",
            ));
        }
        // A client may have changed it: PostgreSQL does not compare a number with a text.
        match (by, &cursor.value) {
            (SortKey::Created, CursorValue::None(()))
            | (SortKey::Title, CursorValue::Text(_))
            | (SortKey::Duration | SortKey::Size, CursorValue::Number(_)) => Ok(cursor),
            (SortKey::Created | SortKey::Title | SortKey::Duration | SortKey::Size, _) => {
                Err(invalid())
            }
        }
    }

    fn position(self) -> VideoCursor {
        let value = match self.value {
            CursorValue::None(()) => SortValue::Id,
            CursorValue::Number(number) => SortValue::Number(number),
            CursorValue::Text(text) => SortValue::Text(text),
        };
        VideoCursor {
            value,
            video: self.video,
        }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| std::fmt::Error)?;
        f.write_str(&Base64UrlUnpadded::encode_string(&json))
    }
}

/// The JSON with its `ETag`; 304 if the client has it.
fn conditional(headers: &HeaderMap, json: Vec<u8>) -> Response {
    let etag = format!("\"{}\"", hex(&Sha256::digest(&json)[..16]));
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','));
    let is_known = known
        .map(|it| it.trim().trim_start_matches("W/"))
        .any(|it| it == "*" || it == etag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(CONTENT_TYPE, "application/json")], Body::from(json)).into_response(),
    };
    // The browser asks each time, and no proxy stores it.
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}
