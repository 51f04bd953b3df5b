//! The versions of FFmpeg with which the program is tested.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::{Answer, edgereel_run_with};

/// An FFmpeg for the program under test. The tests themselves always use the one on the path.
#[derive(Debug, Clone)]
pub struct FFmpeg {
    /// Version, for messages.
    pub name: &'static str,
    /// Directory of `ffmpeg` and `ffprobe`; `None`: on the path.
    pub folder: Option<PathBuf>,
}

impl FFmpeg {
    /// The FFmpeg on the path.
    pub fn on_path() -> Self {
        Self {
            name: "on the path",
            folder: None,
        }
    }

    /// An FFmpeg that `scripts/setup.sh --ffmpegs` installs. `None`, with a note, if it is missing.
    pub fn installed(version: &'static str) -> Option<Self> {
        let of_home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .filter(|it| !it.is_empty())
            .map(PathBuf::from);
        let folder = cache
            .or_else(of_home)
            .map(|it| it.join("edgereel/ffmpegs").join(version));
        let found = folder.filter(|it| it.join("ffmpeg").is_file() && it.join("ffprobe").is_file());
        if found.is_none() {
            testkit::missing(&format!("FFmpeg {version}"), "scripts/setup.sh --ffmpegs");
        }
        Some(Self {
            name: version,
            folder: Some(found?),
        })
    }

    /// The environment variables that make the program use it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let folder = self.folder.iter().map(|it| crate::program::text(it));
        folder
            .map(|it| ("EDGEREEL_FFMPEG_DIR".to_owned(), it))
            .collect()
    }

    /// Whether it has a component: `kind` is `decoders` or `filters`.
    ///
    /// # Panics
    /// If it does not start.
    pub fn has(&self, kind: &str, name: &str) -> bool {
        let program = self
            .folder
            .as_ref()
            .map_or_else(|| PathBuf::from("ffmpeg"), |it| it.join("ffmpeg"));
        let output = Command::new(program)
            .args(["-hide_banner", &format!("-{kind}")])
            .stdin(Stdio::null())
            .output();
        let list = output.expect("this FFmpeg starts").stdout;
        String::from_utf8_lossy(&list)
            .lines()
            .any(|it| it.split_whitespace().nth(1) == Some(name))
    }

    /// Runs the program with it, to its end.
    pub async fn edgereel(
        &self,
        arguments: &[&str],
        temporary: &std::path::Path,
        limit: Duration,
    ) -> Answer {
        edgereel_run_with(&self.environment(), arguments, temporary, limit).await
    }
}
