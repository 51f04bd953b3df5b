//! Segments of video.

use super::fragment::{self, Sample, flags_of};
use super::timing::Times;
use super::{PackageError, Packaged, Place};
use crate::mux::entries::{VisualEntry, visual_entry};
use crate::mux::headers::Media;
use crate::mux::parameter_sets::VideoCodec;
use crate::mux::video::VideoTrack;
use crate::ts::{EsCodec, TICKS_PER_SECOND, pes_units};

pub(super) fn package(
    segment: &[u8],
    codec: EsCodec,
    video_codec: VideoCodec,
    place: &Place,
) -> Result<Packaged, PackageError> {
    let track = read(segment, codec, video_codec, place)?;
    let entry = visual_entry(&track.sets)?;
    let times = times(&track)?;
    let next = times.next_dts(times.end(place.end, entry.frame_rate));
    let last = u32::try_from(next - times.last_dts)
        .map_err(|_| PackageError::Unsupported("a frame is too long"))?;
    let durations = track.durations.iter().copied().chain([last]);
    let rows = durations.zip(&track.sizes).zip(&track.classes);
    let samples: Vec<Sample> = rows
        .zip(&track.offsets)
        .map(|(((duration, bytes), class), offset)| Sample {
            duration,
            bytes: *bytes,
            flags: flags_of(*class),
            offset: *offset,
        })
        .collect();
    let mut data = Vec::with_capacity(segment.len());
    for sample in &track.pending {
        data.extend_from_slice(&sample.data);
    }
    let mut media = fragment::segment_type();
    fragment::append(&mut media, place.sequence, track.first_dts, &samples, &data)?;
    Ok(Packaged {
        init: init(&entry),
        media,
    })
}

/// The frames of a segment, which all have the same parameter sets.
pub(super) fn read(
    segment: &[u8],
    codec: EsCodec,
    video_codec: VideoCodec,
    place: &Place,
) -> Result<VideoTrack, PackageError> {
    let mut track = VideoTrack::new(video_codec);
    for unit in pes_units(segment, codec, place.after)? {
        track.push(&unit)?;
        if track.changed {
            return Err(PackageError::ChangedParameters);
        }
    }
    if track.sizes.is_empty() {
        return Err(PackageError::Unsupported("the segment has no frames"));
    }
    Ok(track)
}

pub(super) fn init(entry: &VisualEntry) -> Vec<u8> {
    let media = Media::Video(entry.display);
    fragment::init(media, TICKS_PER_SECOND as u32, &entry.bytes)
}

pub(super) fn times(track: &VideoTrack) -> Result<Times, PackageError> {
    let empty = PackageError::Unsupported("the segment has no frames");
    let last_dts = track.last_time().ok_or(empty)?;
    let decoded = track.pending.iter().map(|it| it.time);
    let presented = decoded.zip(&track.offsets);
    let mut pts: Vec<i64> = presented.map(|(dts, it)| dts + i64::from(*it)).collect();
    pts.sort_unstable();
    Ok(Times {
        pts,
        first: (track.first_pts, track.first_dts),
        last_dts,
    })
}
