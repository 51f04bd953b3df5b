//! What the routes share.

use std::sync::Arc;

use platform::accounts::SharedAccounts;
use platform::catalog::SharedCatalog;
use platform::idempotency::SharedIdempotency;
use platform::job_queue::SharedQueue;
use platform::object_store::SharedStore;
use platform::object_store::uploads::UploadSigner;
use platform::shares::SharedShares;

use crate::auth::ApiToken;
use crate::config::ApiConfig;
use crate::edge_list::SharedEdgeList;
use crate::ingest::Ingest;
use crate::playback::Playback;
use crate::webhooks::Webhooks;

/// Everything behind the API. Clones share it.
#[derive(Clone)]
pub struct ApiState {
    /// Videos.
    pub catalog: SharedCatalog,
    /// Looked at for readiness.
    pub queue: SharedQueue,
    /// Turns sources that arrived into jobs.
    pub ingest: Ingest,
    /// Both buckets.
    pub store: SharedStore,
    /// The same store, for uploads past the API.
    pub signer: Arc<dyn UploadSigner>,
    /// Opens the API, for the operator.
    pub token: Arc<ApiToken>,
    /// API keys.
    pub accounts: SharedAccounts,
    /// Links that play without an account.
    pub shares: SharedShares,
    /// Requests that came with a key.
    pub idempotency: SharedIdempotency,
    /// Gives out what plays.
    pub playback: Arc<Playback>,
    /// What the edge refuses although it was given out.
    pub edge_list: SharedEdgeList,
    /// Tell others what happens.
    pub webhooks: Webhooks,
    /// Limits and names.
    pub config: Arc<ApiConfig>,
}
