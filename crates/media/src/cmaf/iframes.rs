//! I-frames as fragments of their own, for I-frame playlists (RFC 8216, 4.3.3.6).

use super::fragment::{self, Sample, flags_of};
use super::{PackageError, Place, video, video_codec};
use crate::mux::entries::visual_entry;
use crate::mux::parameter_sets::FrameClass;
use crate::ts::EsCodec;

/// An I-frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IFrame {
    /// Presentation time, 90 kHz.
    pub pts: i64,
    /// Duration until the next I-frame, or until the end, 90 kHz.
    pub duration: u32,
    /// `moof` and `mdat` with this frame only. After the initialisation section, they are an MP4
    /// file that any demuxer reads.
    pub bytes: Vec<u8>,
}

/// The I-frames of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagedIFrames {
    /// The initialisation section: `ftyp` and `moov`.
    pub init: Vec<u8>,
    /// The frames in the order of presentation.
    pub frames: Vec<IFrame>,
}

/// Packages each I-frame of a transport stream that can be decoded independently. Other frames are
/// skipped. Fragments are numbered from [`Place::sequence`] on.
///
/// A frame is decoded when it is presented, because no other frame needs it.
///
/// # Errors
/// As [`super::package`].
pub fn package_iframes(
    chunk: &[u8],
    codec: EsCodec,
    place: &Place,
) -> Result<PackagedIFrames, PackageError> {
    let track = video::read(chunk, codec, video_codec(codec)?, place)?;
    let entry = visual_entry(&track.sets)?;
    let end = video::times(&track)?.end(place.end, entry.frame_rate);
    let frames = track.classes.iter().zip(&track.pending).zip(&track.offsets);
    let mut frames: Vec<(i64, &[u8])> = frames
        .filter(|((class, _), _)| class.is_sync())
        .map(|((_, frame), offset)| (frame.time + i64::from(*offset), frame.data.as_slice()))
        .collect();
    frames.sort_by_key(|it| it.0);
    let starts = frames.iter().map(|it| it.0);
    let ends: Vec<i64> = starts.skip(1).chain([end]).collect();
    let mut packaged = PackagedIFrames {
        init: video::init(&entry),
        frames: Vec::with_capacity(frames.len()),
    };
    let sequences = std::iter::successors(Some(place.sequence), |it| Some(it.wrapping_add(1)));
    for ((sequence, (pts, data)), end) in sequences.zip(frames).zip(ends) {
        let duration = u32::try_from((end - pts).max(1))
            .map_err(|_| PackageError::Unsupported("a frame is too long"))?;
        let sample = Sample {
            duration,
            bytes: data.len() as u32,
            flags: flags_of(FrameClass::Sync),
            offset: 0,
        };
        let mut bytes = vec![];
        fragment::append(&mut bytes, sequence, pts, &[sample], data)?;
        packaged.frames.push(IFrame {
            pts,
            duration,
            bytes,
        });
    }
    Ok(packaged)
}
