//! FFmpeg: its location, capabilities, command lines and processes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use confine::Libraries;
use domain::per_title::Measure;

pub(crate) mod arguments;
mod depth;
pub(crate) mod hardware;
pub(crate) mod launcher;
mod memory;
pub(crate) mod probe;
pub(crate) mod process;
mod verdict;

pub use hardware::HardwareSettings;
pub use launcher::Launcher;
pub use memory::JobMemory;
pub(crate) use verdict::verdict;

use arguments::{Av1Library, METADATA_FILTER};
use launcher::Needs;

/// FFmpeg and ffprobe, located and checked once, at startup.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Path of `ffmpeg`.
    pub ffmpeg: PathBuf,
    /// Path of `ffprobe`.
    pub ffprobe: PathBuf,
    /// Version, as `ffmpeg -version` prints it.
    pub version: String,
    /// Names of its filters.
    filters: Arc<HashSet<String>>,
    /// Names of its encoders.
    pub(crate) encoders: Arc<HashSet<String>>,
    /// The launcher that confines them; `None`: they run unconfined.
    launcher: Option<Launcher>,
    /// Library directories of both.
    libraries: Arc<Libraries>,
    /// The devices that encode.
    pub(crate) hardware: HardwareSettings,
}

/// The whole environment of FFmpeg and ffprobe. No variable of this process, which may hold
/// credentials, reaches programs that parse untrusted files. Static builds crash when they load the
/// character sets of the host (`GCONV_PATH`), which happens for the names of broadcast channels.
pub(crate) const ENVIRONMENT: [(&str, &str); 3] = [
    ("PATH", "/usr/bin:/bin"),
    ("LC_ALL", "C"),
    ("GCONV_PATH", "/nonexistent"),
];

/// FFmpeg is missing or cannot be run.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{program}` was not found or cannot be run: install FFmpeg (on Debian: apt-get install ffmpeg), or name its directory in EDGEREEL_FFMPEG_DIR"
)]
pub struct ToolsError {
    program: &'static str,
    #[source]
    source: std::io::Error,
}

/// Encoders that every source needs.
const NEEDED_ENCODERS: [&str; 3] = ["libx264", "aac", "mjpeg"];

/// The encoder of animated previews. Without it, nothing else is missing.
pub(crate) const PREVIEW_ENCODER: &str = "libwebp_anim";

/// Muxers and bitstream filters that every source needs, with the option that lists them.
const NEEDED: [(&str, &str, &[&str]); 2] = [
    ("muxer", "-muxers", &["mpegts", "segment", "image2"]),
    (
        "bitstream filter",
        "-bsfs",
        &["noise", "h264_mp4toannexb", "h264_metadata"],
    ),
];

/// Filters that every source needs. Those for special sources are checked when such a source
/// arrives: see [`Tools::deinterlacer`] and [`Tools::tone_maps`].
const NEEDED_FILTERS: [&str; 9] = [
    "scale",
    "fps",
    "tpad",
    "trim",
    "pad",
    "tile",
    "aresample",
    "apad",
    "atrim",
];

impl Tools {
    /// Locates both programs: in `directory` if there is one, else on the path. Without a launcher,
    /// they run unconfined.
    ///
    /// # Errors
    /// If one of them is missing or does not run.
    pub fn find(directory: Option<&Path>, launcher: Option<Launcher>) -> Result<Self, ToolsError> {
        let path = |name: &'static str| {
            let path = directory.map_or_else(|| PathBuf::from(name), |it| it.join(name));
            confine::find_program(&path).ok_or_else(|| ToolsError {
                program: name,
                source: std::io::ErrorKind::NotFound.into(),
            })
        };
        Self::at(path("ffmpeg")?, path("ffprobe")?, launcher)
    }

    /// Checks that two programs exist and run.
    ///
    /// # Errors
    /// If one of them does not run, or not when it is confined.
    pub fn at(
        ffmpeg: PathBuf,
        ffprobe: PathBuf,
        launcher: Option<Launcher>,
    ) -> Result<Self, ToolsError> {
        let mut libraries = Libraries::default();
        if launcher.is_some() {
            for (program, path) in [("ffmpeg", &ffmpeg), ("ffprobe", &ffprobe)] {
                let found = confine::libraries(path, &ENVIRONMENT);
                let found = found.map_err(|source| ToolsError { program, source })?;
                libraries.directories.extend(found.directories);
                libraries.execute.extend(found.execute);
            }
            for paths in [&mut libraries.directories, &mut libraries.execute] {
                paths.sort();
                paths.dedup();
            }
        }
        let libraries = Arc::new(libraries);
        let mut tools = Self {
            ffmpeg,
            ffprobe,
            version: String::new(),
            filters: Arc::default(),
            encoders: Arc::default(),
            launcher,
            libraries,
            hardware: HardwareSettings::default(),
        };
        let (version, ffprobe_version, filters, encoders) = std::thread::scope(|scope| {
            let ffprobe = scope.spawn(|| tools.ask("ffprobe", &["-version"]));
            let filters = scope.spawn(|| tools.names("-filters"));
            let encoders = scope.spawn(|| tools.names("-encoders"));
            (
                tools.ask("ffmpeg", &["-version"]),
                ffprobe.join(),
                filters.join(),
                encoders.join(),
            )
        });
        tools.version = first_line(&version?);
        if let Ok(Err(problem)) = ffprobe_version {
            return Err(problem);
        }
        tools.filters = Arc::new(filters.unwrap_or_else(|_| Ok(HashSet::new()))?);
        tools.encoders = Arc::new(encoders.unwrap_or_else(|_| Ok(HashSet::new()))?);
        Ok(tools)
    }

    /// The command that runs FFmpeg.
    pub(crate) fn ffmpeg(&self, arguments: &[String], needs: &Needs) -> std::process::Command {
        launcher::command(
            self.launcher.as_ref(),
            &self.ffmpeg,
            arguments,
            &self.libraries,
            needs,
        )
    }

    /// The command that runs ffprobe.
    pub(crate) fn ffprobe(&self, arguments: &[String], needs: &Needs) -> std::process::Command {
        launcher::command(
            self.launcher.as_ref(),
            &self.ffprobe,
            arguments,
            &self.libraries,
            needs,
        )
    }

    /// The output of one of the programs for these arguments.
    fn ask(&self, name: &'static str, arguments: &[&str]) -> Result<String, ToolsError> {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let needs = Needs::default();
        let mut command = if name == "ffmpeg" {
            self.ffmpeg(&arguments, &needs)
        } else {
            self.ffprobe(&arguments, &needs)
        };
        let output = command
            .stdin(Stdio::null())
            .output()
            .map_err(|source| ToolsError {
                program: name,
                source,
            })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next_back().unwrap_or_default();
            let source = std::io::Error::other(format!("it ended with {}: {said}", output.status));
            return Err(ToolsError {
                program: name,
                source,
            });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The words of one of FFmpeg's lists, the names of its entries among them.
    fn names(&self, option: &str) -> Result<HashSet<String>, ToolsError> {
        let list = self.ask("ffmpeg", &["-hide_banner", option])?;
        Ok(list.split_whitespace().map(str::to_owned).collect())
    }

    /// These tools, with such filters.
    #[cfg(test)]
    pub(crate) fn with_filters(mut self, names: &[&str]) -> Self {
        let names = names.iter().map(|it| (*it).to_owned());
        self.filters = Arc::new(names.collect());
        self
    }

    /// Tools without any filter or encoder.
    #[cfg(test)]
    pub(crate) fn bare() -> Self {
        let program = |name: &str| PathBuf::from(name);
        let (ffmpeg, ffprobe) = (program("ffmpeg"), program("ffprobe"));
        Self {
            ffmpeg,
            ffprobe,
            version: String::new(),
            filters: Arc::default(),
            encoders: Arc::default(),
            launcher: None,
            libraries: Arc::default(),
            hardware: HardwareSettings::default(),
        }
    }

    /// The deinterlacing filter, if there is one.
    pub fn deinterlacer(&self) -> Option<&'static str> {
        ["bwdif", "yadif"]
            .into_iter()
            .find(|it| self.filters.contains(*it))
    }

    /// The encoder of AV1 for this version.
    pub(crate) fn av1_library(&self) -> Av1Library {
        Av1Library::of_version(&self.version)
    }

    /// Whether HDR and wide gamut can be converted to SDR.
    pub fn tone_maps(&self) -> bool {
        self.filters.contains("lut3d")
    }

    /// Whether HDR can be kept.
    pub fn keeps_hdr(&self) -> bool {
        self.filters.contains(METADATA_FILTER)
    }

    /// The measure of quality that per-title encoding uses; `None`: neither is available.
    pub fn measure(&self) -> Option<Measure> {
        let measures = [("libvmaf", Measure::Vmaf), ("ssim", Measure::Ssim)];
        let available = measures.into_iter().find(|it| self.filters.contains(it.0));
        available.map(|it| it.1)
    }

    /// Whether animated previews can be made.
    pub fn makes_previews(&self) -> bool {
        self.encoders.contains(PREVIEW_ENCODER)
    }

    /// The kinds of sources that this FFmpeg cannot process, with the missing filters, as text.
    pub fn limits(&self) -> Vec<String> {
        let fields = self
            .deinterlacer()
            .is_none()
            .then(|| "interlaced video (no filter bwdif or yadif)".to_owned());
        let hdr = match (self.tone_maps(), self.keeps_hdr()) {
            (true, true) => None,
            (false, _) => Some("HDR video (no filter lut3d)".to_owned()),
            (true, false) => Some(format!("HDR video (no filter {METADATA_FILTER})")),
        };
        fields.into_iter().chain(hdr).collect()
    }

    /// The missing capabilities, as text; empty: none. Starts FFmpeg two times, in parallel.
    pub fn missing_capabilities(&self) -> Result<Vec<String>, ToolsError> {
        let mut missing = missing_of("filter", &NEEDED_FILTERS, &self.filters);
        missing.extend(missing_of("encoder", &NEEDED_ENCODERS, &self.encoders));
        std::thread::scope(|scope| {
            let asked = NEEDED.map(|(kind, option, names)| {
                (kind, names, scope.spawn(move || self.names(option)))
            });
            for (kind, names, list) in asked {
                let Ok(list) = list.join() else { continue };
                missing.extend(missing_of(kind, names, &list?));
            }
            Ok(missing)
        })
    }
}

/// The names that are not in a list, with their kind.
fn missing_of(kind: &str, names: &[&str], list: &HashSet<String>) -> Vec<String> {
    names
        .iter()
        .filter(|it| !list.contains(**it))
        .map(|it| format!("{kind} {it}"))
        .collect()
}

fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(80)
        .collect()
}
