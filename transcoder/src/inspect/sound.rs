//! Sources that have only audio: their duration, and whether it can be copied.

use domain::failure::SourceProblem;
use domain::probe::{Extent, Probe, Seeking, SourceIndex};
use media::mp4::Moov;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::FoundAudio;
use crate::inspect::packets::{Interval, Scan, packets};
use crate::inspect::{Inspected, mp4, ticks};

/// Containers whose header declares the exact duration, and in which seeking is exact: the last
/// packets show whether the file is complete. Of all others, every packet is read.
const DECLARED: [&str; 3] = ["wav", "aiff", "flac"];

/// How much earlier than its header declares a file may end, seconds.
const SHORTAGE: f64 = 1.0;

/// Length of the end that is read, seconds.
const END: f64 = 10.0;

/// The clocks of all containers in which the audio could begin anywhere.
const BROADCAST: [&str; 2] = ["mpegts", "mpeg"];

/// Inspects a source of `size` bytes that has only audio. `moov`: its index, if it is an MP4.
pub(super) async fn inspect(
    tools: &Tools,
    (demuxer, url, size): (&str, &str, u64),
    moov: Option<&Moov>,
    found: FoundAudio,
) -> Result<Inspected, TranscodeError> {
    let is_indexed = match moov {
        Some(moov) => mp4::indexes_audio(moov)?,
        None => false,
    };
    let declared = found.tracks.iter().map(|it| it.extent());
    let declared = declared.collect::<Option<Vec<_>>>().and_then(Extent::all);
    let extent = match declared.filter(|it| it.end > it.start) {
        Some(declared) if is_indexed => declared,
        Some(declared) if DECLARED.contains(&demuxer) => {
            ends_as_declared(tools, (demuxer, url), &found, declared).await?;
            declared
        }
        _ => read_through(tools, (demuxer, url), &found).await?,
    };
    let start = found.tracks[0].start_seconds;
    let end = ticks(extent.end - start);
    if end == 0 {
        return Err(SourceProblem::Damaged.into());
    }
    let (seeking, closed_gops) = match is_indexed {
        true => (Seeking::Indexed, true),
        // Decoding from the beginning is exact in every container, and takes seconds.
        false => (Seeking::Sequential, false),
    };
    let probe = Probe {
        demuxer: demuxer.to_owned(),
        size,
        video: None,
        audio: found.tracks,
        index: SourceIndex {
            keyframes: vec![],
            gop_bytes: vec![],
            video_start: 0,
            video_end: end,
            end,
            longest_frame: 0,
            closed_gops,
            seeking,
            video_bytes: None,
        },
    };
    Ok(Inspected {
        chapters: super::chapters(&found.chapters, &probe),
        probe,
        normaliser: None,
        subtitles: found.subtitles,
        left_out: found.left_out,
    })
}

/// Checks that the packets reach the declared end.
async fn ends_as_declared(
    tools: &Tools,
    (demuxer, url): (&str, &str),
    found: &FoundAudio,
    declared: Extent,
) -> Result<(), TranscodeError> {
    let end = Interval {
        from: Some((declared.end - END).max(declared.start)),
        length: None,
    };
    let scan = Scan::new(None, &found.tracks);
    let scan = packets(tools, demuxer, url, scan, &[end]).await?;
    match scan.audio_extent() {
        Some(extent) if extent.end + SHORTAGE >= declared.end => Ok(()),
        Some(_) | None => Err(SourceProblem::Truncated.into()),
    }
}

/// The extent of all packets.
async fn read_through(
    tools: &Tools,
    (demuxer, url): (&str, &str),
    found: &FoundAudio,
) -> Result<Extent, TranscodeError> {
    let scan = Scan::new(None, &found.tracks);
    let scan = packets(tools, demuxer, url, scan, &[]).await?;
    let extent = scan.audio_extent().ok_or(SourceProblem::Damaged)?;
    if BROADCAST.contains(&demuxer) && scan.has_jumped() {
        // The audio would have gaps of hours where the clock jumps.
        return Err(SourceProblem::Damaged.into());
    }
    Ok(extent)
}
