//! What is known of a source before work begins: the words for it, not how it is found out.

use serde::{Deserialize, Serialize};

use crate::segment::TICKS_PER_SECOND;

#[cfg(any(test, feature = "cases"))]
pub mod cases;
mod extent;
mod rate;

pub use extent::Extent;
pub use hls::Ratio;
pub use rate::{Rates, output_rate, source_rate};

/// How bright whites are meant, where that is more than SDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HighDynamicRange {
    /// SMPTE ST 2084 (HDR10, Dolby Vision).
    Pq,
    /// ARIB STD-B67.
    Hlg,
}

/// How luma and chroma stand for colours, of the matrices that SDR rungs can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorMatrix {
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.601, of 525 lines.
    Smpte170m,
    /// ITU-R BT.601, of 625 lines.
    Bt470bg,
}

impl ColorMatrix {
    /// What an untagged picture of so many lines means, as players take it.
    pub fn of_untagged(height: u32) -> Self {
        if height >= 720 { Self::Bt709 } else { Self::Smpte170m }
    }

    /// FFmpeg's name for it, which stands for its primaries as well.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bt709 => "bt709",
            Self::Smpte170m => "smpte170m",
            Self::Bt470bg => "bt470bg",
        }
    }
}

/// The video stream that is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoStream {
    /// Its number in the container.
    pub index: u32,
    /// FFmpeg's name: `h264`, `hevc`.
    pub codec: String,
    /// Coded, before rotation.
    pub width: u32,
    /// Coded, before rotation.
    pub height: u32,
    /// Width of a pixel over its height; `None`: square.
    pub pixel_aspect: Option<Ratio>,
    /// Clockwise degrees to turn it upright: 0, 90, 180, 270.
    pub rotation: u32,
    /// The display matrix also mirrors the picture.
    #[serde(default)]
    pub mirrored: bool,
    /// FFmpeg's name: `yuv420p`.
    pub pixel_format: String,
    /// Frames per second on which the output runs: constant, and at most the profile's.
    pub frame_rate: Ratio,
    /// Frames per second of the source where it moves, as a constant rate.
    pub source_rate: Ratio,
    /// Frames of one field each.
    pub interlaced: bool,
    /// `None`: SDR.
    pub hdr: Option<HighDynamicRange>,
    /// The colour matrix is BT.2020, which SDR rungs cannot carry.
    pub wide_gamut: bool,
    /// The colour matrix of the source; `None`: another one, or RGB.
    #[serde(default)]
    pub matrix: Option<ColorMatrix>,
    /// The source says what its matrix, primaries and transfer characteristics are. Otherwise players guess, each in its
    /// own way.
    #[serde(default)]
    pub tagged: bool,
    /// First presentation time, in units of `time_base`.
    pub start_pts: i64,
    /// Seconds per unit.
    pub time_base: Ratio,
}

impl VideoStream {
    /// First presentation time, seconds on the clock of the container.
    pub fn start_seconds(&self) -> f64 {
        self.start_pts as f64 * self.time_base.as_f64()
    }

    /// Size as it is meant to be seen: upright, with square pixels.
    pub fn display_size(&self) -> (u32, u32) {
        let (mut width, mut height) = (f64::from(self.width), f64::from(self.height));
        // Widening keeps every line; narrowing would throw columns away. A broken header can say 200:1.
        match self.pixel_aspect.map_or(1.0, Ratio::as_f64) {
            aspect if !(0.1..=10.0).contains(&aspect) => {}
            aspect if aspect >= 1.0 => width *= aspect,
            aspect => height /= aspect,
        }
        let size = (width.round() as u32, height.round() as u32);
        if self.rotation % 180 == 90 { (size.1, size.0) } else { size }
    }
}

/// The audio stream that is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AudioStream {
    /// Its number in the container.
    pub index: u32,
    /// FFmpeg's name: `aac`, `pcm_s16le`.
    pub codec: String,
    /// FFmpeg's name: `LC`.
    pub profile: Option<String>,
    /// How many.
    pub channels: u32,
    /// Hz.
    pub sample_rate: u32,
    /// bit/s, if the container says so.
    pub bit_rate: Option<u64>,
    /// First presentation time, seconds on the clock of the container.
    pub start_seconds: f64,
    /// How long it plays, if the container says so.
    pub duration_seconds: Option<f64>,
    /// RFC 5646, if the container says so: `de`.
    pub language: Option<String>,
}

/// How FFmpeg gets to a moment of this source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seeking {
    /// The container has an index: asking for a moment leads to the keyframe at or before it.
    Indexed,
    /// It has none: ask for a moment well before the keyframe.
    Approximate,
    /// It cannot be sought: every run reads it from its beginning.
    Sequential,
}

/// Where the frames of the video stream are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceIndex {
    /// Presentation times of the keyframes, ticks from the start of the presentation, ascending. Empty: unknown.
    pub keyframes: Vec<u64>,
    /// For each keyframe, bytes of video until the next one; empty: unknown.
    pub gop_bytes: Vec<u64>,
    /// When the first frame is shown, ticks from the start of the presentation; above 0 where sound begins first.
    pub picture_start: u64,
    /// When the last frame ends, ticks from the start of the presentation.
    pub picture_end: u64,
    /// The end of the presentation, ticks from its start; after `picture_end` where sound ends last.
    pub end: u64,
    /// Longest time that a frame is shown, ticks.
    pub longest_frame: u64,
    /// No frame that follows a keyframe in the file is shown before it (closed GOPs).
    pub closed_gops: bool,
    /// How to get there.
    pub seeking: Seeking,
    /// Bytes of video, if known.
    pub video_bytes: Option<u64>,
}

impl SourceIndex {
    /// Longest distance from a keyframe to the next one or to the end of the picture, ticks.
    pub fn longest_gop(&self) -> u64 {
        let ends = self.keyframes.iter().skip(1).copied().chain([self.picture_end]);
        self.keyframes.iter().zip(ends).map(|(start, end)| end.saturating_sub(*start)).max().unwrap_or(self.picture_end)
    }

    /// The last keyframe at or before a moment.
    pub fn keyframe_before(&self, ticks: u64) -> u64 {
        match self.keyframes.partition_point(|it| *it <= ticks) {
            0 => 0,
            after => self.keyframes[after - 1],
        }
    }

    /// Average video rate, bit/s, if the bytes are known.
    pub fn video_bit_rate(&self) -> Option<u64> {
        let bits = u128::from(self.video_bytes?) * 8 * u128::from(TICKS_PER_SECOND);
        let shown = self.picture_end.saturating_sub(self.picture_start);
        (shown > 0).then(|| (bits / u128::from(shown)) as u64)
    }
}

/// A source that was looked at and found usable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// FFmpeg's demuxer, forced from here on: `mov`, `matroska`.
    pub demuxer: String,
    /// Bytes of the source.
    pub size: u64,
    /// The picture.
    pub video: VideoStream,
    /// The sound, if there is any.
    pub audio: Option<AudioStream>,
    /// Where the frames are.
    pub index: SourceIndex,
}

impl Probe {
    /// When the presentation begins, in units of the video's time base on the clock of the container.
    pub fn origin_pts(&self) -> i64 {
        let lead = self.index.picture_start as f64 / TICKS_PER_SECOND as f64 / self.video.time_base.as_f64();
        self.video.start_pts.saturating_sub(lead.round() as i64)
    }

    /// When the presentation begins, seconds on the clock of the container.
    pub fn origin_seconds(&self) -> f64 {
        self.origin_pts() as f64 * self.video.time_base.as_f64()
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
            wide_gamut: false,
            matrix: Some(ColorMatrix::Bt709),
            tagged: true,
            start_pts: 0,
            time_base: Ratio { num: 1, den: 90_000 },
        };
        assert_eq!(square.display_size(), (720, 576));
        let wide = VideoStream { pixel_aspect: Ratio::new(64, 45), ..square.clone() };
        assert_eq!(wide.display_size(), (1024, 576));
        let narrow = VideoStream { pixel_aspect: Ratio::new(8, 9), ..square.clone() };
        assert_eq!(narrow.display_size(), (720, 648));
        let nonsense = VideoStream { pixel_aspect: Ratio::new(200, 1), ..square.clone() };
        assert_eq!(nonsense.display_size(), (720, 576));
        assert_eq!(VideoStream { rotation: 90, ..square }.display_size(), (576, 720));
    }

    #[test]
    fn keyframes_before_a_moment() {
        let index = SourceIndex {
            keyframes: vec![0, 180_000, 900_000],
            gop_bytes: vec![],
            picture_start: 0,
            picture_end: 1_000_000,
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
