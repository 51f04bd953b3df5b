//! The work that a trace context is stored for.

/// Work on a video that has a trace context of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracedWork(pub(super) &'static str);

impl TracedWork {
    /// The video itself: its upload or import, its conversion, and the webhooks about it.
    pub const VIDEO: Self = Self("video");

    /// Stable name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}
