//! The encoders in hardware. Decoding and scaling stay in software: the hardware only receives
//! frames.
//!
//! What an option of FFmpeg does depends on the driver; the test encode at the start of a transcoder
//! finds out whether it suffices. The options were chosen so that the output has the same structure
//! as that of the encoders in software:
//!
//! - Forced keyframes are IDR frames, and every group of pictures is closed.
//! - No encoder adds keyframes at scene cuts.
//! - Frames are not reordered (`-bf 0`): generations of hardware differ in the number of B-frames,
//!   and some know none. It costs a few per cent of the rate.
//! - The rate does not exceed that of the rung.

use domain::plan::{Codec, RungPlan};
use domain::profile::{EncoderSettings, Hardware, Preset, RateControl, VideoCodec};
use domain::segment::Lane;

use super::{NewerCodecs, constant};
use crate::ffmpeg::arguments::{CommandInputs, push};

/// Names of devices on FFmpeg's command line.
const VAAPI_DEVICE: &str = "vaapi";
const QSV_DEVICE: &str = "qsv";

/// What follows the name of a rung in a graph, if its frames are uploaded. Names of renditions have
/// no underscores.
const UPLOADED: &str = "_uploaded";

/// The hardware that encodes a rung; `None`: software.
pub(crate) fn hardware_of(
    rung: &RungPlan,
    encoder: &EncoderSettings,
    newer: &NewerCodecs,
) -> Option<Hardware> {
    let (codec, hardware) = match rung.rendition.codec {
        Codec::H264 => (VideoCodec::H264, encoder.name.hardware()),
        Codec::Hevc => (VideoCodec::Hevc, newer.hevc.name.hardware()),
        Codec::Av1 => (VideoCodec::Av1, newer.av1.name.hardware()),
        Codec::Aac | Codec::Ac3 | Codec::Eac3 => return None,
    };
    hardware.filter(|_| Hardware::accepts(codec, rung.size.width, rung.size.height))
}

/// FFmpeg's name of an encoder.
pub(crate) fn encoder_name(codec: VideoCodec, hardware: Hardware) -> String {
    let codec = match codec {
        VideoCodec::H264 => "h264",
        VideoCodec::Hevc => "hevc",
        VideoCodec::Av1 => "av1",
    };
    format!("{codec}_{}", hardware.as_str())
}

impl CommandInputs<'_> {
    /// The hardware that encodes a rung; `None`: software.
    pub(super) fn hardware_of(&self, rung: &RungPlan) -> Option<Hardware> {
        hardware_of(rung, self.encoder, self.newer)
    }

    /// The hardware that a run for a lane uses, each once.
    pub(crate) fn hardware(&self, lane: Lane) -> Vec<Hardware> {
        let mut all: Vec<Hardware> = match lane {
            Lane::First | Lane::Encode => self
                .plan
                .rungs_of(lane)
                .filter_map(|it| self.hardware_of(it))
                .collect(),
            Lane::Copy | Lane::Audio => vec![],
        };
        all.sort();
        all.dedup();
        all
    }

    /// Opens the devices of a run. The encoders of NVIDIA and Apple find theirs.
    pub(in crate::ffmpeg::arguments) fn open_devices(
        &self,
        arguments: &mut Vec<String>,
        lane: Lane,
    ) {
        let device = self.device.display();
        for hardware in self.hardware(lane) {
            match hardware {
                Hardware::Vaapi => {
                    let opened = format!("vaapi={VAAPI_DEVICE}:{device}");
                    push(arguments, &["-init_hw_device", &opened]);
                    push(arguments, &["-filter_hw_device", VAAPI_DEVICE]);
                }
                Hardware::Qsv => {
                    let opened = format!("qsv={QSV_DEVICE}:hw,child_device={device}");
                    push(arguments, &["-init_hw_device", &opened]);
                }
                Hardware::Nvenc | Hardware::Videotoolbox => {}
            }
        }
    }

    /// The chains that upload the frames of the rungs of a lane, each after a semicolon. Only the
    /// encoders of VA-API cannot do it themselves.
    pub(in crate::ffmpeg::arguments) fn uploads(&self, lane: Lane) -> String {
        let rungs = self.plan.rungs_of(lane);
        let uploaded = rungs.filter(|it| self.hardware_of(it) == Some(Hardware::Vaapi));
        uploaded
            .map(|it| {
                let name = &it.rendition.name;
                format!(";[{name}]format=nv12,hwupload[{name}{UPLOADED}]")
            })
            .collect()
    }

    /// The label of the frames of a rung in the graph.
    pub(in crate::ffmpeg::arguments) fn frames_of(&self, rung: &RungPlan) -> String {
        let name = &rung.rendition.name;
        match self.hardware_of(rung) {
            Some(Hardware::Vaapi) => format!("[{name}{UPLOADED}]"),
            Some(Hardware::Nvenc | Hardware::Qsv | Hardware::Videotoolbox) | None => {
                format!("[{name}]")
            }
        }
    }

    /// The options of an encoder. Its rate does not exceed `kbps`.
    pub(super) fn in_hardware(&self, hardware: Hardware, codec: Codec, kbps: u32) -> Vec<String> {
        let (codec, preset, quality) = match codec {
            Codec::Hevc => {
                let it = &self.newer.hevc;
                (VideoCodec::Hevc, speed(it.preset), it.crf)
            }
            Codec::Av1 => {
                let it = &self.newer.av1;
                // The scale of libaom and SVT-AV1 ends at 63, that of some encoders at 51.
                (
                    VideoCodec::Av1,
                    it.preset.div_ceil(2).min(7),
                    it.crf.min(51),
                )
            }
            Codec::H264 | Codec::Aac | Codec::Ac3 | Codec::Eac3 => {
                let it = self.encoder;
                (VideoCodec::H264, speed(it.preset), it.crf)
            }
        };
        let mut arguments = vec!["-c:v".to_owned(), encoder_name(codec, hardware)];
        let high = codec == VideoCodec::H264;
        let control = self.encoder.rate_control;
        // 0 means that the driver decides.
        let quality = quality.max(1).to_string();
        match hardware {
            Hardware::Nvenc => nvenc(&mut arguments, high, preset, control, &quality, kbps),
            Hardware::Vaapi => vaapi(&mut arguments, control, &quality, kbps),
            Hardware::Qsv => qsv(&mut arguments, high, preset, control, &quality, kbps),
            Hardware::Videotoolbox => videotoolbox(&mut arguments, high, control, kbps),
        }
        push(&mut arguments, &["-bf", "0"]);
        arguments
    }
}

/// A preset of x264 or x265 on a scale from 1, the slowest, to 7, the fastest.
fn speed(preset: Preset) -> u8 {
    match preset {
        Preset::Slower | Preset::Veryslow => 1,
        Preset::Slow => 2,
        Preset::Medium => 3,
        Preset::Fast | Preset::Faster => 4,
        Preset::Veryfast => 5,
        Preset::Superfast => 6,
        Preset::Ultrafast => 7,
    }
}

/// With `-cq`, FFmpeg passes the maximum rate on, but neither the average rate nor the buffer. The
/// profile of its H.264 is `main` by default.
fn nvenc(
    arguments: &mut Vec<String>,
    high: bool,
    speed: u8,
    control: RateControl,
    quality: &str,
    kbps: u32,
) {
    push(arguments, &["-preset", &format!("p{}", 8 - speed)]);
    push(arguments, &["-tune", "hq"]);
    if high {
        push(arguments, &["-profile:v", "high"]);
    }
    match control {
        RateControl::CappedCrf => {
            push(arguments, &["-rc", "vbr", "-cq", quality, "-b:v", "0"]);
            maximum(arguments, kbps);
        }
        RateControl::Cbr => {
            push(arguments, &["-rc", "cbr"]);
            constant(arguments, kbps);
        }
    }
    push(arguments, &["-forced-idr", "1", "-no-scenecut", "1"]);
}

/// QVBR has a quality and a maximum rate; the driver decides on the rest. The presets of drivers have
/// no common scale, so the driver's own one applies. Every I-frame is an IDR frame.
fn vaapi(arguments: &mut Vec<String>, control: RateControl, quality: &str, kbps: u32) {
    match control {
        RateControl::CappedCrf => {
            push(arguments, &["-rc_mode", "QVBR", "-global_quality", quality]);
            push(arguments, &["-b:v", &format!("{kbps}k")]);
            maximum(arguments, kbps);
        }
        RateControl::Cbr => {
            push(arguments, &["-rc_mode", "CBR"]);
            constant(arguments, kbps);
        }
    }
    push(arguments, &["-idr_interval", "0"]);
}

/// FFmpeg derives the rate control from the options: QVBR from a quality with a maximum rate above
/// the average one, a constant rate if both are equal, and ICQ, which has no limit, without a maximum
/// rate. Look-ahead would exclude QVBR.
fn qsv(
    arguments: &mut Vec<String>,
    high: bool,
    speed: u8,
    control: RateControl,
    quality: &str,
    kbps: u32,
) {
    let preset = match speed {
        ..=1 => "veryslow",
        2 => "slower",
        3 => "slow",
        4 => "medium",
        5 => "fast",
        6 => "faster",
        7.. => "veryfast",
    };
    push(arguments, &["-preset", preset]);
    if high {
        // HEVC has the option since FFmpeg 6 only, and adapts nothing without it.
        push(arguments, &["-profile:v", "high", "-adaptive_i", "0"]);
    }
    match control {
        RateControl::CappedCrf => {
            push(arguments, &["-global_quality", quality]);
            push(arguments, &["-b:v", &format!("{}k", kbps * 3 / 4)]);
            maximum(arguments, kbps);
        }
        RateControl::Cbr => constant(arguments, kbps),
    }
    push(arguments, &["-forced_idr", "1", "-flags", "+cgop"]);
    push(arguments, &["-pix_fmt", "nv12"]);
}

/// Only some of Apple's processors have a constant quality, so the rate of the rung applies.
fn videotoolbox(arguments: &mut Vec<String>, high: bool, control: RateControl, kbps: u32) {
    if high {
        push(arguments, &["-profile:v", "high"]);
    }
    match control {
        RateControl::CappedCrf => {
            push(arguments, &["-b:v", &format!("{kbps}k")]);
            maximum(arguments, kbps);
        }
        RateControl::Cbr => {
            push(arguments, &["-constant_bit_rate", "1"]);
            constant(arguments, kbps);
        }
    }
    push(arguments, &["-allow_sw", "0", "-pix_fmt", "nv12"]);
}

/// A maximum rate, and a buffer of a second and a half of it.
fn maximum(arguments: &mut Vec<String>, kbps: u32) {
    push(arguments, &["-maxrate", &format!("{kbps}k")]);
    push(arguments, &["-bufsize", &format!("{}k", kbps * 3 / 2)]);
}
