//! OpenAPI documentation of files that are made when a client requests them.

use api_types::downloads::{Download, DownloadList, DownloadRequest};
use api_types::previews::PreviewParams;
use api_types::thumbnails::ThumbnailParams;
use http::StatusCode;
use serde_json::{Value, json};

use super::Doc;
use crate::problem::Problem::*;

pub(crate) fn thumbnail() -> Doc {
    let about = "Redirects to a JPEG image at the edge; the URL is valid for at least eleven hours. The first request for a \
        frame waits a few seconds until the image is made. If that takes longer, the response is `thumbnail-pending`.";
    Doc::new("getThumbnail", "Get a thumbnail of a frame", about)
        .query::<ThumbnailParams>("time=12.5&width=640")
        .redirect(StatusCode::FOUND, "Redirects to the image.")
        .problems(&[NoSuchVideo, Conflict, TooManyThumbnails, ThumbnailPending])
}

pub(crate) fn preview() -> Doc {
    let about = "Redirects to an animated WebP image at the edge, of ten frames a second, which repeats without end; the URL is \
        valid for at least eleven hours. The first request for a span waits a few seconds until the image is made. If that \
        takes longer, the response is `preview-pending`.";
    Doc::new("getPreview", "Get an animated preview of a span", about)
        .query::<PreviewParams>("start=12.5&duration=3&width=320")
        .redirect(StatusCode::FOUND, "Redirects to the image.")
        .problems(&[
            NoSuchVideo,
            Conflict,
            TooManyPreviews,
            PreviewsNotSupported,
            PreviewPending,
        ])
}

fn download() -> Value {
    json!({
        "rung": "720p", "status": "ready", "size": 48_213_377, "filename": "Lesson 1.mp4",
        "url": "https://storage.example/private/downloads/a.mp4?X-Amz-Signature=...",
        "expires_at": "2026-05-24T19:54:44Z", "failure": null,
    })
}

fn pending_download() -> Value {
    json!({
        "rung": "720p", "status": "pending", "size": null, "filename": "Lesson 1.mp4", "url": null, "expires_at": null,
        "failure": null,
    })
}

pub(crate) fn create_download() -> Doc {
    let about = "Writes a rung and its audio as one MP4 file, or audio as an M4A file, without encoding. Repeat the request, \
        or list the downloads, until the file is ready; after a failure, a repeated request tries again. A re-encode makes the file obsolete.";
    Doc::new("createDownload", "Request an MP4 file", about)
        .optional_body::<DownloadRequest>(json!({ "rung": "720p" }))
        .response::<Download>(StatusCode::OK, "The file exists.", download())
        .response::<Download>(
            StatusCode::ACCEPTED,
            "The file is being written.",
            pending_download(),
        )
        .problems(&[NoSuchVideo, NoSuchRung, Conflict])
}

pub(crate) fn list_downloads() -> Doc {
    let about = "Lists the files that were requested, each with a URL if it is ready.";
    Doc::new("listDownloads", "List MP4 files", about)
        .response::<DownloadList>(
            StatusCode::OK,
            "The files of the current version.",
            json!({ "downloads": [download()] }),
        )
        .problems(&[NoSuchVideo])
}
