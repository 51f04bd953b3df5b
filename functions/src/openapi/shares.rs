//! What the document says of links.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;
use crate::shares::{MadeShare, ShareList, WantedShare};
use crate::videos::stream::{InTheMaking, Playing};

pub(crate) fn create() -> Doc {
    let about = "A link that plays the video without an account, until it ends or is revoked. It stands in the answer, \
        this once.";
    Doc::of("shareVideo", "Share a video by a link", about)
        .may_take::<WantedShare>(json!({ "expires_in": 604_800, "label": "for the jury" }))
        .gives::<MadeShare>(StatusCode::CREATED, "The link.", examples::made_share())
        .refuses(&[NoSuchVideo, InvalidField, TooManyShares])
}

pub(crate) fn list() -> Doc {
    Doc::of("listShares", "List the links of a video", "The newest first: those that work.")
        .gives::<ShareList>(StatusCode::OK, "All of them.", json!({ "shares": [examples::share()] }))
        .refuses(&[NoSuchVideo])
}

pub(crate) fn revoke() -> Doc {
    let about = "It gives out nothing from now on, and the edge refuses what it gave out: a player that has begun ends \
        within a minute. If the edge cannot be reached, the answer is `unavailable`, and the request has to be sent again. \
        It may be sent again.";
    Doc::of("revokeShare", "Revoke a link", about).gives_nothing("It is revoked.").refuses(&[NoSuchVideo, NoSuchShare])
}

pub(crate) fn follow() -> Doc {
    let about =
        "As `/stream`, for anyone who has the link. Browsers, which ask for `text/html`, get a page that plays it.";
    Doc::of("followShare", "Get what a link plays", about)
        .gives::<Playing>(StatusCode::OK, "It can be watched.", examples::playing())
        .gives::<InTheMaking>(StatusCode::ACCEPTED, "It is being made.", examples::in_the_making())
        .with(&["Retry-After"])
        .refuses(&REFUSALS)
}

pub(crate) fn follow_to_playlist() -> Doc {
    Doc::of("playShare", "Play a link", "An address for players: leads on to the playlist.")
        .leads_on("To the master playlist, with a grant.")
        .gives::<InTheMaking>(StatusCode::ACCEPTED, "It is being made.", examples::in_the_making())
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
