//! Files as objects: temporary names, ETags, and the directory walk for listings.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use domain::time::UnixMillis;

use crate::object_store::{ETag, Entry};

/// Prefix of files that are not complete objects yet. No part of an object key begins with a dot.
const TEMPORARY: &str = ".edgereel-";

/// A unique temporary name beside `path`.
pub(super) fn temporary_name(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!("{TEMPORARY}{}-{number}", std::process::id()))
}

/// The listing entry of a file. Its ETag is the write time (unique, see the writer) with the size:
/// hashing the content would cost as much as the work that the ETag guards.
pub(super) fn entry(path: String, file: &Metadata) -> io::Result<Entry> {
    if !file.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let since = file
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Entry {
        path,
        size: file.len(),
        etag: ETag(format!("{:x}-{:x}", since.as_nanos(), file.len())),
        modified_ms: UnixMillis::default() + since,
    })
}

/// All objects below `prefix` (which ends in `/`), in byte order of their paths.
pub(super) fn files(root: &Path, prefix: &str) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    walk(&root.join(prefix), prefix, &mut found)?;
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<Entry>) -> io::Result<()> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        // No object was ever stored there, or the directory has just been removed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for item in entries {
        let item = item?;
        // Keys are UTF-8; files with other names are not objects.
        let Ok(name) = item.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let kind = item.file_type()?;
        if kind.is_dir() {
            walk(&item.path(), &format!("{prefix}{name}/"), found)?;
        } else if kind.is_file() {
            match item.metadata() {
                Ok(file) => found.push(entry(format!("{prefix}{name}"), &file)?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
