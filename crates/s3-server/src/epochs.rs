//! Defers the removal of files until no reader can be using them.
//!
//! A reader looks an object up and then opens its files one after the other; an overwrite in
//! between must not remove them. Each reader therefore holds the epoch in which it began, and files
//! that a commit made obsolete are removed when their epoch and every earlier one have no reader
//! left.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Held while reading; no file that was live when it was taken is removed before it is dropped.
pub(super) type Reading = Arc<Epoch>;

/// The current epoch.
pub(super) struct Epochs(Mutex<Arc<Epoch>>);

/// The time between two removals.
#[derive(Default)]
pub(super) struct Epoch {
    ended: OnceLock<End>,
}

/// The files that became obsolete when an epoch ended, and the next epoch. An epoch keeps its
/// successors alive, so that an early reader also protects files that were removed later.
struct End {
    garbage: Vec<PathBuf>,
    next: Arc<Epoch>,
}

impl Epochs {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Arc::default()))
    }

    /// Begins a read. Call it before looking up the object.
    pub(super) fn enter(&self) -> Reading {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Removes files as soon as no reader can need them; at once if there is no reader.
    pub(super) fn retire(&self, garbage: Vec<PathBuf>) {
        if garbage.is_empty() {
            return;
        }
        let next = Arc::<Epoch>::default();
        let ended = std::mem::replace(
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
            next.clone(),
        );
        let first = ended.ended.set(End { garbage, next }).is_ok();
        debug_assert!(
            first,
            "only the present epoch ends, and it has just been replaced"
        );
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        // A loop, not recursion: one slow reader may hold back thousands of epochs.
        let mut end = self.ended.take();
        while let Some(End { garbage, next }) = end {
            for path in garbage {
                if let Err(error) = std::fs::remove_file(&path) {
                    tracing::warn!(%error, path = %path.display(), "could not remove a superseded file");
                }
            }
            end = Arc::into_inner(next).and_then(|mut epoch| epoch.ended.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, name: &str) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, name).unwrap();
        path
    }

    #[test]
    fn without_readers_files_go_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "a");
        Epochs::new().retire(vec![path.clone()]);
        assert!(!path.exists());
    }

    #[test]
    fn an_early_reader_protects_all_that_is_removed_after_it_began() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (file(&folder, "a"), file(&folder, "b"));
        let epochs = Epochs::new();
        let early = epochs.enter();
        epochs.retire(vec![a.clone()]);
        let late = epochs.enter();
        epochs.retire(vec![b.clone()]);
        drop(late);
        assert!(a.exists() && b.exists());
        drop(early);
        assert!(!a.exists() && !b.exists());
    }

    #[test]
    fn a_late_reader_does_not_protect_what_went_before() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (file(&folder, "a"), file(&folder, "b"));
        let epochs = Epochs::new();
        let early = epochs.enter();
        epochs.retire(vec![a.clone()]);
        let late = epochs.enter();
        drop(early);
        assert!(!a.exists());
        epochs.retire(vec![b.clone()]);
        assert!(b.exists());
        drop(late);
        assert!(!b.exists());
    }

    #[test]
    fn a_hundred_thousand_epochs_do_not_overflow_the_stack() {
        let folder = tempfile::tempdir().unwrap();
        let epochs = Epochs::new();
        let reader = epochs.enter();
        let last = file(&folder, "last");
        for _ in 0..100_000 {
            epochs.retire(vec![folder.path().join("missing")]);
        }
        epochs.retire(vec![last.clone()]);
        drop(reader);
        assert!(!last.exists());
    }
}
