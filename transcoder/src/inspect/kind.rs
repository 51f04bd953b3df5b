//! Detects the type of a file by its content: names and declared types are never trusted.

use domain::failure::SourceProblem;
use media::sniff::{ContainerKind, Kind, NotVideo, SNIFF_BYTES, sniff};

use crate::error::TranscodeError;
use crate::source::Blocks;

/// The container of a source. A file that is not a video is refused before FFmpeg reads it.
pub(super) async fn container(blocks: &Blocks) -> Result<ContainerKind, TranscodeError> {
    let head = blocks.read(0..SNIFF_BYTES as u64).await?;
    let problem = match sniff(&head) {
        Some(Kind::Video(container)) => return Ok(container),
        Some(Kind::NotVideo(kind)) if kind.is_reference() => SourceProblem::PlaylistNotAllowed,
        Some(Kind::NotVideo(kind)) if kind.is_sound() => SourceProblem::OnlySound,
        Some(Kind::NotVideo(NotVideo::Jpeg | NotVideo::Png | NotVideo::WebP | NotVideo::Heif)) => {
            SourceProblem::NoVideoStream
        }
        Some(Kind::NotVideo(_)) | None => SourceProblem::NotAVideo,
    };
    Err(problem.into())
}
