//! OpenAPI documentation of videos.

use api_types::posters::{PosterParams, PosterPosition};
use api_types::streams::{PlaybackInfo, ProcessingInfo, StreamParams};
use api_types::timelines::Timeline;
use api_types::videos::{
    CreateVideo, ListVideos, ReencodeRequest, SourceDownload, Video, VideoChange, VideoList,
};
use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;

pub(crate) fn list() -> Doc {
    let about = "Newest first unless `sort` says otherwise, without deleted videos. The response has an `ETag`: a request \
        with `If-None-Match` gets 304 while the page is the same.";
    Doc::new("listVideos", "List videos", about)
        .query::<ListVideos>("limit=50&state=ready,playable&q=lesson&sort=title")
        .response::<VideoList>(
            StatusCode::OK,
            "A page of results.",
            json!({ "videos": [examples::video_summary()], "next_cursor": null, "total": 1, "total_is_lower_bound": false }),
        )
        .with_headers(&["ETag"])
        .not_modified()
        .problems(&[InvalidField])
}

pub(crate) fn read() -> Doc {
    Doc::new(
        "getVideo",
        "Get a video",
        "Returns its progress, renditions, attempts and receipt.",
    )
    .response::<Video>(StatusCode::OK, "The video.", examples::video())
    .problems(&[NoSuchVideo])
}

pub(crate) fn convert() -> Doc {
    let about = "From an object in the private bucket (`key`), which is read in place and needs the scope `admin`; or from a \
        URL (`url`), which a transcoder fetches; or from a part of another video that is ready (`clip`), which needs the \
        scope `read`. Repeating the request with the same external id, or for the same \
        `key` without one, returns the existing video (200).";
    Doc::new(
        "createVideo",
        "Create a video from an object, URL or clip",
        about,
    )
    .request_body::<CreateVideo>(
        json!({ "key": "catalogue/film.mp4", "content_type": "lesson", "content_id": "1" }),
    )
    .response::<Video>(StatusCode::CREATED, "The new video.", examples::video())
    .with_headers(&["Location"])
    .response::<Video>(StatusCode::OK, "The existing video.", examples::video())
    .with_headers(&["Location"])
    .problems(&[
        NoSuchObject,
        NoSuchVideo,
        Conflict,
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
    Doc::new(
        "updateVideo",
        "Update a video",
        "Omitted fields keep their value; `null` removes it.",
    )
    .optional_body::<VideoChange>(json!({ "title": "Lesson 1: groups", "external_id": null }))
    .response::<Video>(StatusCode::OK, "The video.", examples::video())
    .problems(&[NoSuchVideo, FieldTooLong])
}

pub(crate) fn delete() -> Doc {
    let about = "Deletes its source, keys and all renditions, even while it is being processed. Repeating the request is not \
        an error: it removes what an interrupted deletion left. Returns 503 if the edge, whose cache may hold images, \
        cannot be reached: send the request again.";
    Doc::new("deleteVideo", "Delete a video", about)
        .no_content("Deleted.")
        .problems(&[NoSuchVideo])
}

pub(crate) fn retry() -> Doc {
    Doc::new(
        "retryVideo",
        "Retry a video",
        "Starts another attempt at a video that failed or was cancelled.",
    )
    .response::<Video>(StatusCode::ACCEPTED, "Queued.", examples::video())
    .problems(&[NoSuchVideo, SourceGone, Conflict])
}

pub(crate) fn cancel() -> Doc {
    let about = "Stops processing. Finished chunks are kept for a retry; a video that was ready stays ready.";
    Doc::new("cancelVideo", "Cancel processing", about)
        .response::<Video>(StatusCode::OK, "The video.", examples::video())
        .problems(&[NoSuchVideo, Conflict])
}

pub(crate) fn reencode() -> Doc {
    let about = "Encodes the same source with other settings. The current version stays playable until the new one is \
        verified, and if it fails.";
    Doc::new("reencodeVideo", "Re-encode a video", about)
        .optional_body::<ReencodeRequest>(json!({ "profile": "default", "rungs": ["720p"] }))
        .response::<Video>(StatusCode::ACCEPTED, "Queued.", examples::video())
        .problems(&[
            NoSuchVideo,
            SourceGone,
            NoSuchProfile,
            NoSuchRung,
            RungNotEncoded,
            InvalidField,
            Conflict,
        ])
}

pub(crate) fn stream() -> Doc {
    let about = "Returns a playback URL that contains a grant: give it only to the player of this viewer. While nothing is \
        playable yet, returns 202: retry after `Retry-After` seconds. For a video that was uploaded with \
        `generate: on_first_view`, the first call starts transcoding.";
    Doc::new("getStream", "Get playback URLs", about)
        .query::<StreamParams>("viewer=user-42")
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
        .problems(&[
            NoSuchVideo,
            VideoFailed,
            VideoCancelled,
            SourceGone,
            Conflict,
            InvalidField,
        ])
}

pub(crate) fn source() -> Doc {
    Doc::new(
        "getSource",
        "Download the source",
        "Returns a URL of the uploaded file in the bucket.",
    )
    .response::<SourceDownload>(
        StatusCode::OK,
        "The download URL.",
        examples::source_download(),
    )
    .problems(&[NoSuchVideo, SourceGone])
}

pub(crate) fn timeline() -> Doc {
    Doc::new(
        "getTimeline",
        "Get the timeline of a video",
        "Stages and chunks of each attempt, and the end of FFmpeg's log.",
    )
    .response::<Timeline>(StatusCode::OK, "The timeline.", examples::timeline())
    .problems(&[NoSuchVideo])
}

pub(crate) fn put_poster() -> Doc {
    let about = "Upload a JPEG, PNG or WebP image (with any content type), or name a position in the video, in the body or in the query. \
        It replaces the automatic poster, also after a re-encode.";
    Doc::new("setPoster", "Set the poster", about)
        .query::<PosterParams>("")
        .optional_body::<PosterPosition>(json!({ "at": 12.5 }))
        .or_bytes()
        .response::<Video>(StatusCode::OK, "The poster is set.", examples::video())
        .response::<Video>(
            StatusCode::ACCEPTED,
            "The poster is being rendered.",
            examples::video(),
        )
        .problems(&[NoSuchVideo, PosterNotAccepted, Conflict])
}

pub(crate) fn delete_poster() -> Doc {
    Doc::new(
        "deletePoster",
        "Restore the automatic poster",
        "Repeating the request is not an error.",
    )
    .no_content("The automatic poster is restored.")
    .problems(&[NoSuchVideo])
}
