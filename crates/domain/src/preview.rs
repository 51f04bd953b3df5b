//! Animated previews: the span of a video that a request means.
//!
//! Start, length and width are rounded, so that similar requests get the same object, and caches can
//! serve it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::ids::{Generation, VideoId};
use crate::object_key::ObjectKey;

/// The widths of previews, pixels, ascending.
pub const WIDTHS: [u32; 4] = [160, 320, 480, 640];

/// The width of a preview if the request names none, pixels.
pub const DEFAULT_WIDTH: u32 = 320;

/// The length of a preview if the request names none, seconds.
pub const DEFAULT_SECONDS: f64 = 3.0;

/// The lengths that a request may name, seconds. The preview of a shorter video has its length.
pub const SECONDS: RangeInclusive<f64> = 1.0..=10.0;

/// Frames per second: one for each tenth of a second, in which spans are counted.
pub const FRAME_RATE: u32 = 10;

/// The longest preview, tenths of a second.
const LONGEST: u32 = 100;

/// Maximum number of previews of a generation. The largest ones have 3 MB.
pub const MOST_PREVIEWS: u32 = 500;

/// Number of different previews that begin at one time.
const PER_START: u32 = LONGEST * WIDTHS.len() as u32;

/// The last start that has a number, tenths of a second: after twelve days.
const LAST_START: u32 = u32::MAX / PER_START - 1;

/// A span of a video as an animated image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Preview {
    /// Time of its first frame from the start of the video, tenths of a second.
    pub start_tenths: u32,
    /// Its length, tenths of a second.
    pub length_tenths: u32,
    /// One of [`WIDTHS`]; a video whose largest rung is narrower gets a preview of that width.
    pub width: u32,
}

/// What a request says about a preview.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Wanted {
    /// Seconds from the start of the video, finite. Default: a tenth of the video.
    pub start: Option<f64>,
    /// Length in seconds, finite. Default: [`DEFAULT_SECONDS`].
    pub seconds: Option<f64>,
    /// Width in pixels. Default: [`DEFAULT_WIDTH`].
    pub width: Option<u32>,
}

impl Preview {
    /// The preview that a request means: from the nearest tenth of a second, and of the next larger
    /// width. A span that reaches beyond the end of the video begins earlier. Widths beyond
    /// `widest`, the width of the largest rung, would only enlarge frames.
    ///
    /// `length_ms`: the length of the video.
    pub fn new(wanted: Wanted, length_ms: u64, widest: u32) -> Self {
        // Casts of floating-point numbers saturate.
        let tenths = |seconds: f64| (seconds * 10.0).round() as u64;
        let whole = length_ms / 100;
        let seconds = wanted.seconds.unwrap_or(DEFAULT_SECONDS);
        let length = tenths(seconds.clamp(*SECONDS.start(), *SECONDS.end()));
        let length = length.min(whole).max(1);
        let start = wanted.start.map_or(whole / 10, tenths);
        let start = start.min(whole.saturating_sub(length));
        let width = wanted.width.unwrap_or(DEFAULT_WIDTH).min(widest);
        let largest = WIDTHS[WIDTHS.len() - 1];
        Self {
            start_tenths: start.min(LAST_START.into()) as u32,
            length_tenths: length as u32,
            width: WIDTHS
                .into_iter()
                .find(|it| *it >= width)
                .unwrap_or(largest),
        }
    }

    /// Time of the first frame from the start of the video, milliseconds.
    pub fn start_ms(self) -> u64 {
        u64::from(self.start_tenths) * 100
    }

    /// Number of frames.
    pub fn frames(self) -> u32 {
        self.length_tenths.clamp(1, LONGEST)
    }

    /// The object of the preview. Its number stands for start, length and width, so that an edge
    /// that knows nothing about spans serves it.
    pub fn object(self, video: VideoId, generation: &Generation) -> ObjectKey {
        let width = WIDTHS.into_iter().filter(|it| *it < self.width).count() as u32;
        let width = width.min(WIDTHS.len() as u32 - 1);
        let span = self.start_tenths.min(LAST_START) * LONGEST + (self.frames() - 1);
        ObjectKey::Preview {
            video,
            generation: generation.clone(),
            index: span * WIDTHS.len() as u32 + width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_requests_mean_the_same_preview() {
        let nothing = Wanted::default();
        let from = |start| Wanted {
            start: Some(start),
            ..nothing
        };
        let lasting = |seconds| Wanted {
            seconds: Some(seconds),
            ..from(1.0)
        };
        let wide = |width| Wanted {
            width: Some(width),
            ..from(1.0)
        };
        // Of a video that is 12.04 s long, and 1,280 pixels wide.
        for (wanted, expected) in [
            (nothing, (12, 30, 320)),
            (from(3.13), (31, 30, 320)),
            (from(3.16), (32, 30, 320)),
            (from(-1.0), (0, 30, 320)),
            // Beyond the end.
            (from(9.05), (90, 30, 320)),
            (from(f64::MAX), (90, 30, 320)),
            // Lengths.
            (lasting(0.0), (10, 10, 320)),
            (lasting(-1.0), (10, 10, 320)),
            (lasting(1.04), (10, 10, 320)),
            (lasting(10.0), (10, 100, 320)),
            (lasting(f64::MAX), (10, 100, 320)),
            // Widths.
            (wide(0), (10, 30, 160)),
            (wide(161), (10, 30, 320)),
            (wide(481), (10, 30, 640)),
            (wide(u32::MAX), (10, 30, 640)),
        ] {
            let found = Preview::new(wanted, 12_040, 1_280);
            let found = (found.start_tenths, found.length_tenths, found.width);
            assert_eq!(found, expected, "{wanted:?}");
        }
    }

    #[test]
    fn a_short_and_narrow_video_has_a_short_and_narrow_preview() {
        let wanted = Wanted {
            start: Some(7.0),
            seconds: Some(5.0),
            width: Some(640),
        };
        for (length_ms, widest, expected) in [
            (2_350, 120, (0, 23, 160)),
            (5_000, 426, (0, 50, 480)),
            (5_100, 854, (1, 50, 640)),
            // Its length is not known.
            (0, 1_280, (0, 1, 640)),
        ] {
            let found = Preview::new(wanted, length_ms, widest);
            let found = (found.start_tenths, found.length_tenths, found.width);
            assert_eq!(found, expected, "{length_ms} {widest}");
        }
    }

    #[test]
    fn every_preview_has_a_number_of_its_own() {
        let video = VideoId::new(1_700_000_000_000, [7; 10]);
        let generation = Generation::of("etag", "profile");
        let path = |start_tenths, length_tenths, width| {
            let preview = Preview {
                start_tenths,
                length_tenths,
                width,
            };
            preview.object(video, &generation).path()
        };
        let mut paths = std::collections::HashSet::new();
        for start in [0, 1, 2, 125, LAST_START] {
            for length in 1..=LONGEST {
                for width in WIDTHS {
                    let path = path(start, length, width);
                    assert!(paths.insert(path), "{start} {length} {width}");
                }
            }
        }
        // Stored objects have these names: they must not change.
        let end = format!("/{generation}/previews/preview_50117.webp");
        assert!(path(125, 30, 320).ends_with(&end), "{}", path(125, 30, 320));
    }

    #[test]
    fn no_message_makes_a_number_overflow() {
        let video = VideoId::new(1_700_000_000_000, [7; 10]);
        for number in [0, u32::MAX] {
            let preview = Preview {
                start_tenths: number,
                length_tenths: number,
                width: number,
            };
            let object = preview.object(video, &Generation::of("etag", "profile"));
            assert_eq!(
                ObjectKey::parse(object.bucket(), &object.path()),
                Some(object)
            );
        }
    }
}
