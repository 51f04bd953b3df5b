//! Looking at a source before work begins: what it is, what is in it, where its frames are.
//!
//! Reads the head and the index of the file, not the file: a source of hours takes no longer than one
//! of minutes. Only containers without an index are read through, packet by packet, undecoded.

use domain::failure::SourceProblem;
use domain::probe::{Probe, SourceIndex};
use domain::profile::Profile;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::{Streams, output_rate, streams};
use crate::source::Blocks;

mod kind;
mod matroska;
mod mp4;
mod packets;

/// What an index tells beside where the frames are.
struct Indexed {
    index: SourceIndex,
    /// Frames over time, as counted.
    frame_rate: Option<f64>,
    /// Where times are counted from, seconds on the clock of the container.
    first_seconds: f64,
}

/// Looks at a source. `url`: where ffprobe reads it.
///
/// Fails with what is wrong with the file: empty, not a video, truncated, protected, a playlist.
pub async fn inspect(tools: &Tools, blocks: &Blocks, url: &str, profile: &Profile) -> Result<Probe, TranscodeError> {
    if blocks.size() == 0 {
        return Err(SourceProblem::EmptyFile.into());
    }
    let limit = profile.limits.max_bytes;
    if blocks.size() > limit {
        return Err(SourceProblem::TooLarge { bytes: blocks.size(), limit_bytes: limit }.into());
    }
    let demuxer = kind::demuxer(blocks).await?;
    // Our own reader of MP4 says more clearly than ffprobe what is wrong with a file, so it goes first.
    let moov = if demuxer == "mov" { mp4::read(blocks).await? } else { None };
    let found = streams(tools, demuxer, url).await?;
    let indexed = match (moov, demuxer) {
        (Some(moov), _) => mp4::index(&moov, &found)?,
        (None, "matroska") => matroska::index(tools, blocks, url, &found).await?,
        _ => None,
    };
    let indexed = match indexed {
        Some(indexed) => indexed,
        None => packets::scan(tools, demuxer, url, &found, packets::Interval::Whole).await?,
    };
    Ok(assemble(blocks.size(), demuxer, found, indexed, profile))
}

fn assemble(size: u64, demuxer: &str, found: Streams, indexed: Indexed, profile: &Profile) -> Probe {
    let mut video = found.video;
    video.source_rate = output_rate(found.rates, indexed.frame_rate, f64::INFINITY);
    video.frame_rate = output_rate(found.rates, indexed.frame_rate, profile.max_frame_rate);
    Probe { demuxer: demuxer.to_owned(), size, video, audio: found.audio, index: indexed.index }
}
