//! The encoders in software.

use domain::plan::RungPlan;
use domain::probe::HdrColors;
use domain::profile::{Av1Settings, RateControl};

use super::{Av1Library, constant};
use crate::ffmpeg::arguments::hdr::{svt_av1_metadata, x265_metadata};
use crate::ffmpeg::arguments::{CommandInputs, push};

impl CommandInputs<'_> {
    pub(super) fn x264(&self, arguments: &mut Vec<String>, rung: &RungPlan, threads: u32) {
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

    pub(super) fn x265(&self, arguments: &mut Vec<String>, rung: &RungPlan, threads: u32) {
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
    pub(super) fn av1(&self, arguments: &mut Vec<String>, rung: &RungPlan, threads: u32) {
        let kbps = rung.video_kbps;
        let Av1Settings { preset, crf, .. } = &self.newer.av1;
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
