//! OpenAPI documentation of Uppy's protocol.

use api_types::uppy::{
    UppyAborted, UppyFile, UppyFileParams, UppyKey, UppyLocation, UppyPart, UppyPartUrl, UppyPut,
    UppySentParts, UppyUpload,
};
use http::StatusCode;
use serde_json::json;

use super::Doc;
use crate::problem::Problem::*;

const KEY: &str = "uploads/vid_018bcfe5680077078707070707070707/film.mp4";

pub(crate) fn params() -> Doc {
    let about = "Presigns one PUT for the whole file, for Uppy before version 6, which sends the header `uppy-versions`. Later \
        versions send a form, which R2 does not support: they need `shouldUseMultipart: true`. Parameters named \
        `metadata[...]` are stored as metadata.";
    Doc::new("uppyParams", "Start an upload in one request", about)
        .query::<UppyFileParams>("filename=film.mp4&type=video/mp4")
        .response::<UppyPut>(
            StatusCode::OK,
            "The presigned request.",
            json!({
                "method": "PUT", "url": "https://account.example/...", "fields": {}, "expires": 86_400,
                "headers": { "content-type": "video/mp4" },
            }),
        )
        .problems(&[
            InvalidField,
            MultipartRequired,
            EmptyFile,
            TooLarge,
            UnsupportedType,
            FieldTooLong,
            NoSuchProfile,
            TooManyUploads,
            OverQuota,
        ])
}

pub(crate) fn begin() -> Doc {
    Doc::new("uppyCreateMultipart", "Start a multipart upload", "")
        .request_body::<UppyFile>(
            json!({ "filename": "film.mp4", "type": "video/mp4", "metadata": { "title": "Lesson 1" } }),
        )
        .response::<UppyUpload>(
            StatusCode::OK,
            "The key and id for the following requests.",
            json!({ "key": KEY, "uploadId": "2~abc" }),
        )
        .problems(&[
            InvalidField,
            EmptyFile,
            TooLarge,
            UnsupportedType,
            FieldTooLong,
            NoSuchProfile,
            TooManyUploads,
            OverQuota,
        ])
}

pub(crate) fn list() -> Doc {
    let example = json!([{ "PartNumber": 1, "Size": 5_242_880, "ETag": "\"9a0364b9e99bb480dd25e1f0284c8555\"" }]);
    Doc::new("uppyListParts", "List uploaded parts", "")
        .query::<UppyKey>("key=$KEY")
        .response::<Vec<UppyPart>>(StatusCode::OK, "The parts that the store has.", example)
        .problems(&[NoSuchVideo, UploadGone, Conflict])
}

pub(crate) fn abort() -> Doc {
    Doc::new(
        "uppyAbort",
        "Abort a multipart upload",
        "Deletes its video too. Repeating the request is not an error.",
    )
    .query::<UppyKey>("key=$KEY")
    .response::<UppyAborted>(StatusCode::OK, "Aborted.", json!({}))
    .problems(&[NoSuchVideo, UploadGone, UploadComplete, Conflict])
}

pub(crate) fn sign() -> Doc {
    Doc::new("uppySignPart", "Presign a part", "")
        .query::<UppyKey>("key=$KEY")
        .response::<UppyPartUrl>(
            StatusCode::OK,
            "The URL for the PUT of the part.",
            json!({ "url": "https://account.example/...", "expires": 86_400 }),
        )
        .problems(&[
            NoSuchVideo,
            UploadGone,
            UploadComplete,
            Conflict,
            InvalidField,
        ])
}

pub(crate) fn complete() -> Doc {
    Doc::new(
        "uppyComplete",
        "Complete a multipart upload",
        "Repeating the request is not an error.",
    )
    .query::<UppyKey>("key=$KEY")
    .request_body::<UppySentParts>(
        json!({ "parts": [{ "PartNumber": 1, "ETag": "\"9a0364b9e99bb480dd25e1f0284c8555\"" }] }),
    )
    .response::<UppyLocation>(
        StatusCode::OK,
        "The video.",
        json!({ "location": "/v1/videos/vid_018bcfe5680077078707070707070707", "key": KEY }),
    )
    .problems(&[
        NoSuchVideo,
        UploadGone,
        UploadIncomplete,
        Conflict,
        TooLarge,
        EmptyFile,
        InvalidField,
    ])
}
