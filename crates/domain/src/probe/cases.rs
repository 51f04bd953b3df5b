//! Sample probes for tests of planning and encoding.

use super::{
    AudioPurpose, AudioStream, ColorMatrix, HdrColors, Probe, Ratio, Seeking, SourceIndex,
    VideoStream,
};
use crate::segment::TICKS_PER_SECOND as SECOND;

/// A 1080p30 H.264 source of 60 s with a keyframe every 2 s, 5 Mbit/s, and 128 kbit/s AAC.
pub fn standard() -> Probe {
    Probe {
        demuxer: "mov".to_owned(),
        size: 38_500_000,
        video: Some(VideoStream {
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
            hdr_colors: HdrColors::default(),
            wide_gamut: false,
            matrix: Some(ColorMatrix::Bt709),
            tagged: true,
            start_pts: 0,
            time_base: Ratio {
                num: 1,
                den: 15_360,
            },
        }),
        audio: vec![AudioStream {
            index: 1,
            codec: "aac".to_owned(),
            profile: Some("LC".to_owned()),
            channels: 2,
            sample_rate: 48_000,
            bit_rate: Some(128_000),
            start_seconds: 0.0,
            duration_seconds: Some(60.0),
            language: None,
            title: None,
            purpose: AudioPurpose::Main,
            loudness: None,
            surround_loudness: None,
        }],
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

/// [`standard`] without its video, as 60 s of MP3.
pub fn sound() -> Probe {
    let mut probe = standard();
    (probe.demuxer, probe.size) = ("mp3".to_owned(), 960_000);
    probe.video = None;
    let audio = probe.audio_mut();
    (audio.index, audio.codec, audio.profile) = (0, "mp3".to_owned(), None);
    probe.index = SourceIndex {
        keyframes: vec![],
        gop_bytes: vec![],
        longest_frame: 0,
        closed_gops: false,
        seeking: Seeking::Sequential,
        video_bytes: None,
        ..probe.index
    };
    probe
}

impl Probe {
    /// The video stream of a sample, to change it.
    ///
    /// # Panics
    /// Without a video stream.
    pub fn video_mut(&mut self) -> &mut VideoStream {
        self.video.as_mut().expect("the sample has video")
    }

    /// The first audio track of a sample, to change it.
    ///
    /// # Panics
    /// Without audio.
    pub fn audio_mut(&mut self) -> &mut AudioStream {
        self.audio.first_mut().expect("the sample has audio")
    }
}
