//! ISO base media files (MP4, MOV; ISO/IEC 14496-12): where every sample lies and when it presents,
//! known from the `moov` box alone.
//!
//! [`BoxWalker`] finds `moov` by naming the byte ranges it needs, so the file may be anywhere.
//! [`Moov`] keeps the box as it is and decodes its tables while iterating: an hour of video costs
//! megabytes, whatever the tables claim.

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

/// Why a file has no usable index. All of these are the file's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mp4Error {
    /// The first bytes are no box.
    #[error("this is no MP4 or MOV file")]
    NotMp4,
    /// The file ended and no `moov` came: an interrupted recording or upload.
    #[error("the file has no index (moov box): the recording or the upload was interrupted")]
    NoMoov,
    /// A box claims to end after the end of the file.
    #[error("the file is cut off: it should have at least {expected} bytes and has {actual}")]
    Truncated {
        /// Bytes the boxes claim.
        expected: u64,
        /// Bytes there are.
        actual: u64,
    },
    /// The index is larger than any honest one.
    #[error("the index (moov box) of the file claims {bytes} bytes")]
    MoovTooLarge {
        /// Its claimed size.
        bytes: u64,
    },
    /// The boxes contradict each other.
    #[error("the index of the file is damaged: {what}")]
    Damaged {
        /// Which box or table.
        what: &'static str,
    },
    /// The index is a compressed `cmov`, as old QuickTime wrote.
    #[error("the index of the file is compressed (cmov), which is not supported")]
    Compressed,
    /// More samples than any honest file has.
    #[error("the index of the file claims {samples} samples")]
    TooManySamples {
        /// The claim.
        samples: u64,
    },
}

#[cfg(test)]
mod tests;
