//! OpenAPI documentation of share links.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;
use crate::shares::{MadeShare, ShareList, WantedShare};
use crate::videos::stream::{InTheMaking, Playing};

pub(crate) fn create() -> Doc {
    let about = "Creates a link that plays the video without an account, until it expires or is revoked. Only this response \
        contains the link.";
    Doc::of("shareVideo", "Create a share link", about)
        .may_take::<WantedShare>(json!({ "expires_in": 604_800, "label": "for the jury" }))
        .gives::<MadeShare>(StatusCode::CREATED, "The link.", examples::made_share())
        .refuses(&[NoSuchVideo, InvalidField, TooManyShares])
}

pub(crate) fn list() -> Doc {
    Doc::of("listShares", "List share links", "Newest first, without expired and revoked links.")
        .gives::<ShareList>(StatusCode::OK, "All links.", json!({ "shares": [examples::share()] }))
        .refuses(&[NoSuchVideo])
}

pub(crate) fn revoke() -> Doc {
    let about = "The link stops working, and the edge rejects the grants it issued: playback that has started ends \
        within a minute. If the edge cannot be reached, the response is `unavailable`: send the request again. \
        Repeating the request is not an error.";
    Doc::of("revokeShare", "Revoke a share link", about).gives_nothing("Revoked.").refuses(&[NoSuchVideo, NoSuchShare])
}

pub(crate) fn follow() -> Doc {
    let about =
        "Returns the same as `/stream`, without a token. Browsers, which accept `text/html`, get a page with a player.";
    Doc::of("followShare", "Open a share link", about)
        .gives::<Playing>(StatusCode::OK, "The video is playable.", examples::playing())
        .gives::<InTheMaking>(StatusCode::ACCEPTED, "The video is being processed.", examples::in_the_making())
        .with(&["Retry-After"])
        .refuses(&REFUSALS)
}

pub(crate) fn follow_to_playlist() -> Doc {
    Doc::of("playShare", "Play a share link", "A URL for players: redirects to the playlist.")
        .leads_on("Redirects to the master playlist, with a grant.")
        .gives::<InTheMaking>(StatusCode::ACCEPTED, "The video is being processed.", examples::in_the_making())
        .with(&["Retry-After"])
        .refuses(&REFUSALS)
}

/// What can be wrong behind a link that works, and that it does not.
const REFUSALS: [crate::problem::Problem; 10] = [
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
