//! The options of the video encoders.
//!
//! Every encoder puts a keyframe where a segment begins, and no other segment needs its frames. The
//! rates do not exceed that of the rung, but for libaom, which keeps to it on average only.

use std::ops::Range;

use domain::plan::{Codec, RungPlan};
use domain::profile::{Av1Settings, HevcSettings, Profile};

use super::hdr::TEN_BITS;
use super::{CommandInputs, push};

mod hardware;
mod software;

pub(crate) use hardware::{encoder_name, hardware_of};

/// Settings of the encoders of other codecs than H.264.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NewerCodecs {
    pub(crate) hevc: HevcSettings,
    pub(crate) av1: Av1Settings,
    pub(crate) av1_library: Av1Library,
}

impl NewerCodecs {
    /// Those of a profile.
    pub(crate) fn new(profile: &Profile, av1_library: Av1Library) -> Self {
        Self {
            hevc: profile.hevc.clone(),
            av1: profile.av1.clone(),
            av1_library,
        }
    }
}

/// An encoder of AV1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Av1Library {
    /// SVT-AV1, the faster one.
    #[default]
    Svt,
    /// libaom. Older versions of FFmpeg do not pass the position of keyframes on to SVT-AV1.
    Aom,
}

impl Av1Library {
    /// The one to use with this version of FFmpeg, as its first line states it. Development builds
    /// have no number.
    pub(crate) fn of_version(line: &str) -> Self {
        let version = line.split_whitespace().nth(2).unwrap_or_default();
        let major = version.trim_start_matches('n').split('.').next();
        match major.and_then(|it| it.parse::<u32>().ok()) {
            Some(..7) => Self::Aom,
            Some(7..) | None => Self::Svt,
        }
    }
}

impl CommandInputs<'_> {
    /// The encoder of a rung, for a run that makes these segments.
    pub(super) fn encoder(
        &self,
        arguments: &mut Vec<String>,
        rung: &RungPlan,
        segments: &Range<u32>,
        threads: u32,
    ) {
        let forced = self.plan.forced_keyframes(segments.clone()).into_iter();
        let forced: Vec<String> = forced
            .map(|it| format!("{:.6}", self.frame_time(it)))
            .collect();
        match (self.hardware_of(rung), rung.rendition.codec) {
            (Some(hardware), codec) => {
                arguments.extend(self.in_hardware(hardware, codec, rung.video_kbps));
            }
            (None, Codec::H264 | Codec::Aac | Codec::Ac3 | Codec::Eac3) => {
                self.x264(arguments, rung, threads);
            }
            (None, Codec::Hevc) => self.x265(arguments, rung, threads),
            (None, Codec::Av1) => self.av1(arguments, rung, threads),
        }
        if rung.hdr.is_some() {
            // An encoder for 8 bits only must fail, not convert.
            push(arguments, &["-pix_fmt", TEN_BITS]);
        }
        push(
            arguments,
            &[
                "-g",
                &self.plan.longest_keyframe_distance().to_string(),
                "-force_key_frames",
                &forced.join(","),
                "-fps_mode",
                "passthrough",
            ],
        );
    }
}

/// A constant rate.
fn constant(arguments: &mut Vec<String>, kbps: u32) {
    let rate = format!("{kbps}k");
    push(arguments, &["-b:v", &rate, "-minrate", &rate]);
    push(arguments, &["-maxrate", &rate, "-bufsize", &rate]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_versions_use_libaom() {
        for (line, expected) in [
            (
                "ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026",
                Av1Library::Aom,
            ),
            ("ffmpeg version 6.1 Copyright", Av1Library::Aom),
            ("ffmpeg version 7.1.5-0+deb13u1 Copyright", Av1Library::Svt),
            ("ffmpeg version n8.1 Copyright", Av1Library::Svt),
            (
                "ffmpeg version N-121000-g0123abc Copyright",
                Av1Library::Svt,
            ),
            ("", Av1Library::Svt),
        ] {
            assert_eq!(Av1Library::of_version(line), expected, "{line}");
        }
    }
}
