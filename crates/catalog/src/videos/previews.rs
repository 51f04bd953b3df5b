//! Animated previews that clients request.

/// The result of a request for a preview that does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewRequested {
    /// The caller sends the job.
    Send,
    /// Another caller has sent the job a short time ago.
    Waits,
    /// A transcoder has refused the job a short time ago: its FFmpeg cannot make previews.
    Refused,
    /// The generation has as many previews as it may have.
    TooMany,
}
