//! A small disk: a file system in memory, if the machine allows a test to mount one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A mounted file system. Unmounted when dropped.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// A disk of `mib` MiB; `None`, and a note, if it cannot be mounted.
    ///
    /// # Panics
    /// If no directory can be made.
    pub fn mount(mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("temporary directories can be created");
        let size = format!("size={mib}m");
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null());
        if !command.status().is_ok_and(|it| it.success()) {
            testkit::skipped("no file system can be mounted here");
            return None;
        }
        Some(Self { folder })
    }

    /// Its mount point.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes until it is full. Remove the file to free the space.
    ///
    /// # Panics
    /// If writing fails for another reason.
    pub fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).expect("a file can be created");
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
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.folder.path())
            .status();
    }
}
