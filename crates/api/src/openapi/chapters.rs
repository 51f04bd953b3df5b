//! OpenAPI documentation of chapters.

use api_types::chapters::{ChapterList, ChaptersRequest};
use http::StatusCode;
use serde_json::{Value, json};

use super::Doc;
use crate::problem::Problem::*;

fn chapters() -> Value {
    json!([{ "start": 0.0, "title": "Introduction" }, { "start": 61.5, "title": "Lenses" }])
}

fn list() -> Value {
    json!({ "chapters": chapters(), "origin": "uploaded", "status": "pending" })
}

pub(crate) fn read() -> Doc {
    let about = "Those of the uploaded file, unless others were stored.";
    Doc::new("getChapters", "Get chapters", about)
        .response::<ChapterList>(StatusCode::OK, "The chapters.", list())
        .problems(&[NoSuchVideo])
}

pub(crate) fn put() -> Doc {
    let about = "Replaces the chapters of the video without a re-encode. Players show them on the seek bar; a video that is \
        not ready gets them when it is.";
    Doc::new("putChapters", "Store chapters", about)
        .request_body::<ChaptersRequest>(json!({ "chapters": chapters() }))
        .response::<ChapterList>(StatusCode::OK, "The chapters of the video.", list())
        .problems(&[NoSuchVideo, InvalidField])
}

pub(crate) fn delete() -> Doc {
    let about = "Repeating the request is not an error.";
    Doc::new("deleteChapters", "Delete chapters", about)
        .no_content("The video has no chapters.")
        .problems(&[NoSuchVideo])
}
