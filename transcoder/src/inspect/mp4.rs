//! MP4 and MOV: everything is in the `moov` box.

use domain::failure::SourceProblem;
use domain::probe::{Seeking, SourceIndex};
use domain::segment::TICKS_PER_SECOND;
use media::mp4::{BoxWalker, Moov, Mp4Error, Step, TrackKind, VideoIndex};

use crate::error::TranscodeError;
use crate::ffmpeg::probe::Streams;
use crate::inspect::Indexed;
use crate::source::Blocks;

/// Reads the `moov` box, wherever it is. `None`: there is one, but of no use to us; FFmpeg may still
/// make something of the file.
pub(super) async fn read(blocks: &Blocks) -> Result<Option<Box<Moov>>, TranscodeError> {
    let mut walker = BoxWalker::new(blocks.size());
    loop {
        match walker.step() {
            Ok(Step::Need { offset, len }) => {
                let found = blocks.read(offset..offset + len).await?;
                walker.supply(offset, &found);
            }
            Ok(Step::Done(moov)) => return Ok(Some(moov)),
            Err(error) => return refusal(&error).map_or(Ok(None), |it| Err(it.into())),
        }
    }
}

/// Where the frames of the video stream are. `None`: fragmented, or edited beyond what an index can tell.
pub(super) fn index(moov: &Moov, found: &Streams) -> Result<Option<Indexed>, TranscodeError> {
    if moov.fragmented {
        return Ok(None);
    }
    // FFmpeg numbers streams in the order of the tracks.
    let track = moov.tracks.get(found.video.index as usize).filter(|it| it.kind == TrackKind::Video);
    let Some(track) = track else { return Ok(None) };
    if let Err(error) = moov.check_complete() {
        return refusal(&error).map_or(Ok(None), |it| Err(it.into()));
    }
    let index = match VideoIndex::new(track) {
        Ok(index) => index,
        Err(error) => return refusal(&error).map_or(Ok(None), |it| Err(it.into())),
    };
    // With hidden frames or several edits, presentation is not what the tables alone say.
    let plain = !index.complex_edits && index.hidden_at_start == 0 && index.hidden_at_end == 0;
    let ticks = |time: i64| {
        let scaled = i128::from(time - index.first_pts) * i128::from(TICKS_PER_SECOND);
        ((scaled + i128::from(index.timescale / 2)) / i128::from(index.timescale)).max(0) as u64
    };
    let keyframes: Vec<u64> = index.keyframes.iter().map(|it| ticks(it.pts)).collect();
    let gops = 0..index.keyframes.len();
    let end = ticks(index.end_pts);
    let frames_shown = index.frame_count - index.hidden_at_start - index.hidden_at_end;
    let (rate, per) = index.frame_rate();
    let frame_rate = match end {
        0 => None,
        _ if plain => Some(rate as f64 / per as f64),
        _ => Some(f64::from(frames_shown) * TICKS_PER_SECOND as f64 / end as f64),
    };
    Ok(Some(Indexed {
        frame_rate,
        first_seconds: index.first_pts as f64 / f64::from(index.timescale.max(1)),
        index: SourceIndex {
            gop_bytes: gops.map(|it| index.bytes_between(it, it + 1).unwrap_or(0)).collect(),
            keyframes,
            end,
            exact_end: true,
            longest_frame: u64::from(index.max_frame_ticks) * TICKS_PER_SECOND / u64::from(index.timescale.max(1)),
            closed_gops: plain && index.closed_gops && index.starts_with_keyframe,
            seeking: Seeking::Indexed,
            video_bytes: Some(index.bytes),
        },
    }))
}

/// What an error says of the file; `None`: nothing that FFmpeg could not cope with.
fn refusal(error: &Mp4Error) -> Option<SourceProblem> {
    match error {
        Mp4Error::NoMoov | Mp4Error::Truncated { .. } => Some(SourceProblem::Truncated),
        Mp4Error::NotMp4 => Some(SourceProblem::NotAVideo),
        Mp4Error::MoovTooLarge { .. } | Mp4Error::TooManySamples { .. } => Some(SourceProblem::Damaged),
        Mp4Error::Damaged { .. } | Mp4Error::Compressed => None,
    }
}
