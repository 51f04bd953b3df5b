//! The options of the video encoders.
//!
//! Every encoder puts a keyframe where a segment begins, and no other segment needs its frames. The
//! rates do not exceed that of the rung, but for libaom, which keeps to it on average only.

use std::ops::Range;

use domain::plan::{Codec, RungPlan};
use domain::probe::HdrColors;
use domain::profile::{Av1Settings, HevcSettings, Profile, RateControl};

use super::hdr::{TEN_BITS, svt_av1_metadata, x265_metadata};
use super::{CommandInputs, push};

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
        match rung.rendition.codec {
            Codec::H264 | Codec::Aac | Codec::Ac3 | Codec::Eac3 => {
                self.x264(arguments, rung, threads)
            }
            Codec::Hevc => self.x265(arguments, rung, threads),
            Codec::Av1 => self.av1(arguments, rung, threads),
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

    fn x264(&self, arguments: &mut Vec<String>, rung: &RungPlan, threads: u32) {
        let kbps = rung.video_kbps;
        let (preset, threads) = (self.encoder.preset.as_str(), threads.to_string());
        push(arguments, &["-c:v", "libx264", "-preset", preset]);
        push(arguments, &["-threads", &threads, "-sc_threshold", "0"]);
        match self.encoder.rate_control {
            RateControl::CappedCrf => {
                capped(arguments, rung.crf.unwrap_or(self.encoder.crf), kbps);
                // A buffer of a second and a half keeps segments near the cap, and every chunk
                // starts with it half full: a full one would add its content to the cap in every
                // chunk.
                push(arguments, &["-x264-params", "vbv-init=0.5"]);
            }
            RateControl::Cbr => {
                constant(arguments, kbps);
                push(arguments, &["-x264-params", "nal-hrd=cbr"]);
            }
        }
    }

    /// The colours that a rung keeps; `None`: it is SDR.
    fn kept_colors(&self, rung: &RungPlan) -> Option<&HdrColors> {
        let video = self.probe.video.as_ref().filter(|_| rung.hdr.is_some());
        video.map(|it| &it.hdr_colors)
    }

    fn x265(&self, arguments: &mut Vec<String>, rung: &RungPlan, threads: u32) {
        let kbps = rung.video_kbps;
        push(arguments, &["-c:v", "libx265", "-preset"]);
        push(arguments, &[self.newer.hevc.preset.as_str()]);
        let mut settings = format!(
            "log-level=error:open-gop=0:scenecut=0:pools={threads}:frame-threads={threads}"
        );
        match self.encoder.rate_control {
            RateControl::CappedCrf => {
                capped(arguments, rung.crf.unwrap_or(self.newer.hevc.crf), kbps);
                settings += ":vbv-init=0.5";
            }
            RateControl::Cbr => {
                constant(arguments, kbps);
                settings += ":strict-cbr=1";
            }
        }
        settings += &self.kept_colors(rung).map_or(String::new(), x265_metadata);
        push(arguments, &["-forced-idr", "1", "-x265-params", &settings]);
    }

    /// Capped CRF: profiles with AV1 have no other rate control.
    fn av1(&self, arguments: &mut Vec<String>, rung: &RungPlan, threads: u32) {
        let kbps = rung.video_kbps;
        let Av1Settings { preset, crf } = &self.newer.av1;
        let crf = rung.crf.unwrap_or(*crf);
        match self.newer.av1_library {
            Av1Library::Svt => {
                push(arguments, &["-c:v", "libsvtav1", "-preset"]);
                push(arguments, &[&preset.to_string(), "-crf", &crf.to_string()]);
                let mut settings = format!("lp={threads}:mbr={kbps}:scd=0");
                settings += &self
                    .kept_colors(rung)
                    .map_or(String::new(), svt_av1_metadata);
                push(arguments, &["-svtav1-params", &settings]);
            }
            Av1Library::Aom => {
                // Its presets end at 8, its slowest ones take hours. It takes no static metadata.
                let speed = preset.clamp(&4, &8).to_string();
                push(arguments, &["-c:v", "libaom-av1", "-cpu-used", &speed]);
                push(arguments, &["-threads", &threads.to_string(), "-crf"]);
                push(arguments, &[&crf.to_string(), "-b:v", &format!("{kbps}k")]);
            }
        }
    }
}

/// Constant quality, never above a rate.
fn capped(arguments: &mut Vec<String>, crf: u8, kbps: u32) {
    let (rate, buffer) = (format!("{kbps}k"), format!("{}k", kbps * 3 / 2));
    push(arguments, &["-crf", &crf.to_string(), "-maxrate", &rate]);
    push(arguments, &["-bufsize", &buffer]);
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
