//! OpenAPI documentation of the installation itself.

use api_types::dead_letters::{DeadLetterList, ListDeadLetters, RedriveResult};
use api_types::health::{Health, Readiness};
use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;

pub(crate) fn healthz() -> Doc {
    Doc::new("healthz", "Check liveness", "").response::<Health>(
        StatusCode::OK,
        "The process is running.",
        json!({ "status": "ok" }),
    )
}

pub(crate) fn readyz() -> Doc {
    let ready =
        |word: &str| json!({ "status": word, "catalog": "ok", "queue": "ok", "store": word });
    Doc::new(
        "readyz",
        "Check readiness",
        "Queries the catalog, the queue and the store.",
    )
    .response::<Readiness>(StatusCode::OK, "All services respond.", ready("ok"))
    .response::<Readiness>(
        StatusCode::SERVICE_UNAVAILABLE,
        "A service does not respond.",
        ready("failing"),
    )
}

pub(crate) fn dead_letters() -> Doc {
    let about = "Jobs that the queue no longer delivers: they failed too often, or cannot be parsed. Their videos have failed.";
    Doc::new("listDeadLetters", "List dead letters", about)
        .query::<ListDeadLetters>("limit=50")
        .response::<DeadLetterList>(
            StatusCode::OK,
            "Up to `limit` dead letters.",
            json!({ "dead_letters": [examples::dead_letter()], "next_cursor": null }),
        )
}

pub(crate) fn redrive_all() -> Doc {
    Doc::new(
        "redriveAllDeadLetters",
        "Redrive all dead letters",
        "Their videos are queued again. Dead letters that are no longer needed are removed.",
    )
    .response::<RedriveResult>(
        StatusCode::ACCEPTED,
        "Queued.",
        json!({ "redriven": 3, "dropped": 1 }),
    )
}

pub(crate) fn redrive() -> Doc {
    Doc::new(
        "redriveDeadLetter",
        "Redrive a dead letter",
        "Its video is queued again. A dead letter that is no longer needed is removed.",
    )
    .response::<RedriveResult>(
        StatusCode::ACCEPTED,
        "Queued.",
        json!({ "redriven": 1, "dropped": 0 }),
    )
    .problems(&[NoSuchDeadLetter])
}

pub(crate) fn purge() -> Doc {
    Doc::new(
        "deleteDeadLetter",
        "Remove a dead letter",
        "Its job is not sent again. A video that still waits for the job fails.",
    )
    .no_content("Removed.")
    .problems(&[NoSuchDeadLetter])
}
