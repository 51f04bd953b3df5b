//! Sample probes for tests of planning and encoding.

use super::{AudioStream, ColorMatrix, Probe, Ratio, Seeking, SourceIndex, VideoStream};
use crate::segment::TICKS_PER_SECOND as SECOND;

/// A 1080p30 H.264 source of 60 s with a keyframe every 2 s, 5 Mbit/s, and 128 kbit/s AAC.
pub fn standard() -> Probe {
    Probe {
        demuxer: "mov".to_owned(),
        size: 38_500_000,
        video: VideoStream {
            index: 0,
            codec: "h264".to_owned(),
            width: 1920,
            height: 1080,
            pixel_aspect: None,
            rotation: 0,
            mirrored: false,
            pixel_format: "yuv420p".to_owned(),
            frame_rate: Ratio { num: 30, den: 1 },
            source_rate: Ratio { num: 30, den: 1 },
            interlaced: false,
            hdr: None,
            wide_gamut: false,
            matrix: Some(ColorMatrix::Bt709),
            tagged: true,
            start_pts: 0,
            time_base: Ratio {
                num: 1,
                den: 15_360,
            },
        },
        audio: Some(AudioStream {
            index: 1,
            codec: "aac".to_owned(),
            profile: Some("LC".to_owned()),
            channels: 2,
            sample_rate: 48_000,
            bit_rate: Some(128_000),
            start_seconds: 0.0,
            duration_seconds: Some(60.0),
            language: None,
        }),
        index: SourceIndex {
            keyframes: (0..30).map(|it| it * 2 * SECOND).collect(),
            gop_bytes: vec![1_250_000; 30],
            video_start: 0,
            video_end: 60 * SECOND,
            end: 60 * SECOND,
            longest_frame: 3_000,
            closed_gops: true,
            seeking: Seeking::Indexed,
            video_bytes: Some(37_500_000),
        },
    }
}
