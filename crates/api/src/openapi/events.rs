//! OpenAPI documentation of events: those of the bucket, and changes of videos.

use api_types::events::{BucketEvents, BucketEventsResult};
use http::StatusCode;
use serde_json::json;

use super::Doc;
use crate::problem::Problem::*;

pub(crate) fn receive() -> Doc {
    let about = "For stores that send their events to a URL, and for the edge worker (`EDGEREEL_JOBS_URL`). The body is \
        a notification of R2, S3 or MinIO, at most 64 KiB, or a list of 1 to 100 of them, at most 1 MiB. An event may be \
        sent more than once; after any status other than 2xx, send it again.\n\n\
        The response to a list has an entry for each item, in the same order, and the status 200 even if items failed. \
        A failed item has an `error` in place of the counts. If `retry` is true, send the item again later; otherwise it \
        would fail again. Items of which no result is known after 8 s are such failed items.";
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
    .request_body::<BucketEvents>(event)
    .response::<BucketEventsResult>(
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
