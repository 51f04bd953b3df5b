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
        Some(Kind::NotVideo(kind)) if kind.is_audio() => SourceProblem::AudioOnly,
        Some(Kind::NotVideo(NotVideo::Jpeg | NotVideo::Png | NotVideo::WebP | NotVideo::Heif)) => {
            SourceProblem::NoVideoStream
        }
        Some(Kind::NotVideo(_)) | None => SourceProblem::NotAVideo,
    };
    Err(problem.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::stills::InMemory;
    use crate::testing::transport;
    use crate::trial::FILM;

    async fn container_of(bytes: &[u8]) -> Result<ContainerKind, SourceProblem> {
        let blocks = Blocks::new(Arc::new(InMemory(bytes.to_vec().into())));
        container(&blocks).await.map_err(|it| match it {
            TranscodeError::Source(problem) => problem,
            other => panic!("{other:?}"),
        })
    }

    #[tokio::test]
    async fn containers_are_known_by_their_content() {
        let stream = transport::video(0, 20, 3_000);
        for (bytes, expected) in [
            (FILM, ContainerKind::Mp4),
            (&[0x1a, 0x45, 0xdf, 0xa3, 0x01], ContainerKind::Matroska),
            (&stream, ContainerKind::MpegTs),
            (b"RIFF\x10\0\0\0AVI LIST", ContainerKind::Avi),
            (b"DKIF\0\0\x20\0", ContainerKind::Ivf),
        ] {
            assert_eq!(container_of(bytes).await, Ok(expected));
        }
    }

    #[tokio::test]
    async fn other_files_are_refused_by_what_they_are() {
        for (bytes, expected) in [
            (&b""[..], SourceProblem::NotAVideo),
            (
                b"#EXTM3U\n#EXT-X-VERSION:3\nhttp://10.0.0.1/secret.ts\n",
                SourceProblem::PlaylistNotAllowed,
            ),
            (
                b"ffconcat version 1.0\nfile /etc/passwd\n",
                SourceProblem::PlaylistNotAllowed,
            ),
            (
                b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\n",
                SourceProblem::PlaylistNotAllowed,
            ),
            (b"ID3\x04\0\0\0\0\0\x0a and so on", SourceProblem::AudioOnly),
            (b"RIFF\x24\0\0\0WAVEfmt ", SourceProblem::AudioOnly),
            (b"fLaC\0\0\0\x22", SourceProblem::AudioOnly),
            (
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
                SourceProblem::NoVideoStream,
            ),
            (
                b"\xff\xd8\xff\xe0\0\x10JFIF\0",
                SourceProblem::NoVideoStream,
            ),
            (
                b"\0\0\0\x1cftypheic\0\0\0\0mif1heic",
                SourceProblem::NoVideoStream,
            ),
            (b"%PDF-1.7\n", SourceProblem::NotAVideo),
            (b"PK\x03\x04\x14\0\0\0", SourceProblem::NotAVideo),
            (b"<!DOCTYPE html><html>", SourceProblem::NotAVideo),
            (b"\x7fELF\x02\x01\x01\0", SourceProblem::NotAVideo),
            (b"just a few words of text", SourceProblem::NotAVideo),
            (&[0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9], SourceProblem::NotAVideo),
        ] {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(container_of(bytes).await, Err(expected), "{text}");
        }
    }
}
