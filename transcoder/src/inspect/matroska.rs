//! Matroska and WebM: Cues list the keyframes; the end of the video is known only from its last
//! packets.

use domain::failure::SourceProblem;
use domain::probe::{Extent, Seeking, SourceIndex};
use domain::segment::TICKS_PER_SECOND;
use media::mkv::{MkvError, MkvIndex, MkvStep, MkvWalker};

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::Found;
use crate::inspect::Indexed;
use crate::inspect::packets::{Interval, Scan, packets};
use crate::source::Blocks;

/// Length of the sections that are read to measure the frame rate, seconds.
const HEAD_SECONDS: f64 = 20.0;
const LATER_SECONDS: f64 = 5.0;

/// The positions of the frames of the video stream. `None`: the file has no Cues, like recordings
/// of browsers.
pub(super) async fn index(
    tools: &Tools,
    blocks: &Blocks,
    url: &str,
    found: &Found,
) -> Result<Option<Indexed>, TranscodeError> {
    let Some(index) = read(blocks).await? else {
        return Ok(None);
    };
    let Some(cues) = index.keyframes_ns().filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    let start = found.video.start_seconds();
    let first_ns = (start * 1e9).round() as i128;
    let ticks = |ns: u64| {
        ((i128::from(ns) - first_ns) * i128::from(TICKS_PER_SECOND) / 1_000_000_000).max(0) as u64
    };
    let mut keyframes: Vec<u64> = cues.iter().map(|it| ticks(*it)).collect();
    keyframes.dedup();
    let last_cue = cues.last().copied().unwrap_or(0) as f64 / 1e9;
    // A screen recording has motion only now and then: its rate is measured in four places.
    let mut measured = vec![Interval {
        from: None,
        length: Some(HEAD_SECONDS),
    }];
    let later = [0.25, 0.5, 0.75]
        .map(|it| last_cue * it)
        .into_iter()
        .filter(|it| *it > HEAD_SECONDS);
    measured.extend(later.map(|it| Interval {
        from: Some(it),
        length: Some(LATER_SECONDS),
    }));
    let rest = [Interval {
        from: Some(last_cue),
        length: None,
    }];
    let scan = || Scan::new(Some(found.video.index), &found.audio);
    let (head, tail) = tokio::try_join!(
        packets(tools, "matroska", url, scan(), &measured),
        packets(tools, "matroska", url, scan(), &rest),
    )?;
    let tail = tail.finish(Seeking::Indexed)?;
    // The tail was measured from its own first frame, which may lie before the last cue.
    let end = tail.video.end.max(start);
    let video_end = super::ticks(end - start);
    let audio = Extent::all(found.audio.iter().map(|it| {
        Extent {
            start: it.start_seconds,
            end: tail
                .audio
                .map_or(it.start_seconds, |it| it.end)
                .max(it.start_seconds + it.duration_seconds.unwrap_or(0.0)),
        }
    }));
    Ok(Some(Indexed {
        frame_times: head.frame_times(),
        video: Extent { start, end },
        audio,
        unseekable: None,
        depth: None,
        index: SourceIndex {
            keyframes,
            gop_bytes: vec![],
            video_start: 0,
            video_end,
            end: video_end,
            longest_frame: tail.index.longest_frame,
            // Cues do not declare this. H.264 that begins a segment with an IDR frame has closed
            // GOPs, and every segment is checked for that.
            closed_gops: true,
            seeking: Seeking::Indexed,
            video_bytes: None,
        },
    }))
}

async fn read(blocks: &Blocks) -> Result<Option<MkvIndex>, TranscodeError> {
    let mut walker = MkvWalker::new(blocks.size());
    loop {
        match walker.step() {
            Ok(MkvStep::Need { offset, len }) => {
                let found = blocks.read(offset..offset + len).await?;
                walker.supply(offset, &found);
            }
            Ok(MkvStep::Done(index)) => return Ok(Some(*index)),
            Err(MkvError::Truncated) => return Err(SourceProblem::Truncated.into()),
            // FFmpeg may still be able to read it.
            Err(_) => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
