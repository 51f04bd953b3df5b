//! Matroska and WebM (RFC 9559): length, tracks and keyframe times, from the head and the Cues alone.
//!
//! [`MkvWalker`] names the byte ranges it needs, as [`BoxWalker`](crate::mp4::BoxWalker) does.

mod ebml;
mod elements;
mod walker;

pub use elements::{Cue, MkvIndex, MkvTrack, MkvTrackKind};
pub use walker::{MkvError, MkvStep, MkvWalker};

#[cfg(test)]
mod tests;
