//! What only decoded frames tell: whether they are fields, whether their size changes, whether decoding can begin at
//! the keyframes of the container.

use std::collections::HashMap;

use domain::segment::seconds;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::{Found, FrameFacts, key_frames};
use crate::inspect::Indexed;

/// What a look at some frames found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Some of them are fields.
    pub(super) interlaced: bool,
    /// The largest coded size.
    pub(super) canvas: (u32, u32),
    /// Why runs cannot begin in the middle of the source.
    pub(super) unseekable: Option<&'static str>,
}

/// More keyframes than these are not all decoded.
const MOST_FRAMES: usize = 32;

/// A file above this size is not read through for its keyframes, bytes.
const MOST_BYTES: u64 = 128 << 20;

/// Looks at keyframes from all over the source, where they can tell something.
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
    // Headers of these codecs stand in the sample entry of MP4, and say whether there are fields.
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

/// Looks at all keyframes.
pub(super) async fn all(tools: &Tools, demuxer: &str, url: &str, found: &Found) -> Result<Look, TranscodeError> {
    Ok(judge(found, &key_frames(tools, demuxer, url, found.video.index, &[]).await?, 0))
}

/// `expected`: how many keyframes there should be.
fn judge(found: &Found, facts: &[FrameFacts], expected: usize) -> Look {
    let mut sizes: HashMap<(u32, u32), usize> = HashMap::new();
    for it in facts {
        *sizes.entry(it.size).or_default() += 1;
    }
    let declared = (found.video.width, found.video.height);
    let canvas = sizes.keys().copied().max_by_key(|it| u64::from(it.0) * u64::from(it.1)).unwrap_or(declared);
    let unseekable = if sizes.len() > 1 {
        Some("the size of its picture changes")
    } else if facts.len() < expected / 2 {
        Some("its keyframes do not stand alone")
    } else {
        None
    };
    let interlaced = found.fields == Some(true) || facts.iter().any(|it| it.interlaced);
    Look { interlaced, canvas, unseekable }
}
