//! Our own playlists, rendered from measured facts.

mod master;
mod media;

pub use master::{AudioSpec, IFramesSpec, MasterPlaylistSpec, VariantSpec};
pub use media::{MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec, target_duration};

#[cfg(test)]
mod tests;
