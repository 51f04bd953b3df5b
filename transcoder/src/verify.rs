//! Verifies that the output matches the plan. Every segment is checked before any viewer may see
//! it.
//!
//! FFmpeg may exit 0 after writing a short or damaged file, so its exit status does not count: only the
//! segments themselves do.

use std::ops::Range;

use domain::plan::{Boundary, EncodePlan, RenditionKind};
use domain::probe::HighDynamicRange;
use domain::segment::{Lane, SegmentRecord, TICKS_PER_SECOND, seconds};
use media::segment::{Measured, StreamInfo};

use crate::error::TranscodeError;
use crate::sink::Stored;

/// How much earlier than its index declares a source may end, ticks.
const SHORTAGE: u64 = TICKS_PER_SECOND / 4;

/// Duration of an AAC access unit at the lowest output rate, ticks.
const AUDIO_UNIT: u64 = 1024 * TICKS_PER_SECOND / 44_100 + 1;

/// Checks a segment against the plan, and returns its record with its exact duration.
pub(crate) fn segment(
    plan: &EncodePlan,
    lane: Lane,
    stored: &Stored,
) -> Result<SegmentRecord, TranscodeError> {
    let (record, measured) = (&stored.record, &stored.measured);
    let segment = Segment {
        plan,
        record,
        measured,
    };
    if measured.streams != 1 {
        return Err(segment.wrong(&format!("has {} streams", measured.streams)));
    }
    let kind = plan.rendition(&record.rendition).map(|it| it.kind);
    let span = match (kind, record.index < plan.segments()) {
        (Some(RenditionKind::IFrames), _) => return segment.iframes(),
        (Some(RenditionKind::Video | RenditionKind::Audio), true) => {
            plan.span(&(record.index..record.index + 1))
        }
        (Some(RenditionKind::Video | RenditionKind::Audio), false) | (None, _) => {
            return Err(segment.wrong("was not planned"));
        }
    };
    let duration = match (kind, lane) {
        (Some(RenditionKind::Audio), _) => segment.audio(lane, &span)?,
        (_, Lane::Copy) => segment.remuxed(&span)?,
        (_, Lane::First | Lane::Encode | Lane::Audio) => segment.encoded(&span)?,
    };
    Ok(SegmentRecord {
        duration,
        ..record.clone()
    })
}

/// A segment to check. Each method checks one kind, and returns the exact duration, ticks.
struct Segment<'a> {
    plan: &'a EncodePlan,
    record: &'a SegmentRecord,
    measured: &'a Measured,
}

impl Segment<'_> {
    fn iframes(&self) -> Result<SegmentRecord, TranscodeError> {
        let all_intra = self
            .measured
            .video
            .as_ref()
            .is_some_and(|it| it.intra_frames == it.frames);
        let complete = self.record.iframes.len() as u32 == self.record.frames;
        let chunk = self.plan.encode_chunks.get(self.record.index as usize);
        let Some(chunk) = chunk.filter(|_| all_intra && complete) else {
            return Err(self.wrong("is not all I-frames"));
        };
        let end = self.plan.span(&chunk.segments).end.frame;
        Ok(until(self.record, self.plan.frame_rate.ticks_of_frame(end)))
    }

    fn audio(&self, lane: Lane, span: &Range<Boundary>) -> Result<u64, TranscodeError> {
        let Some(audio) = &self.measured.audio else {
            return Err(self.wrong("holds no audio"));
        };
        let planned = self.plan.audio.iter();
        let mut planned = planned.filter(|it| it.rendition.name == self.record.rendition);
        // Without its layout, players would assign channels to the wrong loudspeakers.
        if let Some(surround) = planned.find(|it| it.is_surround())
            && audio.channels.map(u32::from) != Some(surround.channels)
        {
            let found = audio.channels.unwrap_or_default();
            let wanted = surround.channels;
            return Err(self.wrong(&format!("has {found} channels instead of {wanted}")));
        }
        self.starts_at(span.start.ticks, AUDIO_UNIT)?;
        match lane {
            // Joined sources have audio that overlaps, or gaps: samples and times drift apart,
            // boundaries do not.
            Lane::Copy if !self.is_last() => Ok(span.end.ticks - span.start.ticks),
            Lane::Copy | Lane::First | Lane::Encode | Lane::Audio => {
                Ok(audio_duration(lane, audio, self.record.duration))
            }
        }
    }

    fn remuxed(&self, span: &Range<Boundary>) -> Result<u64, TranscodeError> {
        if !self.stands_alone() {
            let at = seconds(span.start.ticks);
            return Err(TranscodeError::NotCopyable(format!(
                "at {at:.3} s it has no instantaneous refresh"
            )));
        }
        self.starts_at(span.start.ticks, self.plan.frame_rate.ticks_of_frame(1) / 2)?;
        // The segment does not carry the duration of its last frame; the index of the source does.
        let planned = span.end.ticks - self.tail(span) - span.start.ticks;
        if self.is_last() && self.record.duration + self.plan.longest_frame + SHORTAGE < planned {
            return Err(self.wrong(&format!(
                "ends {:.3} s early",
                seconds(planned - self.record.duration)
            )));
        }
        Ok(planned)
    }

    /// How long audio continues after the remuxed video, ticks, in the last segment. Plans of the first
    /// version do not say where the video ends.
    fn tail(&self, span: &Range<Boundary>) -> u64 {
        let video_end = self.plan.video_end;
        match self.is_last() && video_end > span.start.ticks {
            true => span.end.ticks.saturating_sub(video_end),
            false => 0,
        }
    }

    fn encoded(&self, span: &Range<Boundary>) -> Result<u64, TranscodeError> {
        if !self.stands_alone() {
            return Err(self.wrong("does not begin with an IDR frame"));
        }
        self.has_planned_range()?;
        let rate = self.plan.frame_rate;
        let (begins, frames) = (
            rate.ticks_of_frame(span.start.frame),
            u64::from(self.record.frames),
        );
        self.starts_at(begins, 2)?;
        let planned = span.end.frame - span.start.frame;
        let tolerated = if self.is_last() {
            SHORTAGE / rate.ticks_of_frame(1).max(1) + 1
        } else {
            0
        };
        if frames > planned || planned - frames > tolerated {
            return Err(self.wrong(&format!("has {frames} frames instead of {planned}")));
        }
        Ok(rate.ticks_of_frame(span.start.frame + frames) - begins)
    }

    /// An encoder for 8 bits only would convert HDR without an error.
    fn has_planned_range(&self) -> Result<(), TranscodeError> {
        let mut rungs = self.plan.rungs.iter();
        let rung = rungs.find(|it| it.rendition.name == self.record.rendition);
        let planned = rung.and_then(|it| it.hdr);
        let Some(video) = &self.measured.video else {
            return Ok(());
        };
        let declared = video
            .color
            .and_then(|(_, transfer, _)| HighDynamicRange::of_code_point(transfer));
        if declared != planned {
            let name = |it: Option<HighDynamicRange>| it.map_or("sdr", HighDynamicRange::transfer);
            let (found, wanted) = (name(declared), name(planned));
            return Err(self.wrong(&format!("is {found} instead of {wanted}")));
        }
        match (planned, video.bit_depth) {
            (Some(_), Some(depth)) if depth < 10 => {
                Err(self.wrong(&format!("has {depth} bits: HDR needs 10")))
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }

    fn is_last(&self) -> bool {
        self.record.index + 1 == self.plan.segments()
    }

    fn stands_alone(&self) -> bool {
        self.measured.starts_with_tables
            && self
                .measured
                .video
                .as_ref()
                .is_some_and(|it| it.starts_with_idr)
    }

    fn starts_at(&self, expected: u64, tolerance: u64) -> Result<(), TranscodeError> {
        let start = self.record.start;
        if start.abs_diff(expected) <= tolerance {
            return Ok(());
        }
        Err(self.wrong(&format!(
            "begins at {:.3} s instead of {:.3} s",
            seconds(start),
            seconds(expected)
        )))
    }

    fn wrong(&self, what: &str) -> TranscodeError {
        let SegmentRecord {
            rendition, index, ..
        } = self.record;
        TranscodeError::Verification(format!("segment {index} of {rendition} {what}"))
    }
}

/// I-frames with the last one extended to the end of its chunk, which only the plan knows.
fn until(record: &SegmentRecord, end: u64) -> SegmentRecord {
    let mut record = record.clone();
    if let Some(last) = record.iframes.last_mut() {
        last.duration = end.saturating_sub(last.start).max(1);
    }
    record.duration = record.iframes.iter().map(|it| it.duration).sum();
    record
}

/// Exact duration by samples; by times (`measured`) if a copied source has a gap.
fn audio_duration(lane: Lane, stream: &StreamInfo, measured: u64) -> u64 {
    let rate = stream.sample_rate.map_or(0, u64::from);
    let by_samples = (stream.samples * TICKS_PER_SECOND)
        .checked_div(rate)
        .unwrap_or(measured);
    if lane == Lane::Copy && measured > by_samples + AUDIO_UNIT / 2 {
        measured
    } else {
        by_samples
    }
}

/// The final check of a whole generation: every rendition is complete, and audio and video have the
/// same length.
pub(crate) fn generation(
    plan: &EncodePlan,
    records: &[SegmentRecord],
) -> Result<(), TranscodeError> {
    let wrong = |what: String| Err(TranscodeError::Verification(what));
    let mut ends = vec![];
    for rendition in plan.all_renditions() {
        let own: Vec<_> = records
            .iter()
            .filter(|it| it.rendition == rendition.name)
            .collect();
        if own.iter().zip(0..).any(|(it, index)| it.index != index) || own.is_empty() {
            return wrong(format!("{} is not complete", rendition.name));
        }
        ends.push((
            &rendition.name,
            own.iter().map(|it| it.duration).sum::<u64>(),
        ));
    }
    let Some((_, reference)) = ends.first().cloned() else {
        return wrong("nothing was made".to_owned());
    };
    for (rendition, end) in &ends {
        // Apple 8.1: within a frame; the last audio access unit and the shortage of a source are
        // added.
        if end.abs_diff(reference) > SHORTAGE + 2 * AUDIO_UNIT {
            let (end, reference) = (seconds(*end), seconds(reference));
            return wrong(format!(
                "{rendition} is {end:.3} s long, and the first rendition {reference:.3} s"
            ));
        }
        // Otherwise segments that all renditions lack would not be missed.
        let longest = plan.duration();
        if end + SHORTAGE + 2 * AUDIO_UNIT + plan.frame_rate.ticks_of_frame(1) < longest {
            let (end, longest) = (seconds(*end), seconds(longest));
            return wrong(format!(
                "{rendition} is {end:.3} s long, and the plan {longest:.3} s"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
