//! The objects of a conversion, and what is known about them.

use std::collections::HashMap;

use api_types::objects::{ListObjects, ListedObject, ObjectVideo};
use domain::estimate::Measured;
use domain::state::StateName;

use super::ConvertOptions;
use super::select::{Selected, Selection};
use crate::api::{Api, ApiError};
use crate::catalogue::{Ids, Item, ItemState, outcome, receipts};

/// Objects and videos in a page.
const PAGE: u32 = 200;

/// The objects of a conversion, in the order of their keys.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The objects that the filters select.
    pub items: Vec<Item>,
    /// Receipts of other videos of the installation, if none of these objects is a video yet.
    pub others: Measured,
}

/// Lists the objects below a prefix. Of objects with the same content, one is to be converted.
///
/// # Errors
/// Those of the API.
pub async fn take(
    api: &Api,
    prefix: Option<String>,
    selection: &Selection,
    options: &ConvertOptions,
) -> Result<Inventory, ApiError> {
    let mut params = ListObjects {
        prefix,
        cursor: None,
        limit: Some(PAGE),
        converted: Some(true),
    };
    let mut items = vec![];
    loop {
        let page = api.objects(&params).await?;
        items.extend(
            page.objects
                .into_iter()
                .filter_map(|it| item(it, selection)),
        );
        params.cursor = page.next_cursor;
        if params.cursor.is_none() {
            break;
        }
    }
    find_duplicates(&mut items);
    let is_measured = |it: &Item| it.usd.is_some() && it.state != ItemState::Changed;
    let others = match items.iter().any(is_measured) {
        true => Measured::default(),
        false => receipts(api, options.profile.as_deref(), options.mode).await?,
    };
    Ok(Inventory { items, others })
}

/// What is known about an object; `None`: a filter leaves it out.
fn item(object: ListedObject, selection: &Selection) -> Option<Item> {
    let skipped = |why: &str| (ItemState::Skipped, Some(why.to_owned()));
    let (state, problem) = match (selection.select(&object), &object.video) {
        (Selected::FilteredOut, _) => return None,
        (Selected::Yes, None) => (ItemState::Waiting(None), None),
        (_, Some(video)) => state_of(&object, video),
        (Selected::Empty, None) => skipped("the object is empty"),
        (Selected::NotMedia, None) => skipped("its name is not that of a video: use --include"),
    };
    Some(with_state(object, state, problem))
}

/// An object as it is now; `None`: the bucket does not have it any more. The filters do not count.
///
/// # Errors
/// Those of the API.
pub(super) async fn again(api: &Api, key: &str) -> Result<Option<Item>, ApiError> {
    let params = ListObjects {
        prefix: Some(key.to_owned()),
        cursor: None,
        limit: Some(1),
        converted: Some(true),
    };
    // Before the other keys with this beginning comes the key itself.
    let first = api.objects(&params).await?.objects.into_iter().next();
    Ok(first.filter(|it| it.key == key).map(wanted))
}

/// What is known about an object that is to be converted.
fn wanted(object: ListedObject) -> Item {
    let (state, problem) = match &object.video {
        Some(video) => state_of(&object, video),
        None => (ItemState::Waiting(None), None),
    };
    with_state(object, state, problem)
}

fn with_state(object: ListedObject, state: ItemState, problem: Option<String>) -> Item {
    let video = object.video;
    Item {
        key: object.key,
        size: object.size,
        etag: object.etag,
        asset: None,
        state,
        seconds: video.as_ref().and_then(|it| it.duration_seconds),
        usd: video
            .as_ref()
            .and_then(|it| it.cost)
            .map(|it| it.once_usd()),
        video: video.map(|it| it.id),
        problem,
    }
}

/// What became of an object that is the source of a video.
fn state_of(object: &ListedObject, video: &ObjectVideo) -> (ItemState, Option<String>) {
    if video.etag.as_ref().is_some_and(|it| *it != object.etag) {
        let problem = "the object was replaced after its video was made: delete the video to convert the new one";
        return (ItemState::Changed, Some(problem.to_owned()));
    }
    match video.state {
        // The request that created it ended before it requested the work.
        StateName::Created => {
            let ids = Ids {
                owner: video.owner.clone(),
                external_id: video.external_id.clone(),
            };
            (ItemState::Waiting(Some(ids)), None)
        }
        state => outcome(state, video.failure.as_ref()),
    }
}

/// Marks the objects that need no video of their own. The content of a video that exists is not converted again;
/// otherwise the first object is converted.
fn find_duplicates(items: &mut [Item]) {
    let rank = |it: &Item| match it.state {
        ItemState::Ready => 0,
        ItemState::Stored | ItemState::InFlight | ItemState::Waiting(Some(_)) => 1,
        ItemState::Failed => 2,
        ItemState::Waiting(None) => 3,
        ItemState::Changed
        | ItemState::Skipped
        | ItemState::Preparing
        | ItemState::Unavailable
        | ItemState::Duplicate(_)
        | ItemState::NotStarted(_) => 4,
    };
    let mut firsts: HashMap<(u64, String), usize> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        if item.etag.is_empty() || rank(item) == 4 {
            continue;
        }
        let first = firsts
            .entry((item.size, item.etag.clone()))
            .or_insert(index);
        if rank(item) < rank(&items[*first]) {
            *first = index;
        }
    }
    for index in 0..items.len() {
        let item = &items[index];
        let first = firsts.get(&(item.size, item.etag.clone())).copied();
        if let (ItemState::Waiting(None), Some(first)) = (&item.state, first)
            && first != index
        {
            items[index].state = ItemState::Duplicate(items[first].key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::VideoId;
    use serde_json::json;

    use super::*;

    fn listed(key: &str, etag: &str, video: Option<serde_json::Value>) -> ListedObject {
        let mut object = json!({
            "key": key, "size": 5, "etag": etag, "modified_at": "2026-11-21T18:27:05.123Z", "content_type": null,
        });
        object["video"] = video.unwrap_or_default();
        serde_json::from_value(object).unwrap()
    }

    fn video(state: &str, etag: Option<&str>) -> serde_json::Value {
        json!({
            "id": VideoId::new(1, [1; 10]), "owner": "ann", "external_id": "x", "state": state, "failure": null,
            "etag": etag, "duration_seconds": null, "cost": null,
        })
    }

    fn items(objects: Vec<ListedObject>) -> Vec<Item> {
        let all = Selection::default();
        let mut items: Vec<_> = objects
            .into_iter()
            .filter_map(|it| item(it, &all))
            .collect();
        find_duplicates(&mut items);
        items
    }

    fn states(items: &[Item]) -> Vec<&'static str> {
        items.iter().map(|it| it.state.name()).collect()
    }

    #[test]
    fn videos_say_what_became_of_objects() {
        for (state, expected) in [
            ("created", "waiting"),
            ("uploading", "in-flight"),
            ("queued", "in-flight"),
            ("processing", "in-flight"),
            ("playable", "in-flight"),
            ("stored", "stored"),
            ("ready", "ready"),
            ("failed", "failed"),
            ("cancelled", "failed"),
        ] {
            let found = items(vec![listed("a.mp4", "1", Some(video(state, Some("1"))))]);
            assert_eq!(states(&found), [expected], "{state}");
        }
        let cut_off = items(vec![listed("a.mp4", "1", Some(video("created", None)))]);
        let ids = Ids {
            owner: Some("ann".to_owned()),
            external_id: Some("x".to_owned()),
        };
        assert_eq!(cut_off[0].state, ItemState::Waiting(Some(ids)));
        let replaced = items(vec![listed("a.mp4", "2", Some(video("ready", Some("1"))))]);
        assert_eq!(states(&replaced), ["changed"]);
    }

    #[test]
    fn objects_are_asked_for_again() {
        for (found, expected) in [
            (None, "waiting"),
            (Some(video("created", None)), "waiting"),
            (Some(video("queued", Some("1"))), "in-flight"),
            (Some(video("ready", Some("1"))), "ready"),
            (Some(video("ready", Some("0"))), "changed"),
        ] {
            let object = listed("notes.txt", "1", found.clone());
            assert_eq!(wanted(object).state.name(), expected, "{found:?}");
        }
    }

    #[test]
    fn equal_objects_are_converted_once() {
        let first_of = |etag: &str| ItemState::Duplicate(format!("{etag}.mp4"));
        let found = items(vec![
            listed("1.mp4", "1", None),
            listed("1b.mp4", "1", None),
            listed("2.txt", "2", None),
            listed("2.mp4", "2", None),
            listed("2b.mp4", "2", None),
            listed("unknown.mp4", "", None),
            listed("unknown2.mp4", "", None),
        ]);
        assert_eq!(
            states(&found),
            [
                "waiting",
                "duplicate",
                "skipped",
                "waiting",
                "duplicate",
                "waiting",
                "waiting"
            ]
        );
        assert_eq!(
            (&found[1].state, &found[4].state),
            (&first_of("1"), &first_of("2"))
        );
    }

    #[test]
    fn the_content_of_a_video_is_not_converted_again() {
        let found = items(vec![
            listed("a.mp4", "1", None),
            listed("b.mp4", "1", Some(video("failed", Some("1")))),
            listed("c.mp4", "1", Some(video("ready", Some("1")))),
            listed("d.mp4", "1", Some(video("queued", Some("1")))),
            listed("e.mp4", "1", Some(video("ready", Some("0")))),
        ]);
        assert_eq!(
            states(&found),
            ["duplicate", "failed", "ready", "in-flight", "changed"]
        );
        assert_eq!(found[0].state, ItemState::Duplicate("c.mp4".to_owned()));
    }
}
