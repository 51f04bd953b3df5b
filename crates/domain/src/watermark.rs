//! Watermarks: an image in the frames of all encoded rungs, and the name of the viewer, which the
//! web player draws over the video.

use serde::{Deserialize, Serialize};

use crate::plan::Size;

/// A corner of the frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Corner {
    TopLeft,
    TopRight,
    BottomLeft,
    #[default]
    BottomRight,
}

/// Where a player draws the name of the viewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewerText {
    /// It draws no name.
    #[default]
    Off,
    /// In the top right corner.
    Corner,
    /// At places that change.
    Moving,
}

/// DATA-ID of [`ViewerText`] in a master playlist (RFC 8216, 4.3.4.4).
pub const VIEWER_TEXT_ID: &str = "com.edgereel.viewer";

impl ViewerText {
    /// Whether players draw no name.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// VALUE in a master playlist; `None`: the playlist says nothing about it.
    pub fn value(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Corner => Some("corner"),
            Self::Moving => Some("moving"),
        }
    }
}

/// The image in the frames of a generation, and its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watermark {
    /// SHA-256 of the image file, lower-case hex.
    pub image_sha256: String,
    /// Width of the image, pixels.
    pub image_width: u32,
    /// Height of the image, pixels.
    pub image_height: u32,
    /// The corner that it is in.
    pub corner: Corner,
    /// Its width, percent of the width of the frame.
    pub width: f64,
    /// Its distance from both edges, percent of the width of the frame.
    pub margin: f64,
    /// Its opacity, 0 to 1, in addition to that of its pixels.
    pub opacity: f64,
}

/// A part of a frame, pixels. All numbers are even, as 4:2:0 requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// Distance from the left edge.
    pub x: u32,
    /// Distance from the top edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Watermark {
    /// The part of an upright frame that the image covers. The image keeps its shape: one that would
    /// be higher than half of the frame is smaller than the profile says.
    pub fn place(&self, frame: Size) -> Rectangle {
        let (frame_width, frame_height) = (f64::from(frame.width), f64::from(frame.height));
        let shape = f64::from(self.image_width.max(1)) / f64::from(self.image_height.max(1));
        let width = (frame_width * self.width / 100.0).min(frame_height / 2.0 * shape);
        let even = |pixels: f64| (pixels / 2.0).round() as u32 * 2;
        let (frame_width_even, frame_height_even) = (frame.width & !1, frame.height & !1);
        let width_even = even(width).max(2).min(frame_width_even);
        let height_even = even(width / shape).max(2).min(frame_height_even);
        let margin = frame_width * self.margin / 100.0;
        let left = frame_width_even - width_even;
        let top = frame_height_even - height_even;
        let near_x = even(margin).min((left / 2) & !1);
        let near_y = even(margin).min((top / 2) & !1);
        let (far_x, far_y) = (left - near_x, top - near_y);
        let (x, y) = match self.corner {
            Corner::TopLeft => (near_x, near_y),
            Corner::TopRight => (far_x, near_y),
            Corner::BottomLeft => (near_x, far_y),
            Corner::BottomRight => (far_x, far_y),
        };
        Rectangle {
            x,
            y,
            width: width_even,
            height: height_even,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn watermark(image: (u32, u32), corner: Corner) -> Watermark {
        Watermark {
            image_sha256: "00".repeat(32),
            image_width: image.0,
            image_height: image.1,
            corner,
            width: 12.0,
            margin: 3.0,
            opacity: 0.7,
        }
    }

    #[test]
    fn the_image_is_in_its_corner() {
        let mut table = String::new();
        for (frame, image, corner) in [
            ((1920, 1080), (400, 100), Corner::TopLeft),
            ((1920, 1080), (400, 100), Corner::TopRight),
            ((1920, 1080), (400, 100), Corner::BottomLeft),
            ((1920, 1080), (400, 100), Corner::BottomRight),
            ((640, 360), (400, 100), Corner::BottomRight),
            // Upright: the share is that of the width, too.
            ((1080, 1920), (400, 100), Corner::BottomRight),
            // An image like a pole is as high as half of the frame.
            ((1920, 1080), (16, 4096), Corner::BottomRight),
            ((4096, 64), (400, 100), Corner::BottomRight),
            ((16, 16), (4096, 16), Corner::BottomRight),
        ] {
            let size = Size {
                width: frame.0,
                height: frame.1,
            };
            let it = watermark(image, corner).place(size);
            table += &format!(
                "{}x{} {corner:?}: {}x{}+{}+{}\n",
                frame.0, frame.1, it.width, it.height, it.x, it.y
            );
        }
        insta::assert_snapshot!(table, @"
        1920x1080 TopLeft: 230x58+58+58
        1920x1080 TopRight: 230x58+1632+58
        1920x1080 BottomLeft: 230x58+58+964
        1920x1080 BottomRight: 230x58+1632+964
        640x360 BottomRight: 76x20+544+320
        1080x1920 BottomRight: 130x32+918+1856
        1920x1080 BottomRight: 2x540+1860+482
        4096x64 BottomRight: 128x32+3846+16
        16x16 BottomRight: 2x2+14+14
        ");
    }

    #[test]
    fn a_playlist_names_what_players_draw() {
        let values = [ViewerText::Off, ViewerText::Corner, ViewerText::Moving];
        assert_eq!(
            values.map(ViewerText::value),
            [None, Some("corner"), Some("moving")]
        );
    }

    proptest! {
        /// Whatever the profile, the image and the frame are, the image is inside, and even.
        #[test]
        fn the_image_is_inside_the_frame(
            frame in (8_u32..4097, 8_u32..4097),
            image in (1_u32..4097, 1_u32..4097),
            width in 1.0..=50.0_f64,
            margin in 0.0..=25.0_f64,
            corner in 0..4_usize,
        ) {
            let corners = [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight];
            let it = Watermark { width, margin, ..watermark(image, corners[corner]) };
            let frame = Size { width: frame.0 * 2, height: frame.1 * 2 };
            let at = it.place(frame);
            prop_assert!([at.x, at.y, at.width, at.height].iter().all(|it| it.is_multiple_of(2)));
            prop_assert!(at.width >= 2 && at.height >= 2);
            prop_assert!(at.x + at.width <= frame.width && at.y + at.height <= frame.height);
            // In its half of the frame, unless it is larger than that.
            let is_left = at.x <= frame.width - at.x - at.width;
            let is_top = at.y <= frame.height - at.y - at.height;
            let centred = at.x.abs_diff(frame.width - at.x - at.width) <= 4;
            let level = at.y.abs_diff(frame.height - at.y - at.height) <= 4;
            prop_assert!(centred || is_left == matches!(corners[corner], Corner::TopLeft | Corner::BottomLeft));
            prop_assert!(level || is_top == matches!(corners[corner], Corner::TopLeft | Corner::TopRight));
        }
    }
}
