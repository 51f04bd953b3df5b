//! What the document says of Uppy's protocol.

use http::StatusCode;
use serde_json::json;

use super::Doc;
use crate::problem::Problem::*;
use crate::uploads::uppy::{
    Begun, GivenUp, KeyParam, Location, NewFile, PartUrl, PartView, PutParams, PutWish, SentParts,
};

const KEY: &str = "uploads/vid_018bcfe5680077078707070707070707/film.mp4";

pub(crate) fn params() -> Doc {
    let about = "One PUT for all of a file, for Uppy before version 6, which names itself in the header `uppy-versions`. Later \
        ones send a form, which R2 does not take: they need `shouldUseMultipart: true`. Other parameters named \
        `metadata[...]` are kept as metadata.";
    Doc::of("uppyParams", "Begin an upload in one request", about)
        .asks::<PutWish>("filename=film.mp4&type=video/mp4")
        .gives::<PutParams>(
            StatusCode::OK,
            "The request.",
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
    Doc::of("uppyBegin", "Begin an upload in parts", "")
        .takes::<NewFile>(json!({ "filename": "film.mp4", "type": "video/mp4", "metadata": { "title": "Lesson 1" } }))
        .gives::<Begun>(StatusCode::OK, "What the other requests name.", json!({ "key": KEY, "uploadId": "2~abc" }))
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
    Doc::of("uppyListParts", "List the parts that arrived", "")
        .asks::<KeyParam>("key=$KEY")
        .gives::<Vec<PartView>>(StatusCode::OK, "What the store has.", example)
        .refuses(&[NoSuchVideo, UploadGone, Conflict])
}

pub(crate) fn abort() -> Doc {
    Doc::of("uppyAbort", "Give an upload in parts up", "With its video. Doing it again is no error.")
        .asks::<KeyParam>("key=$KEY")
        .gives::<GivenUp>(StatusCode::OK, "It is gone.", json!({}))
        .refuses(&[NoSuchVideo, UploadGone, UploadComplete, Conflict])
}

pub(crate) fn sign() -> Doc {
    Doc::of("uppySignPart", "Get the request of a part", "")
        .asks::<KeyParam>("key=$KEY")
        .gives::<PartUrl>(
            StatusCode::OK,
            "Where to PUT it.",
            json!({ "url": "https://account.example/...", "expires": 86_400 }),
        )
        .refuses(&[NoSuchVideo, UploadGone, UploadComplete, Conflict, InvalidField])
}

pub(crate) fn complete() -> Doc {
    Doc::of("uppyComplete", "Complete an upload in parts", "Doing it again is no error.")
        .asks::<KeyParam>("key=$KEY")
        .takes::<SentParts>(json!({ "parts": [{ "PartNumber": 1, "ETag": "\"9a0364b9e99bb480dd25e1f0284c8555\"" }] }))
        .gives::<Location>(
            StatusCode::OK,
            "The video.",
            json!({ "location": "/v1/videos/vid_018bcfe5680077078707070707070707", "key": KEY }),
        )
        .refuses(&[NoSuchVideo, UploadGone, UploadIncomplete, Conflict, TooLarge, EmptyFile, InvalidField])
}
