//! Measures the bytes of a segment while they are streamed.

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use hls::{DecryptError, SegmentDecryptor};
use media::fmp4::Init;
use media::segment::{MAX_FRAGMENT_BYTES, Packing, Scanner, Unmeasurable};

use crate::fetch::FetchError;
use crate::tree::{Failure, Received};

/// Maximum size of a WebVTT segment whose cues are checked, bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// The inputs for measuring a segment.
pub(crate) struct Context<'a> {
    pub(crate) key: Option<([u8; 16], [u8; 16])>,
    pub(crate) init: Option<&'a Init>,
    /// Whether the playlist has an EXT-X-MAP, even if it could not be read.
    pub(crate) has_map: bool,
    pub(crate) max_bytes: u64,
    pub(crate) content_type: Option<String>,
}

/// Measures a segment to its end.
pub(crate) async fn measure(
    mut body: BoxStream<'static, Result<Bytes, FetchError>>,
    context: Context<'_>,
) -> Result<Received, Failure> {
    let mut decryptor = context.key.map(|(key, iv)| SegmentDecryptor::new(&key, iv));
    let (encrypted, has_map) = (decryptor.is_some(), context.has_map);
    let failure = |problem| failure(problem, encrypted, has_map);
    let mut scanner = Scanner::new(context.init);
    let (mut bytes, mut text) = (0u64, Vec::new());
    while let Some(chunk) = body.try_next().await.map_err(Failure::Fetch)? {
        bytes += chunk.len() as u64;
        if bytes > context.max_bytes {
            return Err(Failure::Fetch(FetchError::TooLarge(context.max_bytes)));
        }
        match &mut decryptor {
            Some(decryptor) => {
                let mut clear = Vec::with_capacity(chunk.len());
                decryptor.update(&chunk, &mut clear);
                scanner.push(&clear).map_err(&failure)?;
                keep(&mut text, &clear);
            }
            None => {
                scanner.push(&chunk).map_err(&failure)?;
                keep(&mut text, &chunk);
            }
        }
    }
    if bytes == 0 {
        return Err(Failure::Empty);
    }
    if let Some(decryptor) = decryptor {
        let mut last = vec![];
        decryptor.finish(&mut last).map_err(|error| match error {
            DecryptError::Length => Failure::NotWholeBlocks(bytes),
            DecryptError::Padding => Failure::Padding,
        })?;
        scanner.push(&last).map_err(&failure)?;
        keep(&mut text, &last);
    }
    let media = scanner.finish().map_err(&failure)?;
    if encrypted && media.starts_damaged {
        return Err(Failure::Garbled);
    }
    let is_text = media.packing == Packing::WebVtt && text.len() < MAX_TEXT_BYTES;
    Ok(Received {
        media,
        text: is_text.then_some(text),
        bytes,
        content_type: context.content_type,
    })
}

/// Keeps the beginning of a segment, which is all of a text.
fn keep(text: &mut Vec<u8>, clear: &[u8]) {
    let room = MAX_TEXT_BYTES - text.len();
    // Anything else begins with other bytes.
    if text.is_empty() && !clear.is_empty() && !matches!(clear[0], b'W' | 0xef) {
        return;
    }
    text.extend_from_slice(&clear[..clear.len().min(room)]);
}

fn failure(problem: Unmeasurable, encrypted: bool, has_map: bool) -> Failure {
    match problem {
        Unmeasurable::UnknownFormat if encrypted => Failure::Garbled,
        Unmeasurable::UnknownFormat => Failure::UnknownFormat,
        Unmeasurable::NoInit if has_map => Failure::NoInit,
        Unmeasurable::NoInit => Failure::NoMap,
        Unmeasurable::TooLarge => Failure::Fetch(FetchError::TooLarge(MAX_FRAGMENT_BYTES as u64)),
    }
}
