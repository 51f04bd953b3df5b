//! What the document says of videos.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;
use crate::videos::change::Change;
use crate::videos::convert::Conversion;
use crate::videos::poster::{Moment, PosterParams};
use crate::videos::source::Download;
use crate::videos::stream::{InTheMaking, Playing, StreamParams};
use crate::videos::view::VideoView;
use crate::videos::work::Reencode;
use crate::videos::{ListParams, VideoList};

pub(crate) fn list() -> Doc {
    Doc::of("listVideos", "List videos", "The newest first, and without those that were deleted.")
        .asks::<ListParams>("limit=50&state=ready&text=lesson")
        .gives::<VideoList>(
            StatusCode::OK,
            "A page of them.",
            json!({ "videos": [examples::video_summary()], "next_cursor": null }),
        )
        .refuses(&[InvalidField])
}

pub(crate) fn read() -> Doc {
    Doc::of("readVideo", "Read a video", "Its progress, renditions, attempts and receipt.")
        .gives::<VideoView>(StatusCode::OK, "The video.", examples::video())
        .refuses(&[NoSuchVideo])
}

pub(crate) fn convert() -> Doc {
    let about = "Of an object in the private bucket (`key`), read where it stands, which needs the scope `admin`; or of what \
        a URL gives (`url`), which a transcoder fetches. Asking again for the same under the same external id gives the \
        video that is there (200).";
    Doc::of("createVideo", "Make a video of what is there", about)
        .takes::<Conversion>(json!({ "key": "catalogue/film.mp4", "content_type": "lesson", "content_id": "1" }))
        .gives::<VideoView>(StatusCode::CREATED, "The new video.", examples::video())
        .with(&["Location"])
        .gives::<VideoView>(StatusCode::OK, "The video that was made of it before.", examples::video())
        .with(&["Location"])
        .refuses(&[
            NoSuchObject,
            UrlNotAccepted,
            TooManyUploads,
            OverQuota,
            EmptyFile,
            TooLarge,
            FieldTooLong,
            NoSuchProfile,
            InvalidField,
        ])
}

pub(crate) fn change() -> Doc {
    Doc::of("changeVideo", "Change what is said of a video", "What is left out stays; `null` removes it.")
        .may_take::<Change>(json!({ "title": "Lesson 1: groups", "external_id": null }))
        .gives::<VideoView>(StatusCode::OK, "The video.", examples::video())
        .refuses(&[NoSuchVideo, FieldTooLong])
}

pub(crate) fn delete() -> Doc {
    let about = "With its source, its keys and all that was made of it, also while it is being made. Doing it again is \
        no error: it removes what an interrupted deletion left. 503 if the edge could not be reached, whose cache may hold \
        pictures: ask again.";
    Doc::of("deleteVideo", "Delete a video", about).gives_nothing("It is gone.").refuses(&[NoSuchVideo])
}

pub(crate) fn retry() -> Doc {
    Doc::of("retryVideo", "Try again", "Another attempt at a video that failed or was cancelled.")
        .gives::<VideoView>(StatusCode::ACCEPTED, "It is queued.", examples::video())
        .refuses(&[NoSuchVideo, SourceGone, Conflict])
}

pub(crate) fn cancel() -> Doc {
    let about =
        "Stops what goes on, FFmpeg too. What is finished is kept for a retry; a video that was ready stays so.";
    Doc::of("cancelVideo", "Cancel the work", about)
        .gives::<VideoView>(StatusCode::OK, "The video.", examples::video())
        .refuses(&[NoSuchVideo, Conflict])
}

pub(crate) fn reencode() -> Doc {
    let about = "The same source by other settings. What plays now plays on until the new one is verified, and if it \
        fails.";
    Doc::of("reencodeVideo", "Encode again", about)
        .may_take::<Reencode>(json!({ "profile": "default", "rungs": ["720p"] }))
        .gives::<VideoView>(StatusCode::ACCEPTED, "It is queued.", examples::video())
        .refuses(&[NoSuchVideo, SourceGone, NoSuchProfile, NoSuchRung, RungNotEncoded, InvalidField, Conflict])
}

pub(crate) fn stream() -> Doc {
    let about = "An address that plays, with a grant in it: give it to a player and to nobody else. While there is \
        nothing to play, 202: ask again after `Retry-After` seconds. A video that was uploaded with `generate: \
        on_first_view` begins to be made by this, once, whoever asks.";
    Doc::of("streamVideo", "Get what plays", about)
        .asks::<StreamParams>("viewer=user-42")
        .gives::<Playing>(StatusCode::OK, "It can be watched.", examples::playing())
        .gives::<InTheMaking>(StatusCode::ACCEPTED, "It is being made.", examples::in_the_making())
        .with(&["Retry-After"])
        .refuses(&[NoSuchVideo, VideoFailed, VideoCancelled, SourceGone, Conflict, InvalidField])
}

pub(crate) fn source() -> Doc {
    Doc::of("downloadSource", "Get the source", "The file as it was uploaded, straight from the bucket.")
        .gives::<Download>(StatusCode::OK, "Where to get it.", examples::source_download())
        .refuses(&[NoSuchVideo, SourceGone])
}

pub(crate) fn put_poster() -> Doc {
    let about = "A JPEG, PNG or WebP picture, of any content type, or a moment of the video, in a body or in the query. It is shown in place of \
        the automatic one, also after a re-encode.";
    Doc::of("choosePoster", "Choose the picture before playback", about)
        .asks::<PosterParams>("")
        .may_take::<Moment>(json!({ "at": 12.5 }))
        .or_takes_bytes()
        .gives::<VideoView>(StatusCode::OK, "It is shown already.", examples::video())
        .gives::<VideoView>(StatusCode::ACCEPTED, "It is being made.", examples::video())
        .refuses(&[NoSuchVideo, PosterNotAccepted, Conflict])
}

pub(crate) fn delete_poster() -> Doc {
    Doc::of("dropPoster", "Go back to the automatic poster", "Doing it again is no error.")
        .gives_nothing("The automatic one is shown.")
        .refuses(&[NoSuchVideo])
}
