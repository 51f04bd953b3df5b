//! The properties of a source that are known before work begins. How they are found out is not part
//! of this module.

use serde::{Deserialize, Serialize};

use crate::segment::TICKS_PER_SECOND;

mod audio;
#[cfg(any(test, feature = "cases"))]
pub mod cases;
mod extent;
mod hdr;
mod rate;

pub use audio::{AudioPurpose, AudioStream};
pub use extent::Extent;
pub use hdr::{
    HdrColors, HdrMatrix, HdrPrimaries, HighDynamicRange, LightLevels, MasteringDisplay,
};
pub use hls::Ratio;
pub use rate::{Rates, output_rate, source_rate};

/// The colour matrix, if SDR rungs can carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorMatrix {
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.601 with 525 lines.
    Smpte170m,
    /// ITU-R BT.601 with 625 lines.
    Bt470bg,
}

impl ColorMatrix {
    /// The matrix that players assume for untagged video of this height.
    pub fn of_untagged(height: u32) -> Self {
        if height >= 720 {
            Self::Bt709
        } else {
            Self::Smpte170m
        }
    }

    /// FFmpeg's name, which also names the primaries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bt709 => "bt709",
            Self::Smpte170m => "smpte170m",
            Self::Bt470bg => "bt470bg",
        }
    }
}

/// The selected video stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoStream {
    /// Stream index in the container.
    pub index: u32,
    /// FFmpeg's codec name, such as `h264` or `hevc`.
    pub codec: String,
    /// Coded width before rotation, pixels.
    pub width: u32,
    /// Coded height before rotation, pixels.
    pub height: u32,
    /// Pixel aspect ratio, width over height; `None`: square.
    pub pixel_aspect: Option<Ratio>,
    /// Clockwise rotation that turns it upright, degrees: 0, 90, 180 or 270.
    pub rotation: u32,
    /// Whether the display matrix also mirrors the frame.
    #[serde(default)]
    pub mirrored: bool,
    /// FFmpeg's pixel format, such as `yuv420p`.
    pub pixel_format: String,
    /// Constant frame rate of the output, at most the profile's maximum.
    pub frame_rate: Ratio,
    /// Frame rate of the source during motion, as a constant rate.
    pub source_rate: Ratio,
    /// Whether frames consist of interlaced fields.
    pub interlaced: bool,
    /// HDR transfer function; `None`: SDR.
    pub hdr: Option<HighDynamicRange>,
    /// The other colours of HDR video.
    #[serde(default, skip_serializing_if = "HdrColors::is_default")]
    pub hdr_colors: HdrColors,
    /// Whether the colour matrix is BT.2020, which SDR rungs cannot carry.
    pub wide_gamut: bool,
    /// Colour matrix of the source; `None`: another one, or RGB.
    #[serde(default)]
    pub matrix: Option<ColorMatrix>,
    /// Whether the source declares its matrix, primaries and transfer characteristics. Otherwise
    /// players guess, each in its own way.
    #[serde(default)]
    pub tagged: bool,
    /// First presentation time, in units of `time_base`.
    pub start_pts: i64,
    /// Seconds per unit of `start_pts`.
    pub time_base: Ratio,
}

impl VideoStream {
    /// First presentation time, seconds on the container's clock.
    pub fn start_seconds(&self) -> f64 {
        self.start_pts as f64 * self.time_base.as_f64()
    }

    /// Display size: upright, with square pixels.
    pub fn display_size(&self) -> (u32, u32) {
        let (mut width, mut height) = (f64::from(self.width), f64::from(self.height));
        // Widening keeps every line; narrowing would discard columns. A broken header may declare
        // 200:1.
        match self.pixel_aspect.map_or(1.0, Ratio::as_f64) {
            aspect if !(0.1..=10.0).contains(&aspect) => {}
            aspect if aspect >= 1.0 => width *= aspect,
            aspect => height /= aspect,
        }
        let size = (width.round() as u32, height.round() as u32);
        if self.rotation % 180 == 90 {
            (size.1, size.0)
        } else {
            size
        }
    }
}

/// How FFmpeg seeks in this source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seeking {
    /// The container has an index: a seek leads to the keyframe at or before the requested time.
    Indexed,
    /// The container has no index: seek to a time well before the keyframe.
    Approximate,
    /// Seeking is impossible: every run reads from the beginning.
    Sequential,
}

/// The positions of the frames of the video stream. Without one, only the end and the way to seek
/// are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceIndex {
    /// Presentation times of the keyframes, ticks from the start of the presentation, increasing.
    /// Empty: unknown.
    pub keyframes: Vec<u64>,
    /// For each keyframe, the bytes of video until the next one; empty: unknown.
    pub gop_bytes: Vec<u64>,
    /// Presentation time of the first frame, ticks from the start of the presentation; above 0 if
    /// audio begins first.
    pub video_start: u64,
    /// End of the last frame, ticks from the start of the presentation.
    pub video_end: u64,
    /// End of the presentation, ticks from its start; after `video_end` if audio ends last.
    pub end: u64,
    /// Longest display time of a frame, ticks.
    pub longest_frame: u64,
    /// Whether GOPs are closed: no frame that follows a keyframe in the file is shown before it.
    pub closed_gops: bool,
    /// How to seek to these positions.
    pub seeking: Seeking,
    /// Total bytes of video, if known.
    pub video_bytes: Option<u64>,
}

impl SourceIndex {
    /// Longest distance from a keyframe to the next one or to the end of the video, ticks.
    pub fn longest_gop(&self) -> u64 {
        let ends = self
            .keyframes
            .iter()
            .skip(1)
            .copied()
            .chain([self.video_end]);
        self.keyframes
            .iter()
            .zip(ends)
            .map(|(start, end)| end.saturating_sub(*start))
            .max()
            .unwrap_or(self.video_end)
    }

    /// The last keyframe at or before `ticks`.
    pub fn keyframe_before(&self, ticks: u64) -> u64 {
        match self.keyframes.partition_point(|it| *it <= ticks) {
            0 => 0,
            after => self.keyframes[after - 1],
        }
    }

    /// Average bit rate of the video, bit/s, if its bytes are known.
    pub fn video_bit_rate(&self) -> Option<u64> {
        let bits = u128::from(self.video_bytes?) * 8 * u128::from(TICKS_PER_SECOND);
        let shown = self.video_end.saturating_sub(self.video_start);
        (shown > 0).then(|| (bits / u128::from(shown)) as u64)
    }
}

/// A source that was inspected and found usable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// FFmpeg's demuxer, such as `mov` or `matroska`; later runs are restricted to it.
    pub demuxer: String,
    /// Size of the source, bytes.
    pub size: u64,
    /// The video stream; `None`: the source has only audio.
    pub video: Option<VideoStream>,
    /// The audio tracks, the default one first; empty: the source has no audio.
    pub audio: Vec<AudioStream>,
    /// The positions of the video frames.
    pub index: SourceIndex,
}

impl Probe {
    /// Start of the presentation, in units of the time base of its video on the container's clock.
    pub fn origin_pts(&self, video: &VideoStream) -> i64 {
        let lead =
            self.index.video_start as f64 / TICKS_PER_SECOND as f64 / video.time_base.as_f64();
        video.start_pts.saturating_sub(lead.round() as i64)
    }

    /// Start of the presentation, seconds on the container's clock.
    pub fn origin_seconds(&self) -> f64 {
        match (&self.video, self.audio.first()) {
            (Some(video), _) => self.origin_pts(video) as f64 * video.time_base.as_f64(),
            (None, Some(audio)) => audio.start_seconds,
            (None, None) => 0.0,
        }
    }

    /// FFmpeg's name of the codec of the video, or else of the audio.
    pub fn codec(&self) -> &str {
        let audio = || self.audio.first().map(|it| it.codec.as_str());
        let video = self.video.as_ref().map(|it| it.codec.as_str());
        video.or_else(audio).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_that_is_seen() {
        let square = VideoStream {
            index: 0,
            codec: "h264".to_owned(),
            width: 720,
            height: 576,
            pixel_aspect: None,
            rotation: 0,
            mirrored: false,
            pixel_format: "yuv420p".to_owned(),
            frame_rate: Ratio { num: 25, den: 1 },
            source_rate: Ratio { num: 25, den: 1 },
            interlaced: false,
            hdr: None,
            hdr_colors: HdrColors::default(),
            wide_gamut: false,
            matrix: Some(ColorMatrix::Bt709),
            tagged: true,
            start_pts: 0,
            time_base: Ratio {
                num: 1,
                den: 90_000,
            },
        };
        assert_eq!(square.display_size(), (720, 576));
        let wide = VideoStream {
            pixel_aspect: Ratio::new(64, 45),
            ..square.clone()
        };
        assert_eq!(wide.display_size(), (1024, 576));
        let narrow = VideoStream {
            pixel_aspect: Ratio::new(8, 9),
            ..square.clone()
        };
        assert_eq!(narrow.display_size(), (720, 648));
        let nonsense = VideoStream {
            pixel_aspect: Ratio::new(200, 1),
            ..square.clone()
        };
        assert_eq!(nonsense.display_size(), (720, 576));
        assert_eq!(
            VideoStream {
                rotation: 90,
                ..square
            }
            .display_size(),
            (576, 720)
        );
    }

    #[test]
    fn keyframes_before_a_moment() {
        let index = SourceIndex {
            keyframes: vec![0, 180_000, 900_000],
            gop_bytes: vec![],
            video_start: 0,
            video_end: 1_000_000,
            end: 1_000_000,
            longest_frame: 3_000,
            closed_gops: true,
            seeking: Seeking::Indexed,
            video_bytes: Some(1_000_000),
        };
        assert_eq!(index.keyframe_before(179_999), 0);
        assert_eq!(index.keyframe_before(180_000), 180_000);
        assert_eq!(index.keyframe_before(5_000_000), 900_000);
        assert_eq!(index.longest_gop(), 720_000);
        assert_eq!(index.video_bit_rate(), Some(720_000));
    }
}
