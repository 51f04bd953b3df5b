//! OpenAPI documentation of events: those of the bucket, and changes of videos.

use api_types::events::{BucketEvent, EventResult};
use http::StatusCode;
use serde_json::json;

use super::Doc;
use crate::problem::Problem::*;

pub(crate) fn receive() -> Doc {
    let about = "For stores that send their events to a URL, and for the edge worker (`EDGEREEL_JOBS_URL`). The body is \
        a notification of R2 or S3. An event may be sent more than once; after any status other than 2xx, send it again.";
    let event = json!({
        "account": "a", "action": "PutObject", "bucket": "private", "eventTime": "2026-11-21T18:27:05.123Z",
        "object": {
            "key": "uploads/vid_018bcfe5680077078707070707070707/film.mp4", "size": 52_428_800,
            "eTag": "9a0364b9e99bb480dd25e1f0284c8555",
        },
    });
    Doc::new(
        "reportEvent",
        "Report an event of the private bucket",
        about,
    )
    .request_body::<BucketEvent>(event)
    .response::<EventResult>(
        StatusCode::OK,
        "The effect of the event.",
        json!({ "queued": 1, "known": 0, "ignored": [] }),
    )
    .problems(&[NoSuchVideo, Conflict, InvalidField])
}

pub(crate) fn stream() -> Doc {
    let about = "Server-sent events (`text/event-stream`). `video`: a video that changed, as in the list; at most one per \
        video and second; a deleted video has the state `deleted`. `missed`: the events after `Last-Event-ID` are not \
        known any more, so load the list again. The stream ends after a minute: connect again with `Last-Event-ID`, as \
        browsers do. 404 where the API cannot stream (Lambda).";
    Doc::new("streamEvents", "Watch videos change", about)
        .event_stream(
            "Each event.",
            json!({ "id": "1764440831123", "event": "video", "data": "{...}" }),
        )
        .problems(&[NoSuchRoute])
}
