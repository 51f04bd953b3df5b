//! FFmpeg: where it is, what it can do, how it is asked, and how it is run.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

pub mod arguments;
pub mod probe;
pub mod process;
mod verdict;

pub use verdict::verdict;

/// The programs that do the work, found and looked at once, at the start.
#[derive(Debug, Clone)]
pub struct Tools {
    /// `ffmpeg`.
    pub ffmpeg: PathBuf,
    /// `ffprobe`.
    pub ffprobe: PathBuf,
    /// What `ffmpeg -version` calls itself.
    pub version: String,
    /// The filters that it has.
    filters: Arc<HashSet<String>>,
}

/// The whole environment of FFmpeg and ffprobe. Nothing of ours, which may hold credentials, reaches programs that parse
/// hostile files. Static builds crash when they load the character sets of the host (`GCONV_PATH`), which the names of
/// broadcast channels make them do.
pub(crate) const ENVIRONMENT: [(&str, &str); 3] =
    [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("GCONV_PATH", "/nonexistent")];

/// FFmpeg is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{program}` was not found or cannot be run: install FFmpeg (on Debian: apt-get install ffmpeg), or name its folder in EDGEREEL_FFMPEG_DIR"
)]
pub struct ToolsError {
    program: &'static str,
    #[source]
    source: std::io::Error,
}

/// Encoders, filters, muxers and bitstream filters that every source needs. What only some sources need is asked for when
/// one comes: see [`Tools::deinterlacer`] and [`Tools::tone_maps`].
const NEEDED: [(&str, &str, &[&str]); 4] = [
    ("encoder", "-encoders", &["libx264", "aac", "mjpeg"]),
    ("filter", "-filters", &["scale", "fps", "tpad", "trim", "pad", "tile", "aresample", "apad", "atrim"]),
    ("muxer", "-muxers", &["mpegts", "segment", "image2"]),
    ("bitstream filter", "-bsfs", &["noise", "h264_mp4toannexb", "h264_metadata"]),
];

impl Tools {
    /// Finds both programs: in `EDGEREEL_FFMPEG_DIR` if that is set, else on the path.
    pub fn find() -> Result<Self, ToolsError> {
        let folder = std::env::var_os("EDGEREEL_FFMPEG_DIR").map(PathBuf::from);
        let path = |name: &str| folder.as_ref().map_or_else(|| PathBuf::from(name), |it| it.join(name));
        Self::at(path("ffmpeg"), path("ffprobe"))
    }

    /// Looks at two programs: that they are there and run.
    pub fn at(ffmpeg: PathBuf, ffprobe: PathBuf) -> Result<Self, ToolsError> {
        let probing = std::thread::scope(|scope| {
            let ffprobe = scope.spawn(|| run(&ffprobe, "ffprobe", &["-version"]));
            let filters = scope.spawn(|| run(&ffmpeg, "ffmpeg", &["-hide_banner", "-filters"]));
            (run(&ffmpeg, "ffmpeg", &["-version"]), ffprobe.join(), filters.join())
        });
        let (version, ffprobe_version, filters) = probing;
        let version = first_line(&version?);
        if let Ok(Err(problem)) = ffprobe_version {
            return Err(problem);
        }
        let filters = filters.unwrap_or_else(|_| Ok(String::new()))?;
        let filters = Arc::new(filters.split_whitespace().map(str::to_owned).collect());
        Ok(Self { ffmpeg, ffprobe, version, filters })
    }

    /// Tools without any filter.
    #[cfg(test)]
    pub(crate) fn bare() -> Self {
        let program = |name: &str| PathBuf::from(name);
        Self { ffmpeg: program("ffmpeg"), ffprobe: program("ffprobe"), version: String::new(), filters: Arc::default() }
    }

    /// The filter that makes frames of fields, if there is one.
    pub fn deinterlacer(&self) -> Option<&'static str> {
        ["bwdif", "yadif"].into_iter().find(|it| self.filters.contains(*it))
    }

    /// Whether HDR and wide gamut can become SDR.
    pub fn tone_maps(&self) -> bool {
        self.filters.contains("lut3d")
    }

    /// What some sources need and this FFmpeg lacks, in words: of which sources, and what.
    pub fn limits(&self) -> Vec<String> {
        let fields = self.deinterlacer().is_none().then(|| "interlaced video (no filter bwdif or yadif)".to_owned());
        let hdr = (!self.tone_maps()).then(|| "HDR video (no filter lut3d)".to_owned());
        fields.into_iter().chain(hdr).collect()
    }

    /// What this FFmpeg lacks, in words; empty: nothing. Starts it four times, side by side.
    pub fn missing_capabilities(&self) -> Result<Vec<String>, ToolsError> {
        let list = |option| run(&self.ffmpeg, "ffmpeg", &["-hide_banner", option]);
        std::thread::scope(|scope| {
            let asked = NEEDED.map(|(kind, option, names)| (kind, names, scope.spawn(move || list(option))));
            let mut missing = vec![];
            for (kind, names, list) in asked {
                let Ok(list) = list.join() else { continue };
                let list = list?;
                let has = |name: &str| list.split_whitespace().any(|word| word == name);
                missing.extend(names.iter().filter(|it| !has(it)).map(|it| format!("{kind} {it}")));
            }
            Ok(missing)
        })
    }
}

fn run(program: &Path, name: &'static str, arguments: &[&str]) -> Result<String, ToolsError> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|source| ToolsError { program: name, source })?;
    if !output.status.success() {
        let source = std::io::Error::other(format!("it ended with {}", output.status));
        return Err(ToolsError { program: name, source });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(80).collect()
}
