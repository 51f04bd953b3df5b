//! Sends revocations to the edge.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use domain::grant::Fingerprint;
use domain::ids::VideoId;
use domain::keyring::GrantKeys;
use domain::playback::revocation;
use platform::clock;

/// The revocation list of the edge.
#[async_trait]
pub trait EdgeList: Send + Sync {
    /// Revokes all grants of a viewer.
    ///
    /// # Errors
    /// If the edge does not accept it.
    async fn revoke_viewer(&self, viewer: &str) -> anyhow::Result<()>;

    /// Revokes all grants for a video, so that the edge no longer serves its objects from the cache after they are
    /// deleted in the store.
    ///
    /// # Errors
    /// If the edge does not accept it.
    async fn revoke_video(&self, video: VideoId) -> anyhow::Result<()>;
}

/// An [`EdgeList`] that is shared.
pub type SharedEdgeList = Arc<dyn EdgeList>;

/// The revocation list of an edge at a URL. A grant key signs the requests.
#[derive(Debug)]
pub struct HttpEdgeList {
    url: String,
    keys: GrantKeys,
    client: reqwest::Client,
}

/// Timeout of a request to the edge.
const TIMEOUT: Duration = Duration::from_secs(10);

impl HttpEdgeList {
    /// `edge`: URL of the edge.
    pub fn new(edge: &str, keys: GrantKeys) -> Self {
        Self {
            url: format!("{}/revocations", edge.trim_end_matches('/')),
            keys,
            client: reqwest::Client::new(),
        }
    }
}

#[async_trait]
impl EdgeList for HttpEdgeList {
    async fn revoke_viewer(&self, viewer: &str) -> anyhow::Result<()> {
        self.revoke(format!("viewer/{}", Fingerprint::of(viewer)))
            .await
    }

    async fn revoke_video(&self, video: VideoId) -> anyhow::Result<()> {
        self.revoke(format!("video/{video}")).await
    }
}

impl HttpEdgeList {
    async fn revoke(&self, name: String) -> anyhow::Result<()> {
        let names = vec![name];
        let token = revocation(names, clock::now().as_secs(), &self.keys);
        let token = token.context("no grant key can sign: add an HS256 key to the grant keys")?;
        let request = self
            .client
            .post(&self.url)
            .bearer_auth(token)
            .timeout(TIMEOUT);
        let answer = request.send().await.context("cannot reach the edge")?;
        let status = answer.status();
        anyhow::ensure!(
            status.is_success(),
            "the edge responded to a revocation with {status}"
        );
        Ok(())
    }
}
