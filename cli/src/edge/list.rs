//! The list of what was revoked and renewed, in memory: what a namespace of KV is to the edge worker.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::playback::Entry;

/// Names with values, each for a while. They end with the process.
#[derive(Debug, Default)]
pub struct MemoryList {
    entries: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    value: String,
    /// Unix seconds.
    until: u64,
}

impl MemoryList {
    /// The value of a name, if it is on the list; `now` in Unix seconds.
    pub fn find(&self, name: &str, now: u64) -> Option<String> {
        self.lock().get(name).filter(|it| now < it.until).map(|it| it.value.clone())
    }

    /// Puts an entry on the list, in the place of an earlier one of that name.
    pub fn store(&self, entry: Entry, now: u64) {
        let mut entries = self.lock();
        entries.retain(|_, it| now < it.until);
        entries.insert(entry.name, Kept { value: entry.value, until: now.saturating_add(entry.seconds) });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        // Every change is one call, so there is nothing half done to see.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_and_are_replaced() {
        let list = MemoryList::default();
        let entry = |value: &str| Entry { name: "a".to_owned(), value: value.to_owned(), seconds: 60 };
        list.store(entry("1"), 100);
        assert_eq!(list.find("a", 159).as_deref(), Some("1"));
        list.store(entry("2"), 110);
        assert_eq!(list.find("a", 169).as_deref(), Some("2"));
        assert_eq!((list.find("a", 170), list.find("b", 110)), (None, None));
        list.store(Entry { name: "b".to_owned(), value: "1".to_owned(), seconds: 60 }, 200);
        assert_eq!(list.lock().len(), 1, "what has ended is dropped");
    }
}
