//! `GET /v1/objects`: the objects of the private bucket that can be converted.

use api_types::objects::{ListObjects, ListedObject, ObjectList};
use axum::Json;
use axum::extract::State;
use domain::object_key::{ExternalPath, ObjectPrefix};
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

/// Objects outside the directories of Edgereel that are the source of no video.
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
            let sources = state.catalog.source_keys(&keys).await?;
            for entry in some.iter().filter(|it| !sources.contains(&it.path)) {
                if objects.len() == limit {
                    let next_cursor = objects.last().map(|it: &ListedObject| it.key.clone());
                    return Ok(Json(ObjectList {
                        objects,
                        next_cursor,
                    }));
                }
                objects.push(view(entry));
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

fn view(entry: &Entry) -> ListedObject {
    ListedObject {
        key: entry.path.clone(),
        size: entry.size,
        modified_at: entry.modified_ms.into(),
        // Reading it would cost a request per object.
        content_type: None,
    }
}
