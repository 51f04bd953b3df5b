//! MP4 and MOV: all information is in the `moov` box.

use domain::failure::SourceProblem;
use domain::probe::{AudioStream, Extent, Seeking, SourceIndex};
use domain::segment::TICKS_PER_SECOND;
use media::h264::{self, FrameKind};
use media::mp4::{BoxWalker, Moov, Mp4Error, Step, Track, TrackKind, VideoIndex};

use crate::error::TranscodeError;
use crate::ffmpeg::probe::Found;
use crate::inspect::Indexed;
use crate::source::Blocks;

/// Reads the `moov` box, wherever it is. `None`: it cannot be used; FFmpeg may still be able to
/// read the file.
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

/// The positions of the frames of the video stream. `None`: fragmented, or damaged in a way that
/// FFmpeg may tolerate.
pub(super) async fn index(
    moov: &Moov,
    found: &Found,
    blocks: &Blocks,
) -> Result<Option<Indexed>, TranscodeError> {
    check_protection(moov)?;
    if moov.fragmented {
        return Ok(None);
    }
    // FFmpeg numbers streams in the order of the tracks.
    let track = moov
        .tracks
        .get(found.video.index as usize)
        .filter(|it| it.kind == TrackKind::Video);
    let Some(track) = track else { return Ok(None) };
    if !is_complete(moov)? {
        return Ok(None);
    }
    let index = match VideoIndex::new(track) {
        Ok(index) => index,
        Err(error) => return refusal(&error).map_or(Ok(None), |it| Err(it.into())),
    };
    let timescale = f64::from(index.timescale.max(1));
    let ticks = |time: i64| {
        let scaled = i128::from(time - index.first_pts) * i128::from(TICKS_PER_SECOND);
        ((scaled + i128::from(index.timescale / 2)) / i128::from(index.timescale)).max(0) as u64
    };
    // With hidden frames, presentation times do not follow from the tables alone.
    let plain = !index.complex_edits && index.hidden_at_start == 0 && index.hidden_at_end == 0;
    let gops = 0..index.keyframes.len();
    let end = ticks(index.end_pts);
    let start = index.first_pts as f64 / timescale;
    let keyframes = kind_of_keyframes(track, &index, blocks).await?;
    let unseekable = if index.complex_edits {
        Some("it is edited")
    } else if track.entries > 1 {
        Some("the settings of its codec change")
    } else if keyframes == FrameKind::Inter {
        Some("its keyframes do not stand alone")
    } else {
        None
    };
    Ok(Some(Indexed {
        frame_times: index.frame_times.iter().map(|it| ticks(*it)).collect(),
        video: Extent {
            start,
            end: start + end as f64 / TICKS_PER_SECOND as f64,
        },
        audio: Extent::all(found.audio.iter().filter_map(AudioStream::extent)),
        unseekable,
        depth: None,
        index: SourceIndex {
            gop_bytes: gops
                .map(|it| index.bytes_between(it, it + 1).unwrap_or(0))
                .collect(),
            keyframes: index.keyframes.iter().map(|it| ticks(it.pts)).collect(),
            video_start: 0,
            video_end: end,
            end,
            longest_frame: u64::from(index.max_frame_ticks) * TICKS_PER_SECOND
                / u64::from(index.timescale.max(1)),
            closed_gops: plain
                && index.closed_gops
                && index.starts_with_keyframe
                && keyframes == FrameKind::Idr,
            seeking: Seeking::Indexed,
            video_bytes: Some(index.bytes),
        },
    }))
}

/// Refuses a file with encrypted tracks. FFmpeg takes the original format from the protection box, and
/// would decode the ciphertext.
fn check_protection(moov: &Moov) -> Result<(), SourceProblem> {
    let of_use = |it: &&Track| matches!(it.kind, TrackKind::Video | TrackKind::Audio);
    let protected = |it: &Track| {
        it.entry
            .as_ref()
            .is_some_and(|it| PROTECTED.contains(&&it.fourcc))
    };
    match moov.tracks.iter().filter(of_use).any(protected) {
        true => Err(SourceProblem::EncryptedSource),
        false => Ok(()),
    }
}

/// Whether the index of a file without video says where all of its audio is. It does not in a
/// fragmented file.
///
/// # Errors
/// The file is encrypted or truncated.
pub(super) fn indexes_audio(moov: &Moov) -> Result<bool, TranscodeError> {
    check_protection(moov)?;
    Ok(!moov.fragmented && is_complete(moov)?)
}

/// Whether all samples are in the file; `false`: FFmpeg may tolerate the index.
fn is_complete(moov: &Moov) -> Result<bool, TranscodeError> {
    match moov.check_complete() {
        Ok(()) => Ok(true),
        Err(error) => refusal(&error).map_or(Ok(false), |it| Err(it.into())),
    }
}

/// Sample entries of encrypted tracks: Common Encryption (ISO/IEC 23001-7) and Apple's.
const PROTECTED: [&[u8; 4]; 4] = [b"encv", b"enca", b"drmi", b"drms"];

/// Bytes of a sample in which its first frame begins, after parameter sets and messages.
const SAMPLE_HEAD: u32 = 16 << 10;

/// The kind of the keyframes of an H.264 track: `Intra` if they begin open GOPs, `Inter` if they
/// only start a gradual refresh, as low-latency encoders write them. Three are read. `Idr` for other
/// codecs, whose index tells open GOPs.
async fn kind_of_keyframes(
    track: &Track,
    index: &VideoIndex,
    blocks: &Blocks,
) -> Result<FrameKind, TranscodeError> {
    let mut kind = FrameKind::Idr;
    let entry = track
        .entry
        .as_ref()
        .filter(|it| matches!(&it.fourcc, b"avc1" | b"avc3"));
    let config = entry.and_then(|it| it.config.as_deref());
    let Some(length_size) = config.and_then(h264::length_size) else {
        return Ok(kind);
    };
    let count = index.keyframes.len();
    // The first one is complete; otherwise nothing could be shown.
    for position in [1, count / 2, count.saturating_sub(1)] {
        let Some(keyframe) = index.keyframes.get(position).filter(|_| position > 0) else {
            continue;
        };
        let end = keyframe
            .offset
            .saturating_add(u64::from(keyframe.size.min(SAMPLE_HEAD)));
        let sample = blocks.read(keyframe.offset..end).await?;
        match h264::frame_kind(&sample, length_size) {
            Some(FrameKind::Inter) => return Ok(FrameKind::Inter),
            Some(FrameKind::Intra) => kind = FrameKind::Intra,
            Some(FrameKind::Idr) | None => {}
        }
    }
    Ok(kind)
}

/// The problem of the file that an error describes; `None`: FFmpeg may tolerate it.
fn refusal(error: &Mp4Error) -> Option<SourceProblem> {
    match error {
        Mp4Error::NoMoov | Mp4Error::Truncated { .. } => Some(SourceProblem::Truncated),
        Mp4Error::NotMp4 => Some(SourceProblem::NotAVideo),
        Mp4Error::MoovTooLarge { .. } | Mp4Error::TooManySamples { .. } => {
            Some(SourceProblem::TooDemanding)
        }
        Mp4Error::Damaged { .. } | Mp4Error::Compressed => None,
    }
}

#[cfg(test)]
mod tests;
