//! The encoders in hardware that profiles choose: proven by a test encode at start, or refused with
//! what is missing.

use std::path::{Path, PathBuf};

use domain::profile::{Hardware, Profile, VideoCodec};

use super::SetupError;
use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::arguments::encoder_name;
use crate::trial;

/// An encoder in hardware that a profile chooses, and that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "profile `{profile}` chooses the encoder `{encoder}`, which FFmpeg at `{}` ({version}) cannot use: {problem}; or choose \
     {alternative} in the profile", .ffmpeg.display()
)]
pub struct HardwareError {
    /// Name of the profile.
    profile: String,
    /// FFmpeg's name of the encoder.
    encoder: String,
    /// Path of `ffmpeg`.
    ffmpeg: PathBuf,
    /// Its version.
    version: String,
    /// What is missing, and what to do.
    problem: HardwareProblem,
    /// The setting of the encoder in software.
    alternative: &'static str,
}

/// Why an encoder in hardware cannot be used. `Display` says what to do.
#[derive(Debug, thiserror::Error)]
enum HardwareProblem {
    #[error(
        "this build does not have it: install a build that does, or set EDGEREEL_FFMPEG_DIR to its directory"
    )]
    NotBuilt,
    #[error("VideoToolbox exists on Apple's computers only, where Edgereel does not run")]
    OtherSystem,
    #[error("`{}` is missing ({line}): install the driver, and {access}", .device.display())]
    NoDevice {
        device: PathBuf,
        /// FFmpeg's own line.
        line: String,
        /// How a container is given the device.
        access: &'static str,
    },
    #[error(
        "this user may not open `{}` ({line}): add the user to the group of the device (in a container: `--group-add`)",
        .device.display()
    )]
    NoPermission { device: PathBuf, line: String },
    #[error(
        "the driver or the device refused it ({line}): check it with `{program}`, and with EDGEREEL_CONFINEMENT=off whether \
         it needs a right that FFmpeg does not have{hint}"
    )]
    Refused {
        line: String,
        /// A program that shows what the driver offers.
        program: &'static str,
        hint: &'static str,
    },
    #[error("it failed the test encode: {0}")]
    Failed(String),
    #[error(
        "one encoding run of the profile opens {rungs} sessions, and each of the concurrent jobs has {sessions}: set \
         EDGEREEL_NVENC_SESSIONS to the number that the GPU grants, or reduce EDGEREEL_CONCURRENT_JOBS or the rungs"
    )]
    Sessions { rungs: usize, sessions: usize },
}

/// Encodes a second of video with every encoder in hardware that a profile chooses.
///
/// # Errors
/// [`SetupError::Hardware`] with the first one that cannot be used.
pub(super) async fn verify(tools: &Tools, profile: &Profile) -> Result<(), SetupError> {
    for (codec, hardware) in profile.hardware() {
        let Some(problem) = problem_of(tools, profile, codec, hardware).await else {
            continue;
        };
        return Err(SetupError::Hardware(Box::new(HardwareError {
            profile: profile.name.to_string(),
            encoder: encoder_name(codec, hardware),
            ffmpeg: tools.ffmpeg.clone(),
            version: tools.version.clone(),
            problem,
            alternative: match codec {
                VideoCodec::H264 => "`name = \"x264\"` in `[encoder]`",
                VideoCodec::Hevc => "`name = \"x265\"` in `[hevc]`",
                VideoCodec::Av1 => "`name = \"auto\"` in `[av1]`",
            },
        })));
    }
    Ok(())
}

async fn problem_of(
    tools: &Tools,
    profile: &Profile,
    codec: VideoCodec,
    hardware: Hardware,
) -> Option<HardwareProblem> {
    if hardware == Hardware::Videotoolbox {
        return Some(HardwareProblem::OtherSystem);
    }
    if !tools.encoders.contains(&encoder_name(codec, hardware)) {
        return Some(HardwareProblem::NotBuilt);
    }
    if let Err(problem) = Box::pin(trial::run_hardware(tools, profile, codec)).await {
        return Some(explained(tools, hardware, &problem));
    }
    let of_nvenc = |codec| profile.hardware_of(codec) == Some(Hardware::Nvenc);
    let rungs = profile
        .enabled_rungs()
        .filter(|it| of_nvenc(it.codec))
        .count();
    let sessions = tools.hardware.nvenc_sessions;
    (hardware == Hardware::Nvenc && rungs > sessions)
        .then_some(HardwareProblem::Sessions { rungs, sessions })
}

/// The reason why a test encode failed.
fn explained(tools: &Tools, hardware: Hardware, problem: &TranscodeError) -> HardwareProblem {
    let Some(line) = complaint(problem.log_tail()) else {
        // FFmpeg encoded something, and it is not as planned.
        return HardwareProblem::Failed(problem.to_string());
    };
    let device = tools.hardware.device_of(hardware).map(Path::to_owned);
    match device.map(|it| (state(&it), it)) {
        Some((DeviceState::Missing, device)) => HardwareProblem::NoDevice {
            device,
            line,
            access: match hardware {
                Hardware::Nvenc => "run the container with `--gpus all`",
                Hardware::Vaapi | Hardware::Qsv | Hardware::Videotoolbox => {
                    "run the container with `--device /dev/dri`, or name another device in EDGEREEL_HARDWARE_DEVICE"
                }
            },
        },
        Some((DeviceState::Forbidden, device)) => HardwareProblem::NoPermission { device, line },
        Some((DeviceState::Open, _)) | None => HardwareProblem::Refused {
            line,
            program: match hardware {
                Hardware::Nvenc => "nvidia-smi",
                Hardware::Vaapi | Hardware::Qsv | Hardware::Videotoolbox => "vainfo",
            },
            hint: match hardware {
                // Older drivers of AMD have no QVBR.
                Hardware::Vaapi => {
                    "; if only the rate control is missing, set `rate_control = \"cbr\"`"
                }
                Hardware::Nvenc | Hardware::Qsv | Hardware::Videotoolbox => "",
            },
        },
    }
}

/// Whether a device can be opened by this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeviceState {
    Missing,
    Forbidden,
    Open,
}

fn state(device: &Path) -> DeviceState {
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(device);
    match opened.map_err(|it| it.kind()) {
        Ok(_) => DeviceState::Open,
        Err(std::io::ErrorKind::PermissionDenied) => DeviceState::Forbidden,
        Err(std::io::ErrorKind::NotFound) => DeviceState::Missing,
        // The driver of a device that is there reports its own errors.
        Err(_) => DeviceState::Open,
    }
}

/// The first error in a log, without the speaker: those that follow are consequences.
fn complaint(log: &str) -> Option<String> {
    let line = log.lines().find_map(|line| {
        ["[error] ", "[fatal] "]
            .iter()
            .find_map(|it| line.split_once(it))
    });
    line.map(|(_, said)| said.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests;
