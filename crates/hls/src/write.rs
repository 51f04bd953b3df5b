//! Our own playlists, rendered from measured facts.

mod master;
mod media;

pub use master::{AudioSpec, IFramesSpec, MasterPlaylistSpec, VariantSpec};
pub use media::{
    MediaPlaylistKind, MediaPlaylistSpec, START_AT_BEGINNING, SegmentSpec, target_duration,
};

#[cfg(test)]
mod tests;
