//! OpenAPI documentation of Uppy's protocol.

use http::StatusCode;
use serde_json::json;

use super::Doc;
use crate::problem::Problem::*;
use crate::uploads::uppy::{
    Begun, GivenUp, KeyParam, Location, NewFile, PartUrl, PartView, PutParams, PutWish, SentParts,
};

const KEY: &str = "uploads/vid_018bcfe5680077078707070707070707/film.mp4";

pub(crate) fn params() -> Doc {
    let about = "Presigns one PUT for the whole file, for Uppy before version 6, which sends the header `uppy-versions`. Later \
        versions send a form, which R2 does not support: they need `shouldUseMultipart: true`. Parameters named \
        `metadata[...]` are stored as metadata.";
    Doc::of("uppyParams", "Start an upload in one request", about)
        .asks::<PutWish>("filename=film.mp4&type=video/mp4")
        .gives::<PutParams>(
            StatusCode::OK,
            "The presigned request.",
            json!({
                "method": "PUT", "url": "https://account.example/...", "fields": {}, "expires": 86_400,
                "headers": { "content-type": "video/mp4" },
            }),
        )
        .refuses(&[
            InvalidField,
            OnlyInParts,
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
    Doc::of("uppyBegin", "Start a multipart upload", "")
        .takes::<NewFile>(json!({ "filename": "film.mp4", "type": "video/mp4", "metadata": { "title": "Lesson 1" } }))
        .gives::<Begun>(
            StatusCode::OK,
            "The key and id for the following requests.",
            json!({ "key": KEY, "uploadId": "2~abc" }),
        )
        .refuses(&[
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
    Doc::of("uppyListParts", "List uploaded parts", "")
        .asks::<KeyParam>("key=$KEY")
        .gives::<Vec<PartView>>(StatusCode::OK, "The parts that the store has.", example)
        .refuses(&[NoSuchVideo, UploadGone, Conflict])
}

pub(crate) fn abort() -> Doc {
    Doc::of("uppyAbort", "Abort a multipart upload", "Deletes its video too. Repeating the request is not an error.")
        .asks::<KeyParam>("key=$KEY")
        .gives::<GivenUp>(StatusCode::OK, "Aborted.", json!({}))
        .refuses(&[NoSuchVideo, UploadGone, UploadComplete, Conflict])
}

pub(crate) fn sign() -> Doc {
    Doc::of("uppySignPart", "Presign a part", "")
        .asks::<KeyParam>("key=$KEY")
        .gives::<PartUrl>(
            StatusCode::OK,
            "The URL for the PUT of the part.",
            json!({ "url": "https://account.example/...", "expires": 86_400 }),
        )
        .refuses(&[NoSuchVideo, UploadGone, UploadComplete, Conflict, InvalidField])
}

pub(crate) fn complete() -> Doc {
    Doc::of("uppyComplete", "Complete a multipart upload", "Repeating the request is not an error.")
        .asks::<KeyParam>("key=$KEY")
        .takes::<SentParts>(json!({ "parts": [{ "PartNumber": 1, "ETag": "\"9a0364b9e99bb480dd25e1f0284c8555\"" }] }))
        .gives::<Location>(
            StatusCode::OK,
            "The video.",
            json!({ "location": "/v1/videos/vid_018bcfe5680077078707070707070707", "key": KEY }),
        )
        .refuses(&[NoSuchVideo, UploadGone, UploadIncomplete, Conflict, TooLarge, EmptyFile, InvalidField])
}
