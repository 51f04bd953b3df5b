//! OpenAPI documentation of files that are made when a client requests them.

use api_types::thumbnails::ThumbnailParams;
use http::StatusCode;

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
