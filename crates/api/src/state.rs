//! The state of the API, shared by all routes.

use std::sync::Arc;

use catalog::Catalog;
use catalog::accounts::Accounts;
use catalog::idempotency::Idempotency;
use catalog::shares::Shares;
use platform::job_queue::SharedQueue;
use platform::object_store::SharedStore;
use platform::object_store::uploads::UploadSigner;

use crate::auth::ApiToken;
use crate::config::ApiConfig;
use crate::edge_list::SharedEdgeList;
use crate::playback::Playback;
use crate::services::ingest::Ingest;
use crate::webhooks::Webhooks;

/// The state of the API. Clones share it.
#[derive(Clone)]
pub struct ApiState {
    /// Videos.
    pub catalog: Catalog,
    /// Queried for readiness.
    pub queue: SharedQueue,
    /// Turns sources that arrived into jobs.
    pub ingest: Ingest,
    /// Both buckets.
    pub store: SharedStore,
    /// The same store, to presign uploads.
    pub signer: Arc<dyn UploadSigner>,
    /// The installation token.
    pub token: Arc<ApiToken>,
    /// API keys.
    pub accounts: Accounts,
    /// Share links.
    pub shares: Shares,
    /// Requests with an `Idempotency-Key`.
    pub idempotency: Idempotency,
    /// Creates playback URLs.
    pub playback: Arc<Playback>,
    /// The revocation list of the edge.
    pub edge_list: SharedEdgeList,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// Limits and names.
    pub config: Arc<ApiConfig>,
}
