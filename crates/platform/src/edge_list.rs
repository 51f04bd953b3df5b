//! The edge's list of revocations and renewals: names with values, which expire.
//!
//! Implemented by `catalog::EdgeEntries` (a table) and `edge_server::MemoryList`; each must pass
//! [`conformance`]. The edge worker keeps the same list in Cloudflare's KV.

use std::sync::Arc;

use async_trait::async_trait;
use domain::playback::Entry;

/// The list could not be read or changed. The edge then refuses the request.
#[derive(Debug, thiserror::Error)]
#[error("could not access the edge's list")]
pub struct EdgeListError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Names with values and expiries. Times are Unix seconds, by the clock of the caller.
#[async_trait]
pub trait EdgeList: Send + Sync {
    /// Those of the names that are on the list, with their values.
    async fn find(
        &self,
        names: &[String],
        now: u64,
    ) -> Result<Vec<(String, String)>, EdgeListError>;

    /// Adds an entry; it replaces an earlier one of the same name.
    async fn store(&self, entry: &Entry, now: u64) -> Result<(), EdgeListError>;
}

/// A list that several parts of a program share.
pub type SharedEdgeList = Arc<dyn EdgeList>;

/// What every list does; `list` is empty at the start.
///
/// # Panics
/// If the list does not conform.
#[cfg(any(test, feature = "conformance"))]
pub async fn conformance(list: &dyn EdgeList) {
    let entry = |name: &str, value: &str| Entry {
        name: name.to_owned(),
        value: value.to_owned(),
        seconds: 60,
    };
    let names = ["video/a", "viewer/b", "session/c"].map(str::to_owned);
    let find = async |now| {
        let mut found = list.find(&names, now).await.expect("find");
        found.sort();
        found
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());

    assert_eq!(find(100).await, []);
    list.store(&entry("video/a", "1"), 100)
        .await
        .expect("store");
    assert_eq!(find(159).await, [pair("video/a", "1")]);
    assert_eq!(find(160).await, [], "an entry expires");
    list.store(&entry("video/a", "2"), 110)
        .await
        .expect("store");
    list.store(&entry("viewer/b", "1"), 150)
        .await
        .expect("store");
    let both = [pair("video/a", "2"), pair("viewer/b", "1")];
    assert_eq!(find(169).await, both, "a later entry replaces");
    assert_eq!(find(170).await, [pair("viewer/b", "1")]);
    assert_eq!(list.find(&[], 150).await.expect("find"), []);
    let many: Vec<_> = (0..50).map(|it| format!("video/{it}")).collect();
    assert_eq!(list.find(&many, 150).await.expect("find"), []);
}
