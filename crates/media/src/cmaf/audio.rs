//! Segments of audio.
//!
//! The decoding time of a segment is the number of its first audio sample. The times of an encoder
//! are numbers of audio samples, rounded to 1/90,000 s, and are rounded back
//! ([`sample_at`]). So a segment ends at the sample at which the next one begins.

use super::fragment::{self, Sample};
use super::{PackageError, Packaged, Place};
use crate::aac::SAMPLES_PER_BLOCK;
use crate::mux::audio::{AudioTrack, sample_at};
use crate::mux::entries::audio_entry;
use crate::mux::headers::Media;
use crate::mux::parameter_sets::FrameClass;
use crate::ts::{EsCodec, pes_units};

pub(super) fn package(segment: &[u8], place: &Place) -> Result<Packaged, PackageError> {
    let mut track = AudioTrack::default();
    for unit in pes_units(segment, EsCodec::AacAdts, place.after)? {
        track.push(&unit)?;
    }
    let empty = PackageError::Unsupported("the segment has no frames");
    let config = track.config.ok_or(empty)?;
    let mut samples: Vec<Sample> = track
        .sizes
        .iter()
        .map(|bytes| Sample {
            duration: SAMPLES_PER_BLOCK,
            bytes: *bytes,
            flags: fragment::flags_of(FrameClass::Sync),
            offset: 0,
        })
        .collect();
    for (number, duration) in &track.odd_durations {
        if let Some(sample) = samples.get_mut(*number as usize) {
            sample.duration = *duration;
        }
    }
    let mut data = Vec::with_capacity(segment.len());
    for sample in &track.pending {
        data.extend_from_slice(&sample.data);
    }
    let time = sample_at(track.first_pts, i64::from(config.sample_rate));
    let mut media = fragment::segment_type();
    fragment::append(&mut media, place.sequence, time, &samples, &data)?;
    // Without a bit rate, which would differ from segment to segment.
    let entry = audio_entry(config, 0);
    Ok(Packaged {
        init: fragment::init(Media::Audio, config.sample_rate, &entry),
        media,
    })
}
