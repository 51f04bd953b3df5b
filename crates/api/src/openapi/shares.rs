//! OpenAPI documentation of share links.

use api_types::shares::{CreatedShare, ShareList, ShareRequest};
use api_types::streams::{PlaybackInfo, ProcessingInfo};
use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;

pub(crate) fn create() -> Doc {
    let about = "Creates a link that plays the video without an account, until it expires or is revoked. Only this response \
        contains the link.";
    Doc::new("createShare", "Create a share link", about)
        .optional_body::<ShareRequest>(json!({ "expires_in": 604_800, "label": "for the jury" }))
        .response::<CreatedShare>(StatusCode::CREATED, "The link.", examples::created_share())
        .problems(&[NoSuchVideo, InvalidField, TooManyShares])
}

pub(crate) fn list() -> Doc {
    Doc::new(
        "listShares",
        "List share links",
        "Newest first, without expired and revoked links.",
    )
    .response::<ShareList>(
        StatusCode::OK,
        "All links.",
        json!({ "shares": [examples::share()] }),
    )
    .problems(&[NoSuchVideo])
}

pub(crate) fn revoke() -> Doc {
    let about = "The link stops working, and the edge rejects the grants it issued: playback that has started ends \
        within a minute. If the edge cannot be reached, the response is `unavailable`: send the request again. \
        Repeating the request is not an error.";
    Doc::new("revokeShare", "Revoke a share link", about)
        .no_content("Revoked.")
        .problems(&[NoSuchVideo, NoSuchShare])
}

pub(crate) fn follow() -> Doc {
    let about = "Returns the same as `/stream`, without a token. Browsers, which accept `text/html`, get a page with a player.";
    Doc::new("openShare", "Open a share link", about)
        .response::<PlaybackInfo>(
            StatusCode::OK,
            "The video is playable.",
            examples::playback_info(),
        )
        .response::<ProcessingInfo>(
            StatusCode::ACCEPTED,
            "The video is being processed.",
            examples::processing_info(),
        )
        .with_headers(&["Retry-After"])
        .problems(&PROBLEMS)
}

pub(crate) fn follow_to_playlist() -> Doc {
    Doc::new(
        "playShare",
        "Play a share link",
        "A URL for players: redirects to the playlist.",
    )
    .redirect(
        StatusCode::TEMPORARY_REDIRECT,
        "Redirects to the master playlist, with a grant.",
    )
    .response::<ProcessingInfo>(
        StatusCode::ACCEPTED,
        "The video is being processed.",
        examples::processing_info(),
    )
    .with_headers(&["Retry-After"])
    .problems(&PROBLEMS)
}

/// The problems of the routes of share links.
const PROBLEMS: [crate::problem::Problem; 10] = [
    InvalidField,
    NoSuchShare,
    NoSuchVideo,
    VideoFailed,
    VideoCancelled,
    SourceGone,
    Conflict,
    TooManyRequests,
    Internal,
    Unavailable,
];
