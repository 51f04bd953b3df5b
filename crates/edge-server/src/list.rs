//! The list of revocations and renewals. The edge worker keeps the same list in Cloudflare's KV.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::playback::Entry;
use serde::{Deserialize, Serialize};

/// Names with values and expiries, in memory. Without a file, they are lost when the process ends.
#[derive(Debug, Default)]
pub struct EdgeList {
    entries: Mutex<Entries>,
    file: Option<PathBuf>,
}

type Entries = HashMap<String, ListEntry>;

#[derive(Debug, Serialize, Deserialize)]
struct ListEntry {
    value: String,
    /// Unix seconds.
    until: u64,
}

impl EdgeList {
    /// The list in a file, which may not exist yet. Revocations survive a restart.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn open(file: PathBuf) -> io::Result<Self> {
        let entries = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Entries::new(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            entries: Mutex::new(entries),
            file: Some(file),
        })
    }

    /// The value of a name, if it is on the list; `now` in Unix seconds.
    pub fn find(&self, name: &str, now: u64) -> Option<String> {
        self.lock()
            .get(name)
            .filter(|it| now < it.until)
            .map(|it| it.value.clone())
    }

    /// Adds an entry to the list; it replaces an earlier one of the same name.
    pub fn store(&self, entry: Entry, now: u64) {
        let mut entries = self.lock();
        entries.retain(|_, it| now < it.until);
        entries.insert(
            entry.name,
            ListEntry {
                value: entry.value,
                until: now.saturating_add(entry.seconds),
            },
        );
        if let Some(file) = &self.file
            && let Err(error) = write(file, &entries)
        {
            tracing::error!(%error, "cannot store the edge's revocations: they will be lost at the next start");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Every change is one call, so a panic cannot leave a partial change.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replaces the file in one step: a crash leaves the old one or the new one.
fn write(file: &Path, entries: &Entries) -> io::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    new.write_all(&serde_json::to_vec(entries)?)?;
    new.as_file().sync_data()?;
    new.persist(file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_and_are_replaced() {
        let list = EdgeList::default();
        let entry = |value: &str| Entry {
            name: "a".to_owned(),
            value: value.to_owned(),
            seconds: 60,
        };
        list.store(entry("1"), 100);
        assert_eq!(list.find("a", 159).as_deref(), Some("1"));
        list.store(entry("2"), 110);
        assert_eq!(list.find("a", 169).as_deref(), Some("2"));
        assert_eq!((list.find("a", 170), list.find("b", 110)), (None, None));
        list.store(
            Entry {
                name: "b".to_owned(),
                value: "1".to_owned(),
                seconds: 60,
            },
            200,
        );
        assert_eq!(list.lock().len(), 1, "what has ended is dropped");
    }

    #[test]
    fn what_is_in_a_file_outlives_the_process() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("list.json");
        let list = EdgeList::open(file.clone()).unwrap();
        for name in ["video/a", "viewer/b"] {
            list.store(
                Entry {
                    name: name.to_owned(),
                    value: "1".to_owned(),
                    seconds: 60,
                },
                100,
            );
        }
        let again = EdgeList::open(file.clone()).unwrap();
        assert_eq!(
            (again.find("video/a", 159), again.find("viewer/b", 160)),
            (Some("1".to_owned()), None)
        );
        std::fs::write(&file, "{").unwrap();
        assert!(
            EdgeList::open(file).is_err(),
            "never an empty list in the place of a damaged one"
        );
    }
}
