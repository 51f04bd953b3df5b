//! Adds revocations to the edge's list, wherever the edge keeps it.

mod edge;
mod workers_kv;

use std::sync::Arc;

use async_trait::async_trait;
use config::EdgeListPlace;
use domain::grant::Fingerprint;
use domain::ids::VideoId;
use domain::keyring::GrantKeys;
use domain::playback::Entry;
use platform::clock;
use platform::edge_list::SharedEdgeList;

use edge::EdgeOverHttp;
use workers_kv::WorkersKv;

/// How long a revocation stays on the list, seconds: longer than any grant of the API lives.
pub const REVOCATION_SECONDS: u64 = 8 * 24 * 60 * 60;

/// The revocation list of the edge.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Adds names to the list, for this number of seconds.
    ///
    /// # Errors
    /// If the list cannot be reached, or does not accept the names.
    async fn revoke(&self, names: &[String], seconds: u64) -> anyhow::Result<()>;
}

/// [`Revocations`] that are shared.
pub type SharedRevocations = Arc<dyn Revocations>;

/// The name of all grants of a viewer.
pub fn viewer(viewer: &str) -> String {
    format!("viewer/{}", Fingerprint::of(viewer))
}

/// The name of a session, by its `jti`, or by a grant without `jti` up to its second dot.
pub fn session(session: &str) -> String {
    format!("session/{}", Fingerprint::of(session))
}

/// The name of all grants for a video. Also after its deletion: the edge may have its objects in a cache.
pub fn video(video: VideoId) -> String {
    format!("video/{video}")
}

/// The list that the settings name. `edge`: URL of the edge; `keys`: sign requests to it; `own`: the list in the
/// database.
pub(crate) fn configured(
    place: EdgeListPlace,
    edge: &str,
    keys: GrantKeys,
    own: SharedEdgeList,
) -> SharedRevocations {
    match place {
        EdgeListPlace::Edge => Arc::new(EdgeOverHttp::new(edge, keys)),
        EdgeListPlace::Database => Arc::new(OwnList(own)),
        EdgeListPlace::WorkersKv(namespace) => Arc::new(WorkersKv::new(namespace)),
    }
}

/// A list that this process can write itself: that in the database.
pub struct OwnList(pub SharedEdgeList);

#[async_trait]
impl Revocations for OwnList {
    async fn revoke(&self, names: &[String], seconds: u64) -> anyhow::Result<()> {
        let now = clock::now().as_secs();
        for name in names {
            let entry = Entry {
                name: name.clone(),
                value: "1".to_owned(),
                seconds,
            };
            self.0.store(&entry, now).await?;
        }
        Ok(())
    }
}
