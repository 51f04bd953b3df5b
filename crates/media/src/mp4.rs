//! ISO base media files (MP4, MOV; ISO/IEC 14496-12): the position and the presentation time of
//! every sample, from the `moov` box alone.
//!
//! [`BoxWalker`] finds `moov` by requesting byte ranges, so the file may be anywhere. [`Moov`]
//! keeps the raw box and decodes its tables while iterating: an hour of video costs megabytes,
//! whatever the tables declare.

mod audio_index;
mod boxes;
mod moov;
mod sample_entry;
mod sample_table;
mod track;
mod video_index;
mod walker;

pub use audio_index::AudioIndex;
pub use moov::Moov;
pub use sample_entry::{Color, SampleEntry};
pub use sample_table::{Sample, SampleTable};
pub use track::{Edit, Rotation, Track, TrackKind};
pub use video_index::{Keyframe, VideoIndex};
pub use walker::{BoxWalker, Step};

pub(crate) use boxes::{BoxHeader as BoxHead, child as child_box, children as child_boxes};

/// The file has no usable index. In all of these cases, the file is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mp4Error {
    /// The first bytes are not a box.
    #[error("this is not an MP4 or MOV file")]
    NotMp4,
    /// The file ended without a `moov` box: an interrupted recording or upload.
    #[error("the file has no index (moov box): the recording or the upload was interrupted")]
    NoMoov,
    /// A box declares an end after the end of the file.
    #[error("the file is cut off: it should have at least {expected} bytes and has {actual}")]
    Truncated {
        /// Size that the boxes declare, bytes.
        expected: u64,
        /// Actual size, bytes.
        actual: u64,
    },
    /// The index is larger than any valid one.
    #[error("the index (moov box) of the file claims {bytes} bytes")]
    MoovTooLarge {
        /// Its declared size, bytes.
        bytes: u64,
    },
    /// The boxes contradict each other.
    #[error("the index of the file is damaged: {what}")]
    Damaged {
        /// Name of the box or table.
        what: &'static str,
    },
    /// The index is a compressed `cmov`, as written by old versions of QuickTime.
    #[error("the index of the file is compressed (cmov), which is not supported")]
    Compressed,
    /// The index declares more samples than any valid file has.
    #[error("the index of the file claims {samples} samples")]
    TooManySamples {
        /// The declared number.
        samples: u64,
    },
}

#[cfg(test)]
mod tests;
