//! The edge as an HTTP server: executes the decisions of `domain::playback`, over an object store.
//!
//! The edge worker executes the same decisions on Cloudflare. Neither program contains a rule.
//! Segments and images are streamed. Playlists and wrapped keys are small, so they are read whole.

mod list;
mod request;
mod response;
mod views;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use domain::content_key::KeyEncryptionKeys;
use domain::keyring::Keyring;
use domain::object_key::ObjectKey;
use domain::playback::{
    self, Config, EdgeAction, Lookup, MAX_PLAYLIST_BYTES, MAX_WRAPPED_KEY_BYTES, MasterPlan,
    MediaPlan, ObjectResponse, Refusal, ServePlan,
};
use futures::TryStreamExt as _;
use platform::edge_list::{EdgeListError, SharedEdgeList};
use platform::object_store::{ETag, ObjectBody, SharedStore, StoreError};
use tower_http::compression::CompressionLayer;

use request::EdgeRequest;
use response::EdgeResponse;

pub use list::{CachedList, MemoryList};
pub use request::TrustedProxy;
pub use views::Views;

/// The store, keys and settings of an edge.
pub struct Edge {
    /// The store of both buckets.
    pub store: SharedStore,
    /// The keys that verify grants, and that sign and verify passes.
    pub keys: Keyring,
    /// The keys that wrap content keys.
    pub key_encryption_keys: KeyEncryptionKeys,
    /// Settings of the decisions.
    pub config: Config,
    /// The headers of a trusted proxy that state the client's address and country; `None`: the edge
    /// uses the address of the connection.
    pub proxy: Option<TrustedProxy>,
    /// The clock: returns Unix seconds.
    pub now: Box<dyn Fn() -> u64 + Send + Sync>,
    /// The list of revocations and renewals.
    pub list: SharedEdgeList,
    /// Counts views; `None`: this edge does not count them.
    pub views: Option<Arc<Views>>,
}

/// The system clock, Unix seconds.
pub fn system_time() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |it| it.as_secs())
}

/// A router with the playback routes only, to be merged with other routes.
///
/// Grants with a limit on addresses need the client's address: serve the router with
/// `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn routes(edge: Edge) -> Router {
    let edge = Arc::new(edge);
    let handler = any(handle);
    Router::new()
        .route("/v/{*rest}", handler.clone())
        .route("/s/{*rest}", handler.clone())
        .route("/k/{*rest}", handler.clone())
        .route("/revocations", handler)
        .layer(compression())
        .with_state(edge)
}

/// A router that handles every request, for an edge with a host name of its own.
pub fn router(edge: Edge) -> Router {
    Router::new()
        .fallback(handle)
        .layer(compression())
        .with_state(Arc::new(edge))
}

/// Selects the responses to compress.
type Compressible =
    fn(http::StatusCode, http::Version, &http::HeaderMap, &http::Extensions) -> bool;

/// Playlists shrink to a tenth (Apple HLS authoring specification, 10.1);
/// ciphertext and images do not.
fn compression() -> CompressionLayer<Compressible> {
    let is_playlist: Compressible = |status, _, headers, _| {
        let kind = headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|it| it.to_str().ok());
        status == http::StatusCode::OK && kind == Some("application/vnd.apple.mpegurl")
    };
    CompressionLayer::new().compress_when(is_playlist)
}

async fn handle(State(edge): State<Arc<Edge>>, request: HttpRequest) -> Response {
    // The edge reads no request bodies.
    let (parts, _) = request.into_parts();
    let request = EdgeRequest::new(&parts, edge.proxy.as_ref());
    let action = playback::decide(&request.playback(), (edge.now)(), &edge.keys, &edge.config);
    let observation = edge.observe(&action, &request);
    let refusal = match &action {
        EdgeAction::Refuse(refusal, _) => Some(*refusal),
        _ => None,
    };
    let (response, refusal) = match edge.carry_out(action, &request).await {
        Ok(response) => (response, refusal),
        Err(failed) => (edge.refused(&failed, &request), Some(failed.refusal)),
    };
    edge.count(observation, refusal, &request);
    response.into_response(request.is_head())
}

/// The reason why a decision could not be executed.
struct Failed {
    refusal: Refusal,
    /// `Content-Range` of the response if the range cannot be satisfied.
    content_range: Option<String>,
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            content_range: None,
        }
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        let refusal = match &error {
            StoreError::NotFound { .. } => Refusal::NotFound,
            StoreError::RangeNotSatisfiable { .. } => Refusal::Range,
            StoreError::ConditionFailed { .. }
            | StoreError::Refused { .. }
            | StoreError::Unavailable { .. } => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not read an object for a viewer"
                );
                Refusal::Unavailable
            }
        };
        refusal.into()
    }
}

impl From<EdgeListError> for Failed {
    /// If the look-up fails, the viewer gets nothing: a revocation would have no effect.
    fn from(error: EdgeListError) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "could not look up revocations for a viewer"
        );
        Refusal::Unavailable.into()
    }
}

impl Edge {
    /// The response if a decision could not be executed.
    fn refused(&self, failed: &Failed, request: &EdgeRequest<'_>) -> EdgeResponse {
        match playback::refuse(failed.refusal, &request.playback(), &self.config) {
            EdgeAction::Refuse(refusal, headers) => {
                let response = EdgeResponse::refused(refusal, &headers);
                match &failed.content_range {
                    Some(content_range) => response.header("content-range", content_range),
                    None => response,
                }
            }
            // `refuse` returns no other action.
            _ => EdgeResponse::new(500, &playback::Headers::default()),
        }
    }

    async fn carry_out(
        &self,
        action: EdgeAction,
        request: &EdgeRequest<'_>,
    ) -> Result<EdgeResponse, Failed> {
        let now = (self.now)();
        if let Some(lookup) = action.lookup() {
            self.judge(&lookup, now).await?;
        }
        match action {
            EdgeAction::Refuse(refusal, headers) => {
                tracing::debug!(code = refusal.code(), "refused a viewer");
                Ok(EdgeResponse::refused(refusal, &headers))
            }
            EdgeAction::Preflight(headers) => Ok(EdgeResponse::new(204, &headers)),
            EdgeAction::Serve(plan) => self.serve(&plan, request).await,
            EdgeAction::RewriteMaster(plan) => self.master(&plan).await,
            EdgeAction::RewriteMedia(plan) => self.media(&plan, request).await,
            EdgeAction::ReleaseKey(plan) => {
                let (_, document) = self
                    .read(&plan.object, MAX_WRAPPED_KEY_BYTES, Refusal::Key)
                    .await?;
                let key = plan.release(&document, &self.key_encryption_keys)?;
                Ok(EdgeResponse::new(200, &plan.headers).bytes(key.expose().to_vec()))
            }
            EdgeAction::Report(plan) => Ok(EdgeResponse::new(204, &plan.headers)),
            EdgeAction::Renew(plan) => {
                let response = EdgeResponse::new(200, &plan.headers).bytes(plan.body());
                self.list.store(&plan.entry, now).await?;
                Ok(response)
            }
            EdgeAction::Revoke(plan) => {
                for entry in &plan.entries {
                    self.list.store(entry, now).await?;
                }
                Ok(EdgeResponse::new(204, &plan.headers))
            }
        }
    }

    async fn judge(&self, lookup: &Lookup, now: u64) -> Result<(), Failed> {
        let names: Vec<_> = lookup
            .revocations
            .iter()
            .chain(&lookup.renewal)
            .cloned()
            .collect();
        let found = self.list.find(&names, now).await?;
        let value = |name: &str| found.iter().find(|it| it.0 == name).map(|it| it.1.clone());
        Ok(lookup.judge(now, value)?)
    }

    async fn master(&self, plan: &MasterPlan) -> Result<EdgeResponse, Failed> {
        let (_, text) = self.playlist(&plan.object).await?;
        let text = plan.rewrite(&text, &self.keys.passes)?;
        Ok(EdgeResponse::new(200, &plan.headers).bytes(text))
    }

    async fn media(
        &self,
        plan: &MediaPlan,
        request: &EdgeRequest<'_>,
    ) -> Result<EdgeResponse, Failed> {
        let (stored, text) = self.playlist(&plan.object).await?;
        let tag = plan.etag(&stored.0, &self.keys.passes);
        if request.conditions().not_modified(&tag) {
            return Ok(EdgeResponse::new(304, &plan.headers).header("etag", &tag));
        }
        let text = plan.rewrite(&text, &self.keys.passes)?;
        Ok(EdgeResponse::new(200, &plan.headers)
            .header("etag", &tag)
            .bytes(text))
    }

    async fn serve(
        &self,
        plan: &ServePlan,
        request: &EdgeRequest<'_>,
    ) -> Result<EdgeResponse, Failed> {
        let conditions = request.conditions();
        let (meta, stream) = if conditions.need_size() {
            (self.store.head(&plan.object).await?, None)
        } else {
            let body = self.store.get(&plan.object, None, None).await?;
            (body.meta, Some(body.stream))
        };
        let tag = quoted(&meta.etag);
        let response = |status| EdgeResponse::new(status, &plan.headers).header("etag", &tag);
        let content = match conditions.respond(meta.size, &tag) {
            ObjectResponse::NotModified => return Ok(response(304)),
            ObjectResponse::Unsatisfiable(content_range) => {
                return Err(Failed {
                    refusal: Refusal::Range,
                    content_range: Some(content_range),
                });
            }
            ObjectResponse::Content(content) => content,
        };
        let mut response = response(content.status);
        if let Some(content_range) = &content.content_range {
            response = response.header("content-range", content_range);
        }
        if conditions.is_head {
            return Ok(response.length(content.length));
        }
        let stream = match stream {
            Some(stream) => stream,
            None => {
                self.store
                    .get(&plan.object, content.range, Some(&meta.etag))
                    .await?
                    .stream
            }
        };
        Ok(response.stream(content.length, stream))
    }

    async fn playlist(&self, object: &ObjectKey) -> Result<(ETag, String), Failed> {
        let (tag, bytes) = self
            .read(object, MAX_PLAYLIST_BYTES, Refusal::Playlist)
            .await?;
        let text = String::from_utf8(bytes).map_err(|_| {
            tracing::error!(path = object.path(), "a stored playlist is not UTF-8");
            Refusal::Playlist
        })?;
        Ok((tag, text))
    }

    /// Reads a small object completely.
    async fn read(
        &self,
        object: &ObjectKey,
        limit: u64,
        too_long: Refusal,
    ) -> Result<(ETag, Vec<u8>), Failed> {
        let ObjectBody { meta, stream } = self.store.get(object, None, None).await?;
        if meta.size > limit {
            tracing::error!(
                path = object.path(),
                size = meta.size,
                "a stored object is larger than it can be"
            );
            return Err(too_long.into());
        }
        let append = async |mut all: Vec<u8>, chunk: Bytes| {
            all.extend_from_slice(&chunk);
            Ok(all)
        };
        let bytes = stream
            .try_fold(Vec::with_capacity(meta.size as usize), append)
            .await?;
        Ok((meta.etag, bytes))
    }
}

fn quoted(tag: &ETag) -> String {
    format!("\"{}\"", tag.0)
}

#[cfg(test)]
mod tests;
