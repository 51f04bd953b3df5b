//! The revocation list of an edge at a URL. A grant key signs the requests.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use domain::keyring::GrantKeys;
use domain::playback::revocation;
use platform::clock;

use super::Revocations;

/// Timeout of a request to the edge.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct EdgeOverHttp {
    url: String,
    keys: GrantKeys,
    client: reqwest::Client,
}

impl EdgeOverHttp {
    /// `edge`: URL of the edge.
    pub(super) fn new(edge: &str, keys: GrantKeys) -> Self {
        Self {
            url: format!("{}/revocations", edge.trim_end_matches('/')),
            keys,
            client: reqwest::Client::new(),
        }
    }
}

#[async_trait]
impl Revocations for EdgeOverHttp {
    async fn revoke(&self, names: &[String], seconds: u64) -> anyhow::Result<()> {
        let token = revocation(names.to_vec(), seconds, clock::now().as_secs(), &self.keys);
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
