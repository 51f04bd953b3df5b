//! Matroska and WebM (RFC 9559): duration, tracks and keyframe times, from the head and the Cues
//! alone.
//!
//! [`MkvWalker`] requests byte ranges, as [`BoxWalker`](crate::mp4::BoxWalker) does.

mod ebml;
mod elements;
mod walker;

pub use elements::{Cue, MkvIndex, MkvTrack, MkvTrackKind};
pub use walker::{MkvError, MkvStep, MkvWalker};

#[cfg(test)]
mod tests;
