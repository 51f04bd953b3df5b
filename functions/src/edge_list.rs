//! Revocations, sent to the edge.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use domain::grant::Fingerprint;
use domain::ids::VideoId;
use domain::keyring::GrantKeys;
use domain::playback::revocation;

use crate::times::now_ms;

/// The edge's list of what was revoked.
#[async_trait]
pub trait EdgeList: Send + Sync {
    /// Ends everything that a viewer was given.
    ///
    /// # Errors
    /// If the edge did not take it.
    async fn revoke_viewer(&self, viewer: &str) -> anyhow::Result<()>;

    /// Ends everything that anybody was given for a video. Its objects are gone then; what the edge keeps in its cache is
    /// given to nobody any more.
    ///
    /// # Errors
    /// If the edge did not take it.
    async fn revoke_video(&self, video: VideoId) -> anyhow::Result<()>;
}

/// An [`EdgeList`] that is shared.
pub type SharedEdgeList = Arc<dyn EdgeList>;

/// The list of the edge at an address. A grant key signs the requests.
#[derive(Debug)]
pub struct HttpEdgeList {
    url: String,
    keys: GrantKeys,
    client: reqwest::Client,
}

/// How long the edge may take.
const TIMEOUT: Duration = Duration::from_secs(10);

impl HttpEdgeList {
    /// `edge`: where the edge is.
    pub fn new(edge: &str, keys: GrantKeys) -> Self {
        Self { url: format!("{}/revocations", edge.trim_end_matches('/')), keys, client: reqwest::Client::new() }
    }
}

#[async_trait]
impl EdgeList for HttpEdgeList {
    async fn revoke_viewer(&self, viewer: &str) -> anyhow::Result<()> {
        self.revoke(format!("viewer/{}", Fingerprint::of(viewer))).await
    }

    async fn revoke_video(&self, video: VideoId) -> anyhow::Result<()> {
        self.revoke(format!("video/{video}")).await
    }
}

impl HttpEdgeList {
    async fn revoke(&self, name: String) -> anyhow::Result<()> {
        let names = vec![name];
        let token = revocation(names, now_ms() / 1_000, &self.keys);
        let token = token.context("no grant key can sign: add an HS256 key to the grant keys")?;
        let request = self.client.post(&self.url).bearer_auth(token).timeout(TIMEOUT);
        let answer = request.send().await.context("cannot reach the edge")?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "the edge responded to a revocation with {status}");
        Ok(())
    }
}
