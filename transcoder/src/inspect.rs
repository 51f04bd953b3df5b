//! Inspects a source before work begins: its type, its streams, the positions of its frames.
//!
//! Reads the head and the index of the file, not the whole file: inspecting hours takes no longer
//! than inspecting minutes. Only containers without an index are read completely, packet by packet,
//! without decoding. A source in which seeking is impossible, because its clock jumps or its frames
//! change, is decoded once: see [`crate::normalise`].

use domain::chapter::{Chapter, Chapters};
use domain::failure::SourceProblem;
use domain::plan::check_pixels;
use domain::probe::{Extent, Probe, SourceIndex, VideoStream, output_rate, source_rate};
use domain::profile::{Profile, Rung};
use domain::segment::TICKS_PER_SECOND;
use media::frame_rate::motion_rate;
use media::sniff::ContainerKind;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::METADATA_FILTER;
use crate::ffmpeg::probe::{Depth, Found, Streams, Subtitles, streams};
use crate::loopback::Loopback;
use crate::normalise::{Normaliser, survey};
use crate::source::Blocks;

mod frames;
mod kind;
mod matroska;
mod mp4;
mod packets;
mod sound;

/// A source that was inspected and found usable.
#[derive(Debug, Clone)]
pub(crate) struct Inspected {
    /// The properties of the input of the FFmpeg runs that produce segments.
    pub probe: Probe,
    /// The run that they read from; `None`: they read the source itself.
    pub normaliser: Option<Normaliser>,
    /// The subtitle streams of the source.
    pub subtitles: Subtitles,
    /// The chapters of the source.
    pub chapters: Chapters,
    /// Whether audio tracks are left out: without a decoder, or too many.
    pub left_out: bool,
}

/// The contents of an index. Ticks count from the first frame.
struct Indexed {
    index: SourceIndex,
    /// Presentation times of frames, ticks from the first one, increasing; only a sample of them
    /// for long files.
    frame_times: Vec<u64>,
    /// From the first frame to the end of the last one.
    video: Extent,
    /// Extent of the audio; `None`: there is none.
    audio: Option<Extent>,
    /// The reason why runs cannot start in the middle of the source.
    unseekable: Option<&'static str>,
    /// Set if the audio begins so late in the file that FFmpeg has to search deeper than by
    /// default.
    depth: Option<Depth>,
}

/// How deep a broadcast recording is searched for its streams.
const DEEP: Depth = Depth {
    bytes: 128 << 20,
    seconds: 600,
};

/// Offset of the presentation that chapters ignore, seconds.
const PADDING: f64 = 0.1;

/// Converts seconds to ticks.
fn ticks(seconds: f64) -> u64 {
    (seconds.max(0.0) * TICKS_PER_SECOND as f64).round() as u64
}

/// Inspects a source, which ffprobe reads from `loopback`.
///
/// Fails with the problem of the file: empty, neither video nor audio, truncated, protected, a
/// playlist.
pub(crate) async fn inspect(
    tools: &Tools,
    blocks: &Blocks,
    loopback: &Loopback,
    profile: &Profile,
) -> Result<Inspected, TranscodeError> {
    if blocks.size() == 0 {
        return Err(SourceProblem::EmptyFile.into());
    }
    let limit = profile.limits.max_bytes;
    if blocks.size() > limit {
        return Err(SourceProblem::TooLarge {
            bytes: blocks.size(),
            limit_bytes: limit,
        }
        .into());
    }
    let url = loopback.source_url();
    let container = kind::container(blocks).await?;
    let demuxer = container.demuxer();
    // Our own MP4 parser describes problems more precisely than ffprobe, so it runs first.
    let moov = if demuxer == "mov" {
        mp4::read(blocks).await?
    } else {
        None
    };
    let broadcast = matches!(container, ContainerKind::MpegTs | ContainerKind::MpegPs);
    let (found, depth) = match streams(tools, demuxer, &url, None).await {
        // The video may begin late.
        Err(TranscodeError::Source(_)) | Ok(Streams::Audio(_)) if broadcast => {
            (streams(tools, demuxer, &url, Some(DEEP)).await?, Some(DEEP))
        }
        found => (found?, None),
    };
    let mut found = match found {
        Streams::Video(found) => found,
        Streams::Audio(found) => {
            let input = (demuxer, url.as_str(), blocks.size());
            return sound::inspect(tools, input, moov.as_deref(), found).await;
        }
    };
    if depth.is_some() {
        let reason = "its video begins late";
        return sequential(tools, loopback, profile, demuxer, &found, depth, reason).await;
    }
    // Checked before a frame is decoded.
    check_pixels(&found.video, profile)?;
    if container.is_elementary() || container == ContainerKind::Ivf {
        return sequential(
            tools,
            loopback,
            profile,
            demuxer,
            &found,
            None,
            "it is an elementary stream",
        )
        .await;
    }
    let indexed = match (&moov, demuxer) {
        (Some(moov), _) => mp4::index(moov, &found, blocks).await?,
        (None, "matroska") => matroska::index(tools, blocks, &url, &found).await?,
        _ => None,
    };
    let mut indexed = match indexed {
        Some(indexed) => indexed,
        None => packets::scan(tools, demuxer, &url, &found).await?,
    };
    if let Some(depth) = indexed.depth.take() {
        let deeper = streams(tools, demuxer, &url, Some(depth)).await?;
        // Otherwise the audio has no decoder.
        if let Streams::Video(deeper) = deeper
            && !deeper.audio.is_empty()
        {
            found = deeper;
            indexed.depth = Some(depth);
            indexed.unseekable = indexed.unseekable.or(Some("its audio begins late"));
        }
    }
    let look = frames::look(tools, demuxer, &url, &found, &indexed, blocks.size()).await?;
    found.video.interlaced = look.interlaced;
    able(tools, &found.video, profile)?;
    if let Some(reason) = indexed.unseekable.or(look.unseekable) {
        (found.video.width, found.video.height) = look.canvas;
        return sequential(
            tools,
            loopback,
            profile,
            demuxer,
            &found,
            indexed.depth,
            reason,
        )
        .await;
    }
    let (subtitles, marks, left_out) = (
        found.subtitles.clone(),
        found.chapters.clone(),
        found.left_out,
    );
    let probe = assemble(blocks.size(), demuxer, *found, indexed, profile);
    Ok(Inspected {
        left_out,
        chapters: chapters(&marks, &probe),
        probe,
        normaliser: None,
        subtitles,
    })
}

/// Inspects a source again, for runs that read it from its beginning, after runs that sought in it
/// failed.
pub(crate) async fn inspect_sequentially(
    tools: &Tools,
    loopback: &Loopback,
    profile: &Profile,
    demuxer: &str,
) -> Result<Inspected, TranscodeError> {
    let url = loopback.source_url();
    let Streams::Video(mut found) = streams(tools, demuxer, &url, None).await? else {
        // Audio is read from its beginning in any case.
        return Err(SourceProblem::Damaged.into());
    };
    let look = frames::all(tools, demuxer, &url, &found).await?;
    (
        found.video.interlaced,
        (found.video.width, found.video.height),
    ) = (look.interlaced, look.canvas);
    sequential(
        tools,
        loopback,
        profile,
        demuxer,
        &found,
        None,
        "seeking in it failed",
    )
    .await
}

async fn sequential(
    tools: &Tools,
    loopback: &Loopback,
    profile: &Profile,
    demuxer: &str,
    found: &Found,
    depth: Option<Depth>,
    reason: &str,
) -> Result<Inspected, TranscodeError> {
    tracing::info!("reading the source from its beginning: {reason}");
    able(tools, &found.video, profile)?;
    let normaliser = Normaliser::new(tools, demuxer, found, depth, profile);
    let survey = survey(tools, loopback, &normaliser, &found.video.codec).await?;
    let probe = normaliser.probe(found, &survey, loopback.source_size(), profile);
    Ok(Inspected {
        chapters: chapters(&found.chapters, &probe),
        probe,
        normaliser: Some(normaliser),
        subtitles: found.subtitles.clone(),
        left_out: found.left_out,
    })
}

/// The chapters of a source on the clock of the presentation.
fn chapters(marks: &[(f64, String)], probe: &Probe) -> Chapters {
    // Encoders let audio begin some milliseconds before the video: a chapter at 10 s must not
    // become one at 9.98 s, which players show as 0:09.
    let origin = Some(probe.origin_seconds()).filter(|it| it.abs() >= PADDING);
    let origin = origin.unwrap_or(0.0);
    let chapter = |(start, title): &(f64, String)| Chapter {
        start_ms: ((start - origin).max(0.0) * 1000.0).round() as u64,
        title: title.clone(),
    };
    let duration_ms = probe.index.end * 1000 / TICKS_PER_SECOND;
    Chapters::of_source(marks.iter().map(chapter).collect(), duration_ms)
}

/// Checks that this FFmpeg has the filters that the video needs.
fn able(tools: &Tools, video: &VideoStream, profile: &Profile) -> Result<(), SourceProblem> {
    let lacks = |need: &str, capability: String| SourceProblem::MissingCapability {
        need: need.to_owned(),
        capability,
    };
    if video.interlaced && tools.deinterlacer().is_none() {
        return Err(lacks(
            "interlaced",
            "the filters `bwdif` and `yadif`".to_owned(),
        ));
    }
    if (video.hdr.is_some() || video.wide_gamut) && !tools.tone_maps() {
        return Err(lacks("HDR", "the filter `lut3d`".to_owned()));
    }
    let keeps_hdr = profile.enabled_rungs().any(Rung::keeps_hdr);
    if video.hdr.is_some() && keeps_hdr && !tools.keeps_hdr() {
        return Err(lacks("HDR", format!("the filter `{METADATA_FILTER}`")));
    }
    Ok(())
}

fn assemble(size: u64, demuxer: &str, found: Found, indexed: Indexed, profile: &Profile) -> Probe {
    let mut video = found.video;
    let motion = motion_rate(&indexed.frame_times);
    video.source_rate = source_rate(found.rates, motion);
    video.frame_rate = output_rate(found.rates, motion, profile.max_frame_rate);
    video.start_pts = (indexed.video.start / video.time_base.as_f64()).round() as i64;
    let index = within(indexed.index, indexed.video, indexed.audio);
    Probe {
        demuxer: demuxer.to_owned(),
        size,
        video: Some(video),
        audio: found.audio,
        index,
    }
}

/// Converts an index of the video to one of the whole presentation.
pub(crate) fn within(mut index: SourceIndex, video: Extent, audio: Option<Extent>) -> SourceIndex {
    let presentation = Extent::presentation(video, audio);
    let lead = ticks(video.start - presentation.start);
    index.keyframes.iter_mut().for_each(|it| *it += lead);
    index.video_start = lead;
    index.video_end += lead;
    index.end = if presentation.end > video.end {
        lead + ticks(presentation.end - video.start)
    } else {
        index.video_end
    };
    index
}

#[cfg(test)]
mod tests {
    use domain::probe::HighDynamicRange;
    use domain::probe::cases::standard;

    use super::*;

    #[test]
    fn an_ability_is_needed_when_a_source_needs_it() {
        let needs = |change: fn(&mut VideoStream)| {
            let mut video = standard().video.unwrap();
            change(&mut video);
            able(&Tools::bare(), &video, &Profile::default()).map_err(|it| it.to_string())
        };
        assert_eq!(needs(|_| ()), Ok(()));
        for (message, needed) in [
            (needs(|it| it.interlaced = true), "`bwdif` and `yadif`"),
            (needs(|it| it.hdr = Some(HighDynamicRange::Hlg)), "`lut3d`"),
            (needs(|it| it.wide_gamut = true), "`lut3d`"),
        ] {
            let message = message.unwrap_err();
            assert!(message.contains(needed), "{message}");
        }
    }
}
