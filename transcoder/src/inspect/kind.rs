//! Detects the type of a file by its content: names and declared types are never trusted.

use domain::failure::SourceProblem;
use media::id3::tag_bytes;
use media::sniff::{ContainerKind, Kind, NotMedia, SNIFF_BYTES, after_tag, sniff};

use crate::error::TranscodeError;
use crate::source::Blocks;

/// Maximum number of `ID3v2` tags at the beginning of a file.
const MOST_TAGS: usize = 4;

/// The container of a source. A file that is neither video nor audio is refused before FFmpeg reads it.
pub(super) async fn container(blocks: &Blocks) -> Result<ContainerKind, TranscodeError> {
    let head = blocks.read(0..SNIFF_BYTES as u64).await?;
    let problem = match sniff(&head) {
        Some(Kind::Media(_)) if tag_bytes(&head).is_some() => {
            return behind_tags(blocks).await;
        }
        Some(Kind::Media(container)) => return Ok(container),
        Some(Kind::NotMedia(kind)) if kind.is_reference() => SourceProblem::PlaylistNotAllowed,
        Some(Kind::NotMedia(NotMedia::Jpeg | NotMedia::Png | NotMedia::WebP | NotMedia::Heif)) => {
            SourceProblem::NoVideoStream
        }
        Some(Kind::NotMedia(_)) | None => SourceProblem::NotAVideo,
    };
    Err(problem.into())
}

/// The type of the file behind its `ID3v2` tags, which are as large as the covers in them.
async fn behind_tags(blocks: &Blocks) -> Result<ContainerKind, TranscodeError> {
    let mut start = 0;
    for _ in 0..=MOST_TAGS {
        if start >= blocks.size() {
            return Err(SourceProblem::Truncated.into());
        }
        let end = blocks.size().min(start + SNIFF_BYTES as u64);
        let rest = blocks.read(start..end).await?;
        match tag_bytes(&rest) {
            Some(length) => start = start.saturating_add(length),
            None => return after_tag(&rest).ok_or(SourceProblem::NotAVideo.into()),
        }
    }
    Err(SourceProblem::NotAVideo.into())
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
        let mut tagged = b"ID3\x03\0\0\0\x7f\0\0".to_vec();
        tagged.resize((0x7f << 14) + 10, b'x');
        tagged.extend(b"ID3\x04\0\0\0\0\0\x01.\xff\xfb\x90\0");
        for (bytes, expected) in [
            (FILM, ContainerKind::Mp4),
            (&[0x1a, 0x45, 0xdf, 0xa3, 0x01], ContainerKind::Matroska),
            (&stream, ContainerKind::MpegTs),
            (b"RIFF\x10\0\0\0AVI LIST", ContainerKind::Avi),
            (b"DKIF\0\0\x20\0", ContainerKind::Ivf),
            (b"RIFF\x24\0\0\0WAVEfmt ", ContainerKind::Wav),
            (b"fLaC\0\0\0\x22", ContainerKind::Flac),
            // A tag with a large cover, and another one behind it.
            (&tagged, ContainerKind::Mp3),
            (
                b"ID3\x04\0\0\0\0\0\x02..\xff\xf1\x50\x80\x02\x1f\xfc",
                ContainerKind::Adts,
            ),
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
            (
                b"ID3\x04\0\0\0\0\0\x06#EXTM3#EXTM3U\n",
                SourceProblem::NotAVideo,
            ),
            (b"ID3\x04\0\0\0\0\x7f\0 and so on", SourceProblem::Truncated),
            (&b"ID3\x04\0\0\0\0\0\0".repeat(9), SourceProblem::NotAVideo),
            (b"MThd\0\0\0\x06", SourceProblem::NotAVideo),
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
