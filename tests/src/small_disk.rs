//! A disk that is soon full: a file system in memory, where the machine lets a test mount one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Unmounted when dropped.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// One of so many MiB; `None`, and a line that says so, where nothing can be mounted.
    ///
    /// # Panics
    /// If no folder can be made.
    pub fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("temporary folders can be made");
        let size = format!("size={mib}m");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).stderr(Stdio::null());
        if !command.status().is_ok_and(|it| it.success()) {
            testkit::skipped("no file system can be mounted here");
            return None;
        }
        Some(Self { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes until it is full. Remove the file to have the space back.
    ///
    /// # Panics
    /// If it cannot be written for another reason.
    pub fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).expect("a file can be made");
        let mut block = 1 << 20;
        while block > 0 {
            match file.write(&vec![1; block]) {
                Ok(written) if written > 0 => {}
                Ok(_) => block /= 2,
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => block /= 2,
                Err(error) => panic!("{error}"),
            }
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}
