//! Our own playlists, rendered from measured facts.

mod chapters;
mod master;
mod media;
mod subtitles;

pub use chapters::with_chapters;
pub use master::{
    AudioSpec, IFramesSpec, MasterPlaylistSpec, SessionValue, VariantSpec, VideoRange, VideoSpec,
};
pub use media::{
    MediaPlaylistKind, MediaPlaylistSpec, START_AT_BEGINNING, SegmentSpec, target_duration,
};
pub use subtitles::{SubtitleSpec, with_subtitles};

#[cfg(test)]
mod tests;
