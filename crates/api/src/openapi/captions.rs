//! OpenAPI documentation of captions.

use api_types::captions::{
    CaptionChoiceParams, CaptionList, CaptionParams, ListCaptions, StoredCaptions, Transcription,
    TranscriptionRequest,
};
use http::StatusCode;
use serde_json::{Value, json};

use super::Doc;
use crate::problem::Problem::*;

fn track() -> Value {
    json!({
        "language": "en", "name": "English", "default": true, "forced": false, "sdh": false,
        "origin": "uploaded", "status": "pending", "cues": 412, "created_at": "2026-05-24T19:39:44Z",
    })
}

pub(crate) fn list() -> Doc {
    let about = "With `text`, also returns the cues in which the text begins.";
    let found = json!({ "language": "en", "name": "English", "start": 61.2, "end": 63.9, "text": "Welcome to lesson one." });
    Doc::new(
        "listCaptions",
        "List captions, and find a text in them",
        about,
    )
    .query::<ListCaptions>("text=lesson")
    .response::<CaptionList>(
        StatusCode::OK,
        "The captions.",
        json!({ "captions": [track()], "transcriptions": [], "matches": [found] }),
    )
    .problems(&[NoSuchVideo])
}

pub(crate) fn put() -> Doc {
    let about = "The body is a file in SRT, WebVTT or TTML; its content decides about the format. The captions replace those of \
        the language and kind (complete, `sdh` or `forced`) without a re-encode. A video that is not ready gets them when it is.";
    let stored = |status, what| {
        let warnings = ["line 7: a cue without text was left out"];
        let example = json!({ "captions": track(), "format": "SRT", "warnings": warnings });
        move |doc: Doc| doc.response::<StoredCaptions>(status, what, example)
    };
    let doc = Doc::new("putCaptions", "Upload captions", about)
        .query::<CaptionParams>("default=true")
        .request_bytes("captions.srt");
    let doc = stored(
        StatusCode::OK,
        "The captions of the language are replaced, or were the same.",
    )(doc);
    stored(StatusCode::CREATED, "The language has these captions now.")(doc).problems(&[
        NoSuchVideo,
        CaptionsNotAccepted,
        FieldTooLong,
        InvalidField,
        Conflict,
    ])
}

pub(crate) fn read() -> Doc {
    let about = "Returns a WebVTT file. If the language has several captions, complete ones take precedence over those \
        that describe sounds, and these over forced ones; the query chooses others.";
    Doc::new("getCaptions", "Get captions", about)
        .query::<CaptionChoiceParams>("sdh=true")
        .text(
            "text/vtt",
            "The captions.",
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nWelcome.\n",
        )
        .problems(&[NoSuchVideo, NoSuchCaptions, InvalidField])
}

pub(crate) fn delete() -> Doc {
    let about = "Deletes all captions of the language, or those that the query chooses. Repeating the request is not an error.";
    Doc::new("deleteCaptions", "Delete captions", about)
        .query::<CaptionChoiceParams>("forced=true")
        .no_content("The video does not have these captions.")
        .problems(&[NoSuchVideo, InvalidField])
}

pub(crate) fn transcribe() -> Doc {
    let about = "Requests captions that the transcriber of this installation makes of the audio. They are listed when they are \
        made; until then, `transcriptions` of the list has the request, or why it failed. A repeated request tries again after a \
        failure, and replaces captions that were made before. Captions that were uploaded or are in the source are never replaced.";
    Doc::new("transcribe", "Request captions of the audio", about)
        .request_body::<TranscriptionRequest>(json!({ "language": "en" }))
        .response::<Transcription>(
            StatusCode::ACCEPTED,
            "The captions are being made.",
            json!({ "language": "en", "status": "pending", "failure": null }),
        )
        .problems(&[NoSuchVideo, InvalidField, Conflict])
}
