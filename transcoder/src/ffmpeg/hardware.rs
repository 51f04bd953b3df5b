//! The devices that encode: what a run may use of them, and how many runs they serve.

use std::path::{Path, PathBuf};

use domain::plan::EncodePlan;
use domain::probe::Probe;
use domain::profile::{EncoderSettings, Hardware};

use super::Tools;
use super::arguments::{NewerCodecs, hardware_of};

/// The first GPU, as Linux names it.
pub(crate) const DEFAULT_DEVICE: &str = "/dev/dri/renderD128";

/// The sessions that recent drivers of NVIDIA grant on a consumer GPU. Most of those for
/// workstations and servers have no limit.
pub(crate) const DEFAULT_SESSIONS: u16 = 8;

/// The device without which NVIDIA's driver does nothing.
const NVIDIA_CONTROL: &str = "/dev/nvidiactl";

/// What drivers read of the system: the identity of the device, its quirks, and the parameters of the
/// kernel's module. Their libraries are among those of every program.
const READ_BY_DRM: [&str; 8] = [
    "/dev/dri",
    "/sys/dev/char",
    "/sys/devices",
    "/sys/class/drm",
    "/usr/share/libdrm",
    "/usr/share/drirc.d",
    "/etc/drirc",
    "/etc/libva.conf",
];
const READ_BY_NVIDIA: [&str; 6] = [
    "/proc/driver/nvidia",
    "/proc/devices",
    "/proc/self",
    "/sys/devices",
    "/sys/bus/pci",
    "/usr/local/nvidia",
];

/// The devices of a transcoder that encode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareSettings {
    /// The device of VA-API and Quick Sync Video.
    pub device: PathBuf,
    /// Number of NVENC sessions for each job.
    pub nvenc_sessions: usize,
}

impl Default for HardwareSettings {
    fn default() -> Self {
        Self {
            device: DEFAULT_DEVICE.into(),
            nvenc_sessions: DEFAULT_SESSIONS.into(),
        }
    }
}

/// The files of devices, and what their drivers read beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Devices {
    /// Files that are read, written and controlled (`ioctl`).
    pub(crate) files: Vec<PathBuf>,
    /// Files and directories that are read.
    pub(crate) read: Vec<PathBuf>,
}

impl HardwareSettings {
    /// What a run that encodes with some hardware has to reach; nothing for software.
    pub(crate) fn devices(&self, hardware: &[Hardware]) -> Devices {
        let mut devices = Devices::default();
        for it in hardware {
            match it {
                Hardware::Nvenc => {
                    devices.files.extend(nvidia(Path::new("/dev")));
                    devices.read.extend(READ_BY_NVIDIA.map(PathBuf::from));
                }
                Hardware::Vaapi | Hardware::Qsv => {
                    devices.files.push(self.device.clone());
                    devices.read.extend(READ_BY_DRM.map(PathBuf::from));
                }
                // Edgereel confines FFmpeg on Linux only, which has no VideoToolbox.
                Hardware::Videotoolbox => {}
            }
        }
        for paths in [&mut devices.files, &mut devices.read] {
            paths.sort();
            paths.dedup();
        }
        devices
    }

    /// The file that has to be there for some hardware; `None`: its driver needs no file.
    pub(crate) fn device_of(&self, hardware: Hardware) -> Option<&Path> {
        match hardware {
            Hardware::Nvenc => Some(Path::new(NVIDIA_CONTROL)),
            Hardware::Vaapi | Hardware::Qsv => Some(&self.device),
            Hardware::Videotoolbox => None,
        }
    }
}

/// `nvidiactl`, `nvidia-uvm`, `nvidia-caps`, and `nvidia0` with a number for each GPU.
fn nvidia(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|it| it.file_name().as_encoded_bytes().starts_with(b"nvidia"));
    named.map(|it| it.path()).collect()
}

/// Whether a line of FFmpeg's log (5.1 to 9.0) is a complaint of an encoder in hardware, its driver
/// or its device.
///
/// FFmpeg names the speaker at the start of a line. What it says about the threads of an encoder,
/// such as `Could not open encoder before EOF`, may have another cause.
pub(crate) fn is_of_hardware(line: &str) -> bool {
    const DEVICES: [&str; 6] = [
        "[AVHWDeviceContext @",
        "[AVHWFramesContext @",
        "[VAAPI @",
        "[QSV @",
        "[CUDA @",
        "[Parsed_hwupload",
    ];
    const SUFFIXES: [&str; 4] = ["_nvenc", "_vaapi", "_qsv", "_videotoolbox"];
    let is_error = line.contains("[error]") || line.contains("[fatal]");
    let speaker = line.split(" @ ").next().unwrap_or_default();
    let is_encoder = SUFFIXES.iter().any(|it| speaker.ends_with(it)) && !speaker.contains('#');
    is_error
        && (is_encoder
            || DEVICES.iter().any(|it| line.starts_with(it))
            || line.contains("Device creation failed"))
}

impl Tools {
    /// The same programs with other devices.
    pub fn with_hardware(self, hardware: HardwareSettings) -> Self {
        Self { hardware, ..self }
    }

    /// The number of encoders for a plan: at most `processors`, as many as fit into the memory, and
    /// as many as the hardware has sessions for, but at least one. Decoding and scaling stay in
    /// software, so hardware needs one run per processor too.
    pub(crate) fn encoders(
        &self,
        plan: &EncodePlan,
        probe: &Probe,
        (encoder, newer): (&EncoderSettings, &NewerCodecs),
        processors: usize,
    ) -> usize {
        let hardware = |of: &[Hardware]| {
            let rungs = plan.rungs.iter();
            rungs
                .filter_map(|it| hardware_of(it, encoder, newer))
                .filter(|it| of.is_empty() || of.contains(it))
                .count()
        };
        let processors = match hardware(&[Hardware::Nvenc]) {
            0 => processors,
            sessions => processors.min(self.hardware.nvenc_sessions / sessions),
        };
        let processors = processors.max(1);
        let memory = self.launcher.as_ref().map(|it| it.memory);
        memory.map_or(processors, |it| {
            it.encoders(plan, probe, hardware(&[]) > 0, processors)
        })
    }
}

#[cfg(test)]
mod tests;
