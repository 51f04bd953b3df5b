//! OpenAPI documentation of the installation itself.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::dead_letters::{DeadLetterList, ListParams, Redriven};
use crate::health::{Health, Readiness};
use crate::problem::Problem::*;

pub(crate) fn healthz() -> Doc {
    Doc::of("healthz", "Check liveness", "").gives::<Health>(
        StatusCode::OK,
        "The process is running.",
        json!({ "status": "ok" }),
    )
}

pub(crate) fn readyz() -> Doc {
    let ready = |word: &str| json!({ "status": word, "catalog": "ok", "queue": "ok", "store": word });
    Doc::of("readyz", "Check readiness", "Queries the catalog, the queue and the store.")
        .gives::<Readiness>(StatusCode::OK, "All services respond.", ready("ok"))
        .gives::<Readiness>(StatusCode::SERVICE_UNAVAILABLE, "A service does not respond.", ready("failing"))
}

pub(crate) fn dead_letters() -> Doc {
    let about =
        "Jobs that are no longer delivered: they failed too often, or cannot be parsed. Their videos have failed.";
    Doc::of("listDeadLetters", "List dead letters", about).asks::<ListParams>("limit=50").gives::<DeadLetterList>(
        StatusCode::OK,
        "Up to `limit` dead letters.",
        json!({ "dead_letters": [examples::dead_letter()] }),
    )
}

pub(crate) fn redrive_all() -> Doc {
    Doc::of(
        "redriveAll",
        "Redrive all dead letters",
        "Their videos are queued again. Dead letters that are no longer needed are removed.",
    )
    .gives::<Redriven>(StatusCode::ACCEPTED, "Queued.", json!({ "redriven": 3, "dropped": 1 }))
}

pub(crate) fn redrive() -> Doc {
    Doc::of(
        "redriveDeadLetter",
        "Redrive a dead letter",
        "Its video is queued again. A dead letter that is no longer needed is removed.",
    )
    .gives::<Redriven>(StatusCode::ACCEPTED, "Queued.", json!({ "redriven": 1, "dropped": 0 }))
    .refuses(&[NoSuchDeadLetter])
}
