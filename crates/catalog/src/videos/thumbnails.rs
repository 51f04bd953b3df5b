//! Thumbnails that clients request.

/// The result of a request for a thumbnail that does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThumbnailRequested {
    /// The caller sends the job.
    Send,
    /// Another caller has sent the job a short time ago.
    Waits,
    /// The generation has as many thumbnails as it may have.
    TooMany,
}
