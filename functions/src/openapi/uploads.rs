//! What the document says of uploads.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;
use crate::uploads::create::{Created, NewUpload};
use crate::uploads::finish::{Completed, Completion};
use crate::uploads::progress::{SignedParts, UploadView, WantedParts};

pub(crate) fn create() -> Doc {
    let about = "Makes a video, and answers with what fills it: one presigned PUT, or, above 64 MiB, equal parts, whose \
        requests are had from `/parts`. The requests carry their size and type, and write once.";
    let example = json!({
        "filename": "film.mp4", "size": 52_428_800, "content_type": "video/mp4", "title": "Lesson 1",
        "external_id": "lesson:1", "metadata": { "course": "algebra" }, "generate": "on_upload",
    });
    Doc::of("createUpload", "Begin an upload", about)
        .takes::<NewUpload>(example)
        .gives::<Created>(StatusCode::CREATED, "The video, and how to send its bytes.", examples::created_upload())
        .with(&["Location"])
        .refuses(&[
            EmptyFile,
            TooLarge,
            UnsupportedType,
            FieldTooLong,
            NoSuchProfile,
            InvalidField,
            TooManyUploads,
            OverQuota,
        ])
}

pub(crate) fn read() -> Doc {
    let about = "How far it is, and what the store has of it: all that resuming needs, also after a crash.";
    Doc::of("readUpload", "Look at an upload", about)
        .gives::<UploadView>(StatusCode::OK, "The upload.", examples::upload())
        .refuses(&[NoSuchVideo, Conflict, UploadGone])
}

pub(crate) fn abort() -> Doc {
    let about = "Gives it up, with its video and what arrived of it. Doing it again is no error.";
    Doc::of("abortUpload", "Give an upload up", about).gives_nothing("It is gone.").refuses(&[
        NoSuchVideo,
        UploadComplete,
        Conflict,
    ])
}

pub(crate) fn presign_parts() -> Doc {
    let about = "Signs the requests of up to 100 parts. Signing one again is no error: the last that arrives counts.";
    Doc::of("presignParts", "Get the requests of parts", about)
        .takes::<WantedParts>(json!({ "numbers": [2, 3] }))
        .gives::<SignedParts>(StatusCode::OK, "A request for each.", examples::signed_parts())
        .refuses(&[NoSuchVideo, NotAMultipartUpload, UploadComplete, UploadGone, Conflict, InvalidField])
}

pub(crate) fn complete() -> Doc {
    let about = "Checks that all has arrived and has the store put it together. With `parts`, their ETags are checked \
        too. Doing it again is no error. The work starts with it, or with the bucket's event if that comes first.";
    Doc::of("completeUpload", "Complete an upload", about)
        .may_take::<Completion>(json!({ "parts": [{ "number": 1, "etag": "9a0364b9e99bb480dd25e1f0284c8555" }] }))
        .gives::<Completed>(StatusCode::OK, "All of it is there.", examples::completed_upload())
        .refuses(&[NoSuchVideo, UploadIncomplete, UploadGone, Conflict, InvalidField])
}
