//! OpenAPI documentation of objects.

use api_types::objects::{ListObjects, ObjectList};
use http::StatusCode;
use serde_json::json;

use super::Doc;

pub(crate) fn list() -> Doc {
    let about = "Objects of the private bucket outside the directories of Edgereel that are the source of no video. Convert \
        them with `POST /v1/videos`. With `converted=true`, also those that are the source of a video.";
    let object = json!({
        "key": "films/a.mp4", "size": 52_428_800, "etag": "9b2cf535f27731c974343645a3985328",
        "modified_at": "2026-11-21T18:27:05.123Z", "content_type": null,
    });
    Doc::new("listObjects", "List convertible objects", about)
        .query::<ListObjects>("prefix=films/&limit=50")
        .response::<ObjectList>(
            StatusCode::OK,
            "A page of results.",
            json!({ "objects": [object], "next_cursor": null }),
        )
}
