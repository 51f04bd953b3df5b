//! Thumbnails at any time of a video: the frame that a request means.
//!
//! Time and width are rounded, so that similar requests get the same object, and caches can serve
//! it.

use serde::{Deserialize, Serialize};

use crate::ids::{Generation, VideoId};
use crate::object_key::ObjectKey;

/// The widths of thumbnails, pixels, ascending.
pub const WIDTHS: [u32; 7] = [160, 320, 480, 640, 960, 1280, 1920];

/// The width of a thumbnail if the request names none, pixels.
pub const DEFAULT_WIDTH: u32 = 640;

/// Number of the first frame: the automatic thumbnails of a generation have smaller numbers.
const FIRST: u32 = 1_000_000;

/// Maximum number of thumbnails of a generation that are made on request.
pub const MOST_THUMBNAILS: u32 = 2_000;

/// The last time that has a number, tenths of a second: after nineteen years.
const LAST_TENTH: u32 = (u32::MAX - FIRST) / WIDTHS.len() as u32 - 1;

/// A frame of a video as a thumbnail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// Time from the start of the video, tenths of a second.
    pub tenths: u32,
    /// One of [`WIDTHS`]; a video whose largest rung is narrower gets a thumbnail of that width.
    pub width: u32,
}

impl Frame {
    /// The frame that a request means: at the nearest tenth of a second inside the video, and of
    /// the next larger width. Times outside the video mean its first or its last frame. Widths
    /// beyond `widest`, the width of the largest rung, would only enlarge frames.
    ///
    /// `seconds` must be finite; `length_ms`: the length of the video.
    pub fn new(seconds: f64, width: u32, length_ms: u64, widest: u32) -> Self {
        // Casts of floating-point numbers saturate.
        let tenths = (seconds.max(0.0) * 10.0).round() as u64;
        let width = width.min(widest);
        let largest = WIDTHS[WIDTHS.len() - 1];
        Self {
            tenths: tenths.min(length_ms / 100).min(LAST_TENTH.into()) as u32,
            width: WIDTHS
                .into_iter()
                .find(|it| *it >= width)
                .unwrap_or(largest),
        }
    }

    /// Time from the start of the video, milliseconds.
    pub fn at_ms(self) -> u64 {
        u64::from(self.tenths) * 100
    }

    /// The object of the thumbnail: one more of the generation's thumbnails, with a number of its
    /// own, so that an edge that knows nothing about frames serves it.
    pub fn object(self, video: VideoId, generation: &Generation) -> ObjectKey {
        let width = WIDTHS.into_iter().filter(|it| *it < self.width).count() as u32;
        ObjectKey::Thumbnail {
            video,
            generation: generation.clone(),
            index: FIRST + self.tenths.min(LAST_TENTH) * WIDTHS.len() as u32 + width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_requests_mean_the_same_frame() {
        for (seconds, width, expected) in [
            (0.0, 640, (0, 640)),
            (-0.0, 640, (0, 640)),
            (3.13, 640, (31, 640)),
            (3.16, 640, (32, 640)),
            // Outside the video, which is 12.04 s long.
            (-1.0, 640, (0, 640)),
            (12.04, 640, (120, 640)),
            (1e9, 640, (120, 640)),
            (f64::MAX, 640, (120, 640)),
            // Widths, of a video of 1280 pixels.
            (1.0, 0, (10, 160)),
            (1.0, 1, (10, 160)),
            (1.0, 161, (10, 320)),
            (1.0, 961, (10, 1280)),
            (1.0, 1281, (10, 1280)),
            (1.0, u32::MAX, (10, 1280)),
        ] {
            let frame = Frame::new(seconds, width, 12_040, 1_280);
            assert_eq!((frame.tenths, frame.width), expected, "{seconds} {width}");
        }
    }

    #[test]
    fn every_frame_has_a_number_of_its_own() {
        let video = VideoId::new(1_700_000_000_000, [7; 10]);
        let generation = Generation::of("etag", "profile");
        let path = |tenths, width| Frame { tenths, width }.object(video, &generation).path();
        let mut paths = std::collections::HashSet::new();
        for tenths in [0, 1, 2, 125, LAST_TENTH] {
            for width in WIDTHS {
                assert!(paths.insert(path(tenths, width)), "{tenths} {width}");
            }
        }
        // Stored objects have these names: they must not change.
        let end = format!("/{generation}/thumbs/thumb_1000878.jpg");
        assert!(path(125, 640).ends_with(&end), "{}", path(125, 640));
    }

    #[test]
    fn no_thumbnail_is_wider_than_its_video_needs() {
        for (widest, expected) in [(120, 160), (854, 960), (1_920, 1_920), (3_840, 1_920)] {
            assert_eq!(Frame::new(0.0, 4_000, 1_000, widest).width, expected);
        }
    }
}
