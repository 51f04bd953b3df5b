//! Properties that only decoded frames have: interlacing, changes of the size, and whether decoding
//! can start at the container's keyframes.

use std::collections::HashMap;

use domain::segment::seconds;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::{Found, FrameFacts, key_frames};
use crate::inspect::Indexed;

/// The result of inspecting some frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether some of them are interlaced.
    pub(super) interlaced: bool,
    /// The largest coded size.
    pub(super) canvas: (u32, u32),
    /// The reason why runs cannot start in the middle of the source.
    pub(super) unseekable: Option<&'static str>,
}

/// Maximum number of keyframes that are decoded.
const MOST_FRAMES: usize = 32;

/// Maximum size of a file that is read completely for its keyframes, bytes.
const MOST_BYTES: u64 = 128 << 20;

/// Inspects keyframes from all parts of the source, if they can provide information.
pub(super) async fn look(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    found: &Found,
    indexed: &Indexed,
    size: u64,
) -> Result<Look, TranscodeError> {
    let video = &found.video;
    let keyframes = &indexed.index.keyframes;
    // In MP4, the headers of these codecs are in the sample entry, and declare interlacing.
    let told_by_headers = matches!(video.codec.as_str(), "h264" | "hevc" | "av1" | "vp9");
    if demuxer == "mov" && told_by_headers && found.fields == Some(false) {
        return Ok(Look { interlaced: false, canvas: (video.width, video.height), unseekable: None });
    }
    if keyframes.len() <= MOST_FRAMES && size <= MOST_BYTES {
        let facts = key_frames(tools, demuxer, url, video.index, &[]).await?;
        return Ok(judge(found, &facts, keyframes.len()));
    }
    let chosen = (1..MOST_FRAMES).filter_map(|it| keyframes.get(it * keyframes.len() / MOST_FRAMES));
    let moments: Vec<f64> = chosen.map(|it| indexed.picture.start + seconds(*it)).collect();
    let facts = key_frames(tools, demuxer, url, video.index, &moments).await?;
    Ok(judge(found, &facts, moments.len() + 1))
}

/// Inspects all keyframes.
pub(super) async fn all(tools: &Tools, demuxer: &str, url: &str, found: &Found) -> Result<Look, TranscodeError> {
    Ok(judge(found, &key_frames(tools, demuxer, url, found.video.index, &[]).await?, 0))
}

/// `expected`: the number of keyframes that there should be.
fn judge(found: &Found, facts: &[FrameFacts], expected: usize) -> Look {
    let mut sizes: HashMap<(u32, u32), usize> = HashMap::new();
    for it in facts {
        *sizes.entry(it.size).or_default() += 1;
    }
    let declared = (found.video.width, found.video.height);
    let canvas = sizes.keys().copied().max_by_key(|it| u64::from(it.0) * u64::from(it.1)).unwrap_or(declared);
    let unseekable = if sizes.len() > 1 {
        Some("the size of its frames changes")
    } else if facts.len() < expected / 2 {
        Some("its keyframes do not stand alone")
    } else {
        None
    };
    let interlaced = found.fields == Some(true) || facts.iter().any(|it| it.interlaced);
    Look { interlaced, canvas, unseekable }
}
