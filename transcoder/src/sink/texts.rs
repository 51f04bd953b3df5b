//! Receives the text files that FFmpeg delivers.

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use futures::TryStreamExt as _;
use tokio::sync::mpsc;

use super::broken_off;
use crate::error::TranscodeError;
use crate::loopback::SegmentReceiver;

/// Receives text files, each with its number. Of a file that is larger than the limit, only its
/// first bytes are kept, so that FFmpeg can finish the others.
pub(crate) struct TextSink {
    limit: usize,
    files: mpsc::UnboundedSender<(u32, Bytes)>,
}

impl TextSink {
    /// A sink for files of up to `limit` bytes, and the channel of its files. A file that is longer
    /// than the limit has more bytes than that in the channel too.
    pub(crate) fn new(limit: usize) -> (Self, mpsc::UnboundedReceiver<(u32, Bytes)>) {
        let (files, receiver) = mpsc::unbounded_channel();
        (Self { limit, files }, receiver)
    }
}

#[async_trait]
impl SegmentReceiver for TextSink {
    async fn receive(&self, _output: &str, index: u32, body: Body) -> Result<(), TranscodeError> {
        let (mut parts, mut kept) = (body.into_data_stream(), Vec::new());
        while let Some(part) = parts.try_next().await.map_err(broken_off)? {
            let room = (self.limit + 1).saturating_sub(kept.len());
            kept.extend_from_slice(&part[..part.len().min(room)]);
        }
        drop(self.files.send((index, kept.into())));
        Ok(())
    }
}
