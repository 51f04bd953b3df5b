//! Segments of AC-3 and Enhanced AC-3. Their times are numbers of audio samples, as those of AAC.
//!
//! Only an encoder makes such segments, so the frames follow each other without gaps.

use super::fragment::{self, Sample};
use super::{PackageError, Packaged, Place};
use crate::ac3::Ac3Header;
use crate::mux::audio::sample_at;
use crate::mux::entries::ac3_entry;
use crate::mux::headers::Media;
use crate::mux::parameter_sets::FrameClass;
use crate::ts::{EsCodec, pes_units};

pub(super) fn package(
    segment: &[u8],
    codec: EsCodec,
    place: &Place,
) -> Result<Packaged, PackageError> {
    let damaged = PackageError::Unsupported("an audio frame is damaged");
    let mut begin = None;
    let mut samples = vec![];
    let mut data = Vec::with_capacity(segment.len());
    for unit in pes_units(segment, codec, place.after)? {
        let mut rest = unit.data.as_slice();
        while !rest.is_empty() {
            let header = Ac3Header::parse(rest).ok_or(damaged)?;
            let bytes = usize::from(header.frame_bytes);
            let frame = rest.get(..bytes).ok_or(damaged)?;
            if header.samples() == 0 {
                return Err(PackageError::Unsupported(
                    "an audio frame depends on another one",
                ));
            }
            let (first, _) = *begin.get_or_insert((header, unit.pts));
            if !is_like(&first, &header) {
                return Err(PackageError::Unsupported(
                    "the audio changes its parameters",
                ));
            }
            samples.push(Sample {
                duration: header.samples(),
                bytes: bytes as u32,
                flags: fragment::flags_of(FrameClass::Sync),
                offset: 0,
            });
            data.extend_from_slice(frame);
            rest = &rest[bytes..];
        }
    }
    let empty = PackageError::Unsupported("the segment has no frames");
    let (first, pts) = begin.ok_or(empty)?;
    let time = sample_at(pts, i64::from(first.sample_rate));
    let mut media = fragment::segment_type();
    fragment::append(&mut media, place.sequence, time, &samples, &data)?;
    Ok(Packaged {
        init: fragment::init(Media::Audio, first.sample_rate, &ac3_entry(&first)),
        media,
    })
}

/// Whether frames have the same parameters. At 44.1 kHz, the lengths of frames take turns.
fn is_like(first: &Ac3Header, header: &Ac3Header) -> bool {
    let mut other = *header;
    other.frame_bytes = first.frame_bytes;
    other == *first
}
