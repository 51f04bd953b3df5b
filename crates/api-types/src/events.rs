//! Events of the private bucket.

use serde::{Deserialize, Serialize};

/// A notification of R2 or S3 as the store sends it, or a job from the edge worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Object))]
#[serde(transparent)]
pub struct BucketEvent(pub serde_json::Map<String, serde_json::Value>);

/// The effect of an event.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventResult {
    /// Number of jobs that were queued.
    pub queued: u32,
    /// Number of sources that were known already, or that need no job now.
    pub known: u32,
    /// Why the other records were skipped, one message each.
    pub ignored: Vec<String>,
}
