//! What the document says of the installation itself.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::dead_letters::{DeadLetterList, ListParams, Redriven};
use crate::health::{Health, Readiness};
use crate::problem::Problem::*;

pub(crate) fn healthz() -> Doc {
    Doc::of("healthz", "Is the process alive?", "").gives::<Health>(StatusCode::OK, "It is.", json!({ "status": "ok" }))
}

pub(crate) fn readyz() -> Doc {
    let ready = |word: &str| json!({ "status": word, "catalog": "ok", "queue": "ok", "store": word });
    Doc::of("readyz", "Can it do its work?", "Asks the catalog, the queue and the store.")
        .gives::<Readiness>(StatusCode::OK, "It can.", ready("ok"))
        .gives::<Readiness>(StatusCode::SERVICE_UNAVAILABLE, "Something behind it does not answer.", ready("failing"))
}

pub(crate) fn dead_letters() -> Doc {
    let about = "Jobs that nobody receives any more: tried too often, or not to be read. Their videos have failed.";
    Doc::of("listDeadLetters", "List dead letters", about).asks::<ListParams>("limit=50").gives::<DeadLetterList>(
        StatusCode::OK,
        "Some of them.",
        json!({ "dead_letters": [examples::dead_letter()] }),
    )
}

pub(crate) fn redrive_all() -> Doc {
    Doc::of(
        "redriveAll",
        "Try all of them again",
        "Their videos are queued again. Those that nobody waits for any more are thrown away.",
    )
    .gives::<Redriven>(StatusCode::ACCEPTED, "They wait for a worker.", json!({ "redriven": 3, "dropped": 1 }))
}

pub(crate) fn redrive() -> Doc {
    Doc::of(
        "redriveDeadLetter",
        "Try one of them again",
        "Its video is queued again. If nobody waits for it any more, it is thrown away.",
    )
    .gives::<Redriven>(StatusCode::ACCEPTED, "It waits for a worker.", json!({ "redriven": 1, "dropped": 0 }))
    .refuses(&[NoSuchDeadLetter])
}
