//! OpenAPI documentation of uploads.

use api_types::uploads::{
    CompleteUpload, CompletedUpload, CreatedUpload, NewUpload, PartsRequest, SignedParts, Upload,
};
use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;

pub(crate) fn create() -> Doc {
    let about = "Creates a video and returns how to upload its bytes: one presigned PUT, or, above 64 MiB, equal parts, \
        whose requests come from `/parts`. Each request is signed for its size and type, and can write only once.";
    let example = json!({
        "filename": "film.mp4", "size": 52_428_800, "content_type": "video/mp4", "title": "Lesson 1",
        "external_id": "lesson:1", "metadata": { "course": "algebra" }, "generate": "on_upload",
    });
    Doc::new("createUpload", "Start an upload", about)
        .request_body::<NewUpload>(example)
        .response::<CreatedUpload>(
            StatusCode::CREATED,
            "The video, and how to upload its bytes.",
            examples::created_upload(),
        )
        .with_headers(&["Location"])
        .problems(&[
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
    let about = "Returns the progress and the parts that the store has: everything a client needs to resume.";
    Doc::new("getUpload", "Get an upload", about)
        .response::<Upload>(StatusCode::OK, "The upload.", examples::upload())
        .problems(&[NoSuchVideo, Conflict, UploadGone])
}

pub(crate) fn abort() -> Doc {
    let about = "Deletes the upload, its video and the bytes that arrived. Repeating the request is not an error.";
    Doc::new("abortUpload", "Abort an upload", about)
        .no_content("Aborted.")
        .problems(&[NoSuchVideo, UploadComplete, Conflict])
}

pub(crate) fn presign_parts() -> Doc {
    let about = "Signs requests for up to 100 parts. A part may be signed and sent again: the last one that arrives counts.";
    Doc::new("presignParts", "Presign parts", about)
        .request_body::<PartsRequest>(json!({ "numbers": [2, 3] }))
        .response::<SignedParts>(
            StatusCode::OK,
            "One request per part.",
            examples::signed_parts(),
        )
        .problems(&[
            NoSuchVideo,
            NotAMultipartUpload,
            UploadComplete,
            UploadGone,
            Conflict,
            InvalidField,
        ])
}

pub(crate) fn complete() -> Doc {
    let about = "Checks that all bytes have arrived and completes the upload in the store. With `parts`, checks their ETags \
        too. Starts transcoding, unless the bucket's event came first. Repeating the request is not an error.";
    Doc::new("completeUpload", "Complete an upload", about)
        .optional_body::<CompleteUpload>(
            json!({ "parts": [{ "number": 1, "etag": "9a0364b9e99bb480dd25e1f0284c8555" }] }),
        )
        .response::<CompletedUpload>(
            StatusCode::OK,
            "The upload is complete.",
            examples::completed_upload(),
        )
        .problems(&[
            NoSuchVideo,
            UploadIncomplete,
            UploadGone,
            Conflict,
            InvalidField,
        ])
}
