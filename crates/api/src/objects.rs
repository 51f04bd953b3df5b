//! `GET /v1/objects`: the objects of the private bucket that can be converted, or were.

use std::collections::{HashMap, HashSet};

use api_types::objects::{ListObjects, ListedObject, ObjectList, ObjectVideo};
use api_types::videos::VideoFailure;
use axum::Json;
use axum::extract::State;
use catalog::Video;
use domain::object_key::{ExternalPath, ObjectPrefix};
use domain::receipt::Receipt;
use domain::state::VideoState;
use platform::object_store::Entry;

use crate::auth::{Caller, InsufficientScope, Scope};
use crate::error::ApiError;
use crate::extract::QueryParams;
use crate::paging;
use crate::state::ApiState;

/// Longest key in bytes.
const KEY_LIMIT: usize = 1_024;
/// Most listings of the store for one page: in a bucket that is converted already, a page may be empty.
const LISTINGS: usize = 10;
/// Objects that are looked up in the catalog at once.
const AT_ONCE: usize = 200;

/// Objects outside the directories of Edgereel: those that are the source of no video, or all of them with their videos.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    QueryParams(params): QueryParams<ListObjects>,
) -> Result<Json<ObjectList>, ApiError> {
    if caller.owner.is_some() {
        // Objects have no owner.
        return Err(InsufficientScope(Scope::Admin).into());
    }
    let limit = paging::limit(params.limit)? as usize;
    let given = [&params.prefix, &params.cursor];
    if given
        .iter()
        .copied()
        .flatten()
        .any(|it| it.len() > KEY_LIMIT)
    {
        let detail = format!("the query: `prefix` and `cursor` have at most {KEY_LIMIT} bytes");
        return Err(ApiError::malformed(detail));
    }
    if given
        .iter()
        .copied()
        .flatten()
        .any(|it| it.contains(is_impossible))
    {
        return Ok(Json(ObjectList {
            objects: vec![],
            next_cursor: None,
        }));
    }
    let with_videos = params.converted == Some(true);
    let prefix = ObjectPrefix::InPrivate(params.prefix.unwrap_or_default());
    let (mut objects, mut after) = (Vec::new(), params.cursor);
    for _ in 0..LISTINGS {
        let page = state.store.list(&prefix, after.as_deref()).await?;
        after = page.next;
        let mut found = Vec::new();
        for entry in page.entries {
            if let Some(end) = ExternalPath::end_of_reserved(&entry.path) {
                // The next listing begins after the directory.
                after = Some(end);
                break;
            }
            if ExternalPath::try_from(entry.path.clone()).is_ok() {
                found.push(entry);
            }
        }
        for some in found.chunks(AT_ONCE) {
            let keys: Vec<_> = some.iter().map(|it| it.path.clone()).collect();
            let mut videos = match with_videos {
                true => videos_of(&state, &keys).await?,
                false => HashMap::new(),
            };
            let left_out = match with_videos {
                true => HashSet::new(),
                false => state.catalog.source_keys(&keys).await?,
            };
            for entry in some.iter().filter(|it| !left_out.contains(&it.path)) {
                if objects.len() == limit {
                    let next_cursor = objects.last().map(|it: &ListedObject| it.key.clone());
                    return Ok(Json(ObjectList {
                        objects,
                        next_cursor,
                    }));
                }
                objects.push(view(entry, videos.remove(&entry.path)));
            }
        }
        if after.is_none() {
            break;
        }
    }
    Ok(Json(ObjectList {
        objects,
        next_cursor: after,
    }))
}

/// Whether no key of a convertible object has this character, and the store's XML may not.
fn is_impossible(character: char) -> bool {
    character.is_control() || matches!(character, '\u{FFFE}' | '\u{FFFF}')
}

/// The newest video of each of these objects that has one.
async fn videos_of(
    state: &ApiState,
    keys: &[String],
) -> Result<HashMap<String, ObjectVideo>, ApiError> {
    let found = state.catalog.videos_of_sources(keys).await?;
    let videos = found.into_iter().filter_map(|(video, receipt)| {
        let key = video.source.key.clone()?;
        Some((key, view_of_video(state, video, receipt)))
    });
    // The newest one comes last.
    Ok(videos.collect())
}

fn view_of_video(state: &ApiState, video: Video, receipt: Option<Receipt>) -> ObjectVideo {
    let failure = match &video.state {
        VideoState::Failed(failure) => Some(VideoFailure::from(failure)),
        _ => None,
    };
    ObjectVideo {
        id: video.id,
        state: video.state.name(),
        owner: video.owner,
        external_id: video.external_id,
        failure,
        etag: video.source.etag,
        duration_seconds: video.duration_ms.map(|it| it as f64 / 1_000.0),
        cost: receipt.map(|it| it.cost(&state.config.prices)),
    }
}

fn view(entry: &Entry, video: Option<ObjectVideo>) -> ListedObject {
    ListedObject {
        key: entry.path.clone(),
        size: entry.size,
        etag: entry.etag.0.clone(),
        modified_at: entry.modified_ms.into(),
        // Reading it would cost a request per object.
        content_type: None,
        video,
    }
}
