//! The shared test sources: `make.py` generates them, `look.py` measures their content and that of
//! the outputs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::media::{ffmpeg, shared, try_ffmpeg};
use crate::program::text;

/// The directory of test sources, and the files generated from it.
pub struct Sources {
    scripts: PathBuf,
    /// Directory of the generated files.
    pub made: PathBuf,
}

impl Sources {
    /// Generates the files below `folder`, unless this version of `make.py` has generated them
    /// already. `None`, with a note, if the test sources are not beside the checkout.
    ///
    /// # Panics
    /// If generating fails.
    pub async fn make(folder: &Path) -> Option<Self> {
        let Some(scripts) = shared("cases/sources") else {
            testkit::skipped("the shared cases of sources are not beside the checkout");
            return None;
        };
        std::fs::create_dir_all(folder).expect("directories can be created");
        // Tests may run in separate processes: one generates the files, the others wait.
        let lock = File::create(folder.join("sources.lock")).expect("files can be created");
        let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
            .await
            .expect("no panic");
        let _lock = lock.expect("files can be locked");
        let (made, listed) = (folder.join("sources"), folder.join("sources.py"));
        let script = std::fs::read(scripts.join("make.py")).expect("make.py is there");
        if std::fs::read(&listed).is_ok_and(|it| it == script) {
            return Some(Self { scripts, made });
        }
        let _ = std::fs::remove_file(&listed);
        let _ = std::fs::remove_dir_all(&made);
        let mut python = Command::new("python3");
        python
            .arg(scripts.join("make.py"))
            .arg(&made)
            .stdin(Stdio::null());
        let output = python
            .output()
            .await
            .expect("the shared cases need python3");
        assert!(
            output.status.success(),
            "make.py: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        std::fs::write(&listed, script).expect("files can be written");
        Some(Self { scripts, made })
    }

    /// The measurements of `look.py` for a file or playlist.
    ///
    /// # Panics
    /// If it fails.
    pub async fn look(&self, target: &Path) -> Value {
        let mut python = Command::new("python3");
        // Otherwise bytecode would be written beside the shared scripts.
        python
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(self.scripts.join("look.py"))
            .arg(target)
            .stdin(Stdio::null());
        let output = python
            .output()
            .await
            .expect("the shared cases need python3");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "look.py {}: {complaint}",
            target.display()
        );
        serde_json::from_slice(&output.stdout).expect("look.py prints JSON")
    }

    /// The number of distinct frames after a filter.
    ///
    /// # Panics
    /// If the filter cannot be applied.
    pub async fn distinct(&self, target: &Path, filter: &str, temporary: &Path) -> u64 {
        let view = temporary.join("view.mkv");
        let (target, shown) = (text(target), text(&view));
        let mut arguments = vec![
            "-allowed_extensions",
            "ALL",
            "-i",
            &target,
            "-an",
            "-vf",
            filter,
        ];
        arguments.extend([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-qp",
            "10",
            "-pix_fmt",
            "yuv420p",
            &shown,
        ]);
        ffmpeg(&arguments);
        let found = self.look(&view).await["distinct"].as_u64();
        std::fs::remove_file(&view).expect("it was just made");
        found.unwrap_or(0)
    }
}

/// The similarity (PSNR, decibels) of two moving videos: a playlist or file and a lavfi source, both
/// scaled to `size`.
///
/// # Panics
/// If they cannot be compared.
pub fn likeness(target: &Path, source: &str, size: (u32, u32)) -> f64 {
    let (width, height) = size;
    let chain = |input: u32, name: &str| {
        format!("[{input}:v]scale={width}:{height},format=gray,setpts=N/30/TB[{name}];")
    };
    let graph = format!("{}{}[a][b]psnr=shortest=1", chain(0, "a"), chain(1, "b"));
    let target = text(target);
    let mut arguments = vec!["-loglevel", "info"];
    if target.ends_with(".m3u8") {
        arguments.extend(["-allowed_extensions", "ALL"]);
    }
    arguments.extend(["-i", &target, "-f", "lavfi", "-i", source]);
    arguments.extend(["-lavfi", &graph, "-f", "null", "-"]);
    let log = String::from_utf8_lossy(&try_ffmpeg(&arguments).stderr).into_owned();
    let average = log
        .rsplit_once("average:")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    average.unwrap_or_else(|| panic!("{target} cannot be compared: {log}"))
}
