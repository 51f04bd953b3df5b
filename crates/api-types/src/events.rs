//! Events of the private bucket.

use serde::{Deserialize, Serialize};

/// A notification of R2 or S3 as the store sends it, or a job from the edge worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Object))]
#[serde(transparent)]
pub struct BucketEvent(pub serde_json::Map<String, serde_json::Value>);

/// One event, or a list of 1 to 100.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum BucketEvents {
    /// One event.
    One(BucketEvent),
    /// Several events, each with its own result.
    List(BucketEventList),
}

/// A list of 1 to 100 events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BucketEventList(pub Vec<BucketEvent>);

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for BucketEventList {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let event = utoipa::openapi::Ref::from_schema_name("BucketEvent");
        utoipa::openapi::schema::ArrayBuilder::new()
            .description(Some("1 to 100 events."))
            .items(event)
            .min_items(Some(1))
            .max_items(Some(100))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for BucketEventList {}

/// The effect of one event, or of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum BucketEventsResult {
    /// The body was one event.
    One(EventResult),
    /// The body was a list.
    List(EventResults),
}

/// The effect of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventResult {
    /// Number of jobs that were queued.
    pub queued: u32,
    /// Number of sources that were known already, or that need no job now.
    pub known: u32,
    /// Why the other records were skipped, one message each.
    pub ignored: Vec<String>,
}

/// The effect of a list of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventResults {
    /// One entry for each item, in the order of the list.
    pub results: Vec<EventItemResult>,
}

/// The effect of one item of a list: an item that failed has only an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum EventItemResult {
    /// The item was processed.
    Processed(EventResult),
    /// The item failed.
    Failed(FailedEvent),
}

/// An item that failed. Some of its records may have been processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailedEvent {
    pub error: EventError,
}

/// Why an item of a list failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventError {
    /// The kind of problem, as in a problem document.
    pub code: String,
    /// The explanation of this occurrence, for people.
    pub detail: String,
    /// Whether to send the item again later. False: it would fail again.
    pub retry: bool,
}
