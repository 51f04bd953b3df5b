//! OpenAPI documentation of videos.

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
    Doc::of("listVideos", "List videos", "Newest first, without deleted videos.")
        .asks::<ListParams>("limit=50&state=ready&text=lesson")
        .gives::<VideoList>(
            StatusCode::OK,
            "A page of results.",
            json!({ "videos": [examples::video_summary()], "next_cursor": null }),
        )
        .refuses(&[InvalidField])
}

pub(crate) fn read() -> Doc {
    Doc::of("readVideo", "Get a video", "Returns its progress, renditions, attempts and receipt.")
        .gives::<VideoView>(StatusCode::OK, "The video.", examples::video())
        .refuses(&[NoSuchVideo])
}

pub(crate) fn convert() -> Doc {
    let about = "From an object in the private bucket (`key`), which is read in place and needs the scope `admin`; or from a \
        URL (`url`), which a transcoder fetches. Repeating the request with the same external id returns the existing \
        video (200).";
    Doc::of("createVideo", "Create a video from an object or URL", about)
        .takes::<Conversion>(json!({ "key": "catalogue/film.mp4", "content_type": "lesson", "content_id": "1" }))
        .gives::<VideoView>(StatusCode::CREATED, "The new video.", examples::video())
        .with(&["Location"])
        .gives::<VideoView>(StatusCode::OK, "The existing video.", examples::video())
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
    Doc::of("changeVideo", "Update a video", "Omitted fields keep their value; `null` removes it.")
        .may_take::<Change>(json!({ "title": "Lesson 1: groups", "external_id": null }))
        .gives::<VideoView>(StatusCode::OK, "The video.", examples::video())
        .refuses(&[NoSuchVideo, FieldTooLong])
}

pub(crate) fn delete() -> Doc {
    let about = "Deletes its source, keys and all renditions, even while it is being processed. Repeating the request is not \
        an error: it removes what an interrupted deletion left. Returns 503 if the edge, whose cache may hold images, \
        cannot be reached: send the request again.";
    Doc::of("deleteVideo", "Delete a video", about).gives_nothing("Deleted.").refuses(&[NoSuchVideo])
}

pub(crate) fn retry() -> Doc {
    Doc::of("retryVideo", "Retry a video", "Starts another attempt at a video that failed or was cancelled.")
        .gives::<VideoView>(StatusCode::ACCEPTED, "Queued.", examples::video())
        .refuses(&[NoSuchVideo, SourceGone, Conflict])
}

pub(crate) fn cancel() -> Doc {
    let about = "Stops processing. Finished chunks are kept for a retry; a video that was ready stays ready.";
    Doc::of("cancelVideo", "Cancel processing", about)
        .gives::<VideoView>(StatusCode::OK, "The video.", examples::video())
        .refuses(&[NoSuchVideo, Conflict])
}

pub(crate) fn reencode() -> Doc {
    let about = "Encodes the same source with other settings. The current version stays playable until the new one is \
        verified, and if it fails.";
    Doc::of("reencodeVideo", "Re-encode a video", about)
        .may_take::<Reencode>(json!({ "profile": "default", "rungs": ["720p"] }))
        .gives::<VideoView>(StatusCode::ACCEPTED, "Queued.", examples::video())
        .refuses(&[NoSuchVideo, SourceGone, NoSuchProfile, NoSuchRung, RungNotEncoded, InvalidField, Conflict])
}

pub(crate) fn stream() -> Doc {
    let about = "Returns a playback URL that contains a grant: give it only to the player of this viewer. While nothing is \
        playable yet, returns 202: retry after `Retry-After` seconds. For a video that was uploaded with \
        `generate: on_first_view`, the first call starts transcoding.";
    Doc::of("streamVideo", "Get playback URLs", about)
        .asks::<StreamParams>("viewer=user-42")
        .gives::<Playing>(StatusCode::OK, "The video is playable.", examples::playing())
        .gives::<InTheMaking>(StatusCode::ACCEPTED, "The video is being processed.", examples::in_the_making())
        .with(&["Retry-After"])
        .refuses(&[NoSuchVideo, VideoFailed, VideoCancelled, SourceGone, Conflict, InvalidField])
}

pub(crate) fn source() -> Doc {
    Doc::of("downloadSource", "Download the source", "Returns a URL of the uploaded file in the bucket.")
        .gives::<Download>(StatusCode::OK, "The download URL.", examples::source_download())
        .refuses(&[NoSuchVideo, SourceGone])
}

pub(crate) fn put_poster() -> Doc {
    let about = "Upload a JPEG, PNG or WebP image (with any content type), or name a position in the video, in the body or in the query. \
        It replaces the automatic poster, also after a re-encode.";
    Doc::of("choosePoster", "Set the poster", about)
        .asks::<PosterParams>("")
        .may_take::<Moment>(json!({ "at": 12.5 }))
        .or_takes_bytes()
        .gives::<VideoView>(StatusCode::OK, "The poster is set.", examples::video())
        .gives::<VideoView>(StatusCode::ACCEPTED, "The poster is being rendered.", examples::video())
        .refuses(&[NoSuchVideo, PosterNotAccepted, Conflict])
}

pub(crate) fn delete_poster() -> Doc {
    Doc::of("dropPoster", "Restore the automatic poster", "Repeating the request is not an error.")
        .gives_nothing("The automatic poster is restored.")
        .refuses(&[NoSuchVideo])
}
