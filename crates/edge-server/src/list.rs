//! Lists of revocations and renewals: one in memory, and a cache in front of another list.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::playback::Entry;
use platform::edge_list::{EdgeList, EdgeListError, SharedEdgeList};

/// Names with values and expiries, in memory; they are lost when the process ends.
#[derive(Debug, Default)]
pub struct MemoryList(Mutex<HashMap<String, MemoryEntry>>);

#[derive(Debug)]
struct MemoryEntry {
    value: String,
    /// Unix seconds.
    until: u64,
}

#[async_trait]
impl EdgeList for MemoryList {
    async fn find(
        &self,
        names: &[String],
        now: u64,
    ) -> Result<Vec<(String, String)>, EdgeListError> {
        let entries = lock(&self.0);
        let value = |name: &String| {
            let entry = entries.get(name).filter(|it| now < it.until)?;
            Some((name.clone(), entry.value.clone()))
        };
        Ok(names.iter().filter_map(value).collect())
    }

    async fn store(&self, entry: &Entry, now: u64) -> Result<(), EdgeListError> {
        let mut entries = lock(&self.0);
        entries.retain(|_, it| now < it.until);
        let (value, until) = (entry.value.clone(), now.saturating_add(entry.seconds));
        entries.insert(entry.name.clone(), MemoryEntry { value, until });
        Ok(())
    }
}

/// How long a [`CachedList`] answers from memory, seconds. KV needs at least ten times as long.
const REMEMBERED_SECONDS: u64 = 3;
/// Maximum number of remembered names; each has about 100 bytes.
const MOST_NAMES: usize = 100_000;

/// Remembers for three seconds whether a name is on a list, so that a player's requests do not all
/// reach the database. A change by this process applies at once, a change by another one after
/// three seconds at most.
pub struct CachedList {
    list: SharedEdgeList,
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    /// `None`: not on the list.
    value: Option<String>,
    /// Unix seconds.
    read: u64,
}

impl CachedList {
    /// A cache in front of a list.
    pub fn new(list: SharedEdgeList) -> Self {
        Self {
            list,
            known: Mutex::default(),
        }
    }

    /// Splits names into those with a remembered value and those to read.
    fn split(&self, names: &[String], now: u64) -> (Vec<(String, String)>, Vec<String>) {
        let known = lock(&self.known);
        let (mut found, mut unknown) = (vec![], vec![]);
        for name in names {
            match known.get(name).filter(|it| is_fresh(it, now)) {
                Some(it) => found.extend(it.value.clone().map(|value| (name.clone(), value))),
                None => unknown.push(name.clone()),
            }
        }
        (found, unknown)
    }
}

/// Also if the clock was set back.
fn is_fresh(known: &Known, now: u64) -> bool {
    (known.read..known.read.saturating_add(REMEMBERED_SECONDS)).contains(&now)
}

#[async_trait]
impl EdgeList for CachedList {
    async fn find(
        &self,
        names: &[String],
        now: u64,
    ) -> Result<Vec<(String, String)>, EdgeListError> {
        let (mut found, unknown) = self.split(names, now);
        if unknown.is_empty() {
            return Ok(found);
        }
        let read = self.list.find(&unknown, now).await?;
        let mut known = lock(&self.known);
        if known.len() + unknown.len() > MOST_NAMES {
            known.retain(|_, it| is_fresh(it, now));
        }
        if known.len() + unknown.len() <= MOST_NAMES {
            for name in unknown {
                let value = read.iter().find(|it| it.0 == name).map(|it| it.1.clone());
                known.insert(name, Known { value, read: now });
            }
        }
        found.extend(read);
        Ok(found)
    }

    async fn store(&self, entry: &Entry, now: u64) -> Result<(), EdgeListError> {
        self.list.store(entry, now).await?;
        lock(&self.known).remove(&entry.name);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one call, so a panic cannot leave a partial change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn entry(name: &str) -> Entry {
        Entry {
            name: name.to_owned(),
            value: "1".to_owned(),
            seconds: 60,
        }
    }

    #[tokio::test]
    async fn the_list_in_memory_conforms() {
        let list = MemoryList::default();
        platform::edge_list::conformance(&list).await;
        list.store(&entry("video/c"), 1_000).await.unwrap();
        assert_eq!(lock(&list.0).len(), 1, "expired entries are removed");
    }

    #[tokio::test]
    async fn changes_of_other_processes_apply_after_three_seconds() {
        let list: SharedEdgeList = Arc::new(MemoryList::default());
        let cached = CachedList::new(list.clone());
        let names = ["video/a".to_owned(), "video/b".to_owned()];
        let found = async |now| cached.find(&names, now).await.unwrap().len();
        assert_eq!(found(100).await, 0);
        list.store(&entry("video/a"), 100).await.unwrap();
        assert_eq!((found(102).await, found(103).await), (0, 1));
        cached.store(&entry("video/b"), 103).await.unwrap();
        assert_eq!(
            found(103).await,
            2,
            "a change by this process applies at once"
        );
        // The remembered value outlives its entry by three seconds at most.
        assert_eq!((found(162).await, found(165).await), (1, 0));
    }

    #[tokio::test]
    async fn the_memory_of_the_cache_is_limited() {
        let cached = CachedList::new(Arc::new(MemoryList::default()));
        for round in 0..3 {
            let names: Vec<_> = (0..MOST_NAMES / 2 + 1)
                .map(|it| format!("video/{round}-{it}"))
                .collect();
            cached.find(&names, 100).await.unwrap();
            assert!(lock(&cached.known).len() <= MOST_NAMES);
        }
        cached.find(&["video/x".to_owned()], 200).await.unwrap();
        assert!(lock(&cached.known).contains_key("video/x"));
    }
}
