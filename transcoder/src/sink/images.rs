//! Receives the images that FFmpeg delivers.

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::broken_off;
use crate::error::TranscodeError;
use crate::loopback::SegmentReceiver;

/// Receives images: each delivered file is one, kept in memory.
pub(crate) struct ImageSink {
    images: mpsc::UnboundedSender<(u32, Bytes)>,
}

/// Maximum size of an image, bytes.
pub(super) const LARGEST_IMAGE: usize = 16 << 20;

impl ImageSink {
    /// A sink, and the channel of its images.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<(u32, Bytes)>) {
        let (images, receiver) = mpsc::unbounded_channel();
        (Self { images }, receiver)
    }
}

#[async_trait]
impl SegmentReceiver for ImageSink {
    async fn receive(&self, _output: &str, index: u32, body: Body) -> Result<(), TranscodeError> {
        let bytes = axum::body::to_bytes(body, LARGEST_IMAGE)
            .await
            .map_err(broken_off)?;
        drop(self.images.send((index, bytes)));
        Ok(())
    }
}
