//! Clips: a part of a video as the source of another one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::VideoId;

/// Shortest clip, milliseconds.
pub const SHORTEST_MS: u64 = 1_000;

/// Where a clip begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ClipAlign {
    /// At its start, to the frame. All rungs of the clip are encoded.
    #[default]
    Exact,
    /// At the last keyframe before its start, so that the best rung can be remuxed.
    Keyframe,
}

impl ClipAlign {
    fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Keyframe => "keyframe",
        }
    }
}

/// A part of a video. Its text form, `clip:vid_...?start_ms=..&end_ms=..&align=..`, is the URL of an
/// import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clip {
    /// The video that it is a part of.
    pub video: VideoId,
    /// Start in that video, milliseconds.
    pub start_ms: u64,
    /// End in that video, milliseconds.
    pub end_ms: u64,
    /// Where it begins.
    pub align: ClipAlign,
}

/// Why a part of a video cannot be a clip. `Display` says what to change.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum InvalidClip {
    /// A time is not a number of seconds.
    #[error("`clip.start` and `clip.end` are seconds from the start of the video")]
    Time,
    /// It starts after the end of the video.
    #[error("`clip.start` is after the end of the video, which lasts {seconds:.3} s")]
    AfterEnd {
        /// Duration of the video, seconds.
        seconds: f64,
    },
    /// It is too short.
    #[error(
        "a clip lasts at least one second: `clip.end` is less than a second after `clip.start`"
    )]
    TooShort,
}

impl Clip {
    /// A clip from `start` to `end`, seconds, of a video of this duration. Without an end, or with
    /// one after that of the video, it ends with the video.
    pub fn new(
        (video, duration_ms): (VideoId, u64),
        start: f64,
        end: Option<f64>,
        align: ClipAlign,
    ) -> Result<Self, InvalidClip> {
        let millis = |seconds: f64| {
            let is_time = seconds.is_finite() && seconds >= 0.0;
            is_time.then(|| (seconds * 1000.0).round() as u64)
        };
        let start_ms = millis(start).ok_or(InvalidClip::Time)?;
        let end_ms = match end {
            Some(end) => millis(end).ok_or(InvalidClip::Time)?.min(duration_ms),
            None => duration_ms,
        };
        if start_ms >= duration_ms {
            let seconds = duration_ms as f64 / 1000.0;
            return Err(InvalidClip::AfterEnd { seconds });
        }
        if end_ms < start_ms + SHORTEST_MS {
            return Err(InvalidClip::TooShort);
        }
        Ok(Self {
            video,
            start_ms,
            end_ms,
            align,
        })
    }
}

impl fmt::Display for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            video,
            start_ms,
            end_ms,
            align,
        } = self;
        let align = align.as_str();
        write!(
            f,
            "clip:{video}?start_ms={start_ms}&end_ms={end_ms}&align={align}"
        )
    }
}

/// The text is not a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a clip")]
pub struct NotAClip;

impl FromStr for Clip {
    type Err = NotAClip;

    fn from_str(text: &str) -> Result<Self, NotAClip> {
        let parse = || {
            let (video, query) = text.strip_prefix("clip:")?.split_once('?')?;
            let mut fields = query.split('&');
            let mut next = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
            let start_ms = next("start_ms")?.parse().ok()?;
            let end_ms = next("end_ms")?.parse().ok()?;
            let align = match next("align")? {
                "exact" => ClipAlign::Exact,
                "keyframe" => ClipAlign::Keyframe,
                _ => return None,
            };
            Some(Self {
                video: video.parse().ok()?,
                start_ms,
                end_ms,
                align,
            })
        };
        parse().filter(|it| it.start_ms < it.end_ms).ok_or(NotAClip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video() -> VideoId {
        VideoId::new(1_700_000_000_000, [7; 10])
    }

    #[test]
    fn a_clip_is_inside_its_video() {
        let clip = |start, end| {
            let clip = Clip::new((video(), 60_040), start, end, ClipAlign::Exact);
            clip.map(|it| (it.start_ms, it.end_ms))
        };
        for (start, end, expected) in [
            (0.0, None, Ok((0, 60_040))),
            (12.5, Some(20.0), Ok((12_500, 20_000))),
            (12.5, Some(1e9), Ok((12_500, 60_040))),
            (12.5, Some(13.5), Ok((12_500, 13_500))),
            (12.5, Some(13.4), Err(InvalidClip::TooShort)),
            (20.0, Some(12.5), Err(InvalidClip::TooShort)),
            (59.5, None, Err(InvalidClip::TooShort)),
            (60.04, None, Err(InvalidClip::AfterEnd { seconds: 60.04 })),
            (-1.0, None, Err(InvalidClip::Time)),
            (f64::NAN, None, Err(InvalidClip::Time)),
            (0.0, Some(f64::INFINITY), Err(InvalidClip::Time)),
        ] {
            assert_eq!(clip(start, end), expected, "{start} {end:?}");
        }
    }

    #[test]
    fn the_text_form_parses_back() {
        for align in [ClipAlign::Exact, ClipAlign::Keyframe] {
            let clip = Clip {
                video: video(),
                start_ms: 12_500,
                end_ms: 20_000,
                align,
            };
            assert_eq!(clip.to_string().parse(), Ok(clip));
        }
        let id = video();
        for text in [
            "https://a.example/film.mp4".to_owned(),
            format!("clip:{id}"),
            format!("clip:{id}?start_ms=1&end_ms=2"),
            format!("clip:{id}?start_ms=2&end_ms=2&align=exact"),
            format!("clip:{id}?start_ms=1&end_ms=2&align=other"),
            format!("clip:{id}?end_ms=2&start_ms=1&align=exact"),
            "clip:film?start_ms=1&end_ms=2&align=exact".to_owned(),
        ] {
            assert_eq!(text.parse::<Clip>(), Err(NotAClip), "{text}");
        }
    }
}
