//! The parts that a progressive MP4 file ([`crate::remux`]) and CMAF ([`crate::cmaf`]) share:
//! samples of a track, sample entries, and boxes.

pub(crate) mod audio;
pub(crate) mod boxes;
pub(crate) mod entries;
pub(crate) mod headers;
pub(crate) mod parameter_sets;
pub(crate) mod video;

/// A sample that is not in the file yet.
pub(crate) struct Pending {
    /// Decoding time, ticks of the transport stream.
    pub(crate) time: i64,
    pub(crate) data: Vec<u8>,
}

/// The stream has a property that MP4 cannot express, or that our segments never have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsupported(pub(crate) &'static str);
