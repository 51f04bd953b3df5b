//! What a file is, by its content: names and declared types are never trusted.

use domain::failure::SourceProblem;
use media::sniff::{Kind, SNIFF_BYTES, sniff};

use crate::error::TranscodeError;
use crate::source::Blocks;

/// FFmpeg's demuxer for a source. What is not a video is refused before FFmpeg sees it.
pub(super) async fn demuxer(blocks: &Blocks) -> Result<&'static str, TranscodeError> {
    let head = blocks.read(0..SNIFF_BYTES as u64).await?;
    match sniff(&head) {
        Some(Kind::Video(container)) => Ok(container.demuxer()),
        Some(Kind::NotVideo(kind)) if kind.is_reference() => Err(SourceProblem::PlaylistNotAllowed.into()),
        Some(Kind::NotVideo(_)) | None => Err(SourceProblem::NotAVideo.into()),
    }
}
