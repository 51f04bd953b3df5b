//! Verifies that the output matches the plan. Every segment is checked before any viewer may see
//! it.
//!
//! FFmpeg may exit 0 after writing a short or damaged file, so its status does not count: only the
//! transport streams themselves do.

use domain::plan::EncodePlan;
use domain::segment::{Lane, SegmentRecord, TICKS_PER_SECOND, seconds};
use media::h264::Sps;
use media::ts::TsReport;

use crate::error::TranscodeError;
use crate::sink::Stored;

/// How much earlier than its index declares a source may end, ticks.
const SHORTAGE: u64 = TICKS_PER_SECOND / 4;

/// Duration of an AAC access unit at the lowest output rate, ticks.
const AUDIO_UNIT: u64 = 1024 * TICKS_PER_SECOND / 44_100 + 1;

/// Checks a segment against the plan, and returns its record with its exact duration.
pub(crate) fn segment(plan: &EncodePlan, lane: Lane, stored: &Stored) -> Result<SegmentRecord, TranscodeError> {
    let (record, report) = (&stored.record, &stored.report);
    let wrong =
        |what: String| TranscodeError::Verification(format!("segment {} of {} {what}", record.index, record.rendition));
    if report.streams.len() != 1 {
        return Err(wrong(format!("has {} streams", report.streams.len())));
    }
    if lane == Lane::Encode && plan.is_iframes(&record.rendition) {
        let all_intra = report.video().is_some_and(|it| it.intra_frames == it.frames);
        let complete = record.iframes.len() as u32 == record.frames;
        let Some(chunk) = plan.encode_chunks.get(record.index as usize).filter(|_| all_intra && complete) else {
            return Err(wrong("is not all I-frames".to_owned()));
        };
        return Ok(until(record, plan.frame_rate.ticks_of_frame(plan.span(&chunk.segments).end.frame)));
    }
    if record.index >= plan.segments() {
        return Err(wrong("was not planned".to_owned()));
    }
    let (this, next) = (plan.boundaries[record.index as usize], plan.boundaries[record.index as usize + 1]);
    let last = record.index + 1 == plan.segments();
    let frame = plan.frame_rate.ticks_of_frame(1);
    let starts_at = |expected: u64, tolerance: u64| {
        if record.start.abs_diff(expected) <= tolerance {
            return Ok(());
        }
        Err(wrong(format!("begins at {:.3} s instead of {:.3} s", seconds(record.start), seconds(expected))))
    };
    let duration = match (lane, report.audio()) {
        (_, Some(audio)) => {
            starts_at(this.ticks, AUDIO_UNIT)?;
            match lane {
                // Joined sources have audio that overlaps, or gaps: samples and times drift apart,
                // boundaries do not.
                Lane::Copy if !last => next.ticks - this.ticks,
                _ => audio_duration(lane, audio, record.duration),
            }
        }
        (Lane::Audio, None) => return Err(wrong("holds no AAC".to_owned())),
        (Lane::Copy, None) => {
            if !stands_alone(report) {
                let at = seconds(this.ticks);
                return Err(TranscodeError::NotCopyable(format!("at {at:.3} s it has no instantaneous refresh")));
            }
            starts_at(this.ticks, frame / 2)?;
            // The transport stream does not carry the duration of its last frame; the index of the
            // source does.
            let planned = next.ticks - this.ticks;
            if last && record.duration + plan.longest_frame + SHORTAGE < planned {
                return Err(wrong(format!("ends {:.3} s early", seconds(planned - record.duration))));
            }
            planned
        }
        (Lane::Encode, None) => {
            if !stands_alone(report) {
                return Err(wrong("does not begin with an IDR picture".to_owned()));
            }
            let begins = plan.frame_rate.ticks_of_frame(this.frame);
            starts_at(begins, 2)?;
            let planned = next.frame - this.frame;
            let missing = planned.saturating_sub(u64::from(record.frames));
            let tolerated = if last { SHORTAGE / frame.max(1) + 1 } else { 0 };
            if u64::from(record.frames) > planned || missing > tolerated {
                return Err(wrong(format!("has {} frames instead of {planned}", record.frames)));
            }
            plan.frame_rate.ticks_of_frame(this.frame + u64::from(record.frames)) - begins
        }
    };
    Ok(SegmentRecord { duration, ..record.clone() })
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

fn stands_alone(report: &TsReport) -> bool {
    report.starts_with_tables && report.video().is_some_and(|it| it.starts_with_idr)
}

/// Exact duration by samples; by times (`measured`) if a copied source has a gap.
fn audio_duration(lane: Lane, stream: &media::ts::EsReport, measured: u64) -> u64 {
    let rate = stream.adts.map_or(0, |it| u64::from(it.sample_rate));
    let sounding = (stream.samples * TICKS_PER_SECOND).checked_div(rate).unwrap_or(measured);
    if lane == Lane::Copy && measured > sounding + AUDIO_UNIT / 2 { measured } else { sounding }
}

/// The codecs in the bitstream of a segment (RFC 6381).
pub(crate) fn codecs(report: &TsReport) -> Option<String> {
    match (report.video(), report.audio()) {
        (Some(video), _) => Sps::parse(video.sps.as_ref()?).map(|it| it.codec_string()),
        (None, Some(audio)) => audio.adts.map(|it| it.codec_string()),
        (None, None) => None,
    }
}

/// The final check of a whole generation: every rendition is complete, and audio and video have the
/// same length.
pub(crate) fn generation(plan: &EncodePlan, records: &[SegmentRecord]) -> Result<(), TranscodeError> {
    let wrong = |what: String| Err(TranscodeError::Verification(what));
    let mut ends = vec![];
    for rendition in plan.all_renditions() {
        let own: Vec<_> = records.iter().filter(|it| it.rendition == rendition.name).collect();
        if own.iter().zip(0..).any(|(it, index)| it.index != index) || own.is_empty() {
            return wrong(format!("{} is not complete", rendition.name));
        }
        ends.push((&rendition.name, own.iter().map(|it| it.duration).sum::<u64>()));
    }
    let Some((_, reference)) = ends.first().cloned() else { return wrong("nothing was made".to_owned()) };
    for (rendition, end) in &ends {
        // Apple 8.1: within a frame; the last audio access unit and the shortage of a source are
        // added.
        if end.abs_diff(reference) > SHORTAGE + 2 * AUDIO_UNIT {
            let (end, reference) = (seconds(*end), seconds(reference));
            return wrong(format!("{rendition} is {end:.3} s long, and the first rendition {reference:.3} s"));
        }
        // Otherwise segments that all renditions lack would not be missed.
        let longest = plan.duration();
        if end + SHORTAGE + 2 * AUDIO_UNIT + plan.frame_rate.ticks_of_frame(1) < longest {
            let (end, longest) = (seconds(*end), seconds(longest));
            return wrong(format!("{rendition} is {end:.3} s long, and the plan {longest:.3} s"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
