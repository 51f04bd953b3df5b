//! Matroska and WebM: Cues name the keyframes; where the video ends, only its last packets tell.

use domain::failure::SourceProblem;
use domain::probe::{Seeking, SourceIndex};
use domain::segment::TICKS_PER_SECOND;
use media::mkv::{MkvError, MkvIndex, MkvStep, MkvWalker};

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::Streams;
use crate::inspect::Indexed;
use crate::inspect::packets::{self, Interval};
use crate::source::Blocks;

/// How much of the beginning is read to count frames, seconds.
const COUNTED_SECONDS: u32 = 20;

/// Where the frames of the video stream are. `None`: the file has no Cues, as recordings of browsers.
pub(super) async fn index(
    tools: &Tools,
    blocks: &Blocks,
    url: &str,
    found: &Streams,
) -> Result<Option<Indexed>, TranscodeError> {
    let Some(index) = read(blocks).await? else { return Ok(None) };
    let Some(cues) = index.keyframes_ns().filter(|it| !it.is_empty()) else { return Ok(None) };
    let first_ns = (found.video.start_seconds() * 1e9).round() as i128;
    let ticks = |ns: u64| ((i128::from(ns) - first_ns) * i128::from(TICKS_PER_SECOND) / 1_000_000_000).max(0) as u64;
    let mut keyframes: Vec<u64> = cues.iter().map(|it| ticks(*it)).collect();
    keyframes.dedup();
    let last_cue = cues.last().copied().unwrap_or(0) as f64 / 1e9;
    let head = packets::scan(tools, "matroska", url, found, Interval::First(COUNTED_SECONDS)).await?;
    let tail = packets::scan(tools, "matroska", url, found, Interval::From(last_cue)).await?;
    Ok(Some(Indexed {
        frame_rate: head.frame_rate,
        first_seconds: found.video.start_seconds(),
        index: SourceIndex {
            keyframes,
            gop_bytes: vec![],
            // The tail was measured from its own first frame, which may lie before the last cue.
            end: ticks((tail.first_seconds.max(0.0) * 1e9).round() as u64) + tail.index.end,
            exact_end: true,
            longest_frame: head.index.longest_frame.max(tail.index.longest_frame),
            // Cues do not tell; H.264 that begins a segment with an IDR picture is closed, and every
            // segment is checked for that.
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
            // FFmpeg may still make something of it.
            Err(_) => return Ok(None),
        }
    }
}
