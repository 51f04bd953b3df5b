//! The records of webhooks.

use domain::ids::VideoId;
use domain::time::UnixMillis;
use domain::trace::StoredTrace;
use domain::webhook::{DeliveryId, EndpointId, EventId, EventType};
use serde::{Deserialize, Serialize};

/// The fields of a new endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Id, chosen by the caller, because secrets are sealed for it.
    pub id: EndpointId,
    /// Owner; `None`: it receives the events of every video of the installation.
    pub owner: Option<String>,
    /// Target URL.
    pub url: String,
    /// Subscribed event types; `None`: all that are on by default.
    pub types: Option<Vec<EventType>>,
    /// Description for people.
    pub description: Option<String>,
    /// Its first secret, sealed.
    pub sealed_secret: String,
}

/// A webhook endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Id of the endpoint.
    pub id: EndpointId,
    /// Owner; `None`: it receives the events of every video of the installation.
    pub owner: Option<String>,
    /// Target URL.
    pub url: String,
    /// Subscribed event types; `None`: all that are on by default.
    pub types: Option<Vec<EventType>>,
    /// Description for people.
    pub description: Option<String>,
    /// Signing secrets, the newest first; never empty.
    pub secrets: Vec<EndpointSecret>,
    /// When and why it was disabled; `None`: it is active.
    pub disabled: Option<(UnixMillis, DisabledReason)>,
    /// First failure after the last success.
    pub failing_since_ms: Option<UnixMillis>,
    /// End of the pause that the endpoint requested.
    pub paused_until_ms: UnixMillis,
    /// Creation time.
    pub created_ms: UnixMillis,
    /// Last change by its owner.
    pub updated_ms: UnixMillis,
}

impl Endpoint {
    /// Whether it subscribes to events of this type.
    pub fn wants(&self, kind: EventType) -> bool {
        wants(self.types.as_deref(), kind)
    }
}

pub(crate) fn wants(types: Option<&[EventType]>, kind: EventType) -> bool {
    types.map_or(kind.is_on_by_default(), |it| it.contains(&kind))
}

/// A signing secret in sealed form, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecret {
    /// The sealed secret.
    pub sealed: String,
    /// Expiry; `None` for the newest.
    pub until_ms: Option<UnixMillis>,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisabledReason {
    /// Its owner disabled it.
    Owner,
    /// It responded with 410 Gone.
    Gone,
    /// It failed for three days.
    Failing,
}

/// A change by an owner; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointPatch {
    /// New target URL.
    pub url: Option<String>,
    /// New event types; `Some(None)`: all that are on by default.
    pub types: Option<Option<Vec<EventType>>>,
    /// New description; `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// Whether it is enabled.
    pub active: Option<bool>,
}

/// Filter and page of an endpoint listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointFilter {
    /// Only endpoints of this owner.
    pub owner: Option<String>,
    /// The `next` cursor of the previous page.
    pub after: Option<EndpointId>,
    /// Page size.
    pub limit: u32,
}

/// A page of endpoints, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPage {
    /// At most `limit` endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<EndpointId>,
}

/// The delivery of one event to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Id of the delivery.
    pub id: DeliveryId,
    /// The receiving endpoint.
    pub endpoint: EndpointId,
    /// Id of the event.
    pub event: EventId,
    /// Type of the event.
    pub kind: EventType,
    /// The video of the event; `None` for a test.
    pub video: Option<VideoId>,
    /// Time of the event.
    pub event_ms: UnixMillis,
    /// Current status.
    pub status: DeliveryStatus,
    /// Number of attempts, including the current one.
    pub attempts: u32,
    /// Creation time.
    pub created_ms: UnixMillis,
    /// Time of the next attempt, if no earlier event of its video is pending; `None` once it is
    /// settled.
    pub next_ms: Option<UnixMillis>,
    /// When it was delivered or failed permanently.
    pub settled_ms: Option<UnixMillis>,
    /// The last completed attempt.
    pub last: Option<LastAttempt>,
}

/// The status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryStatus {
    /// It is waiting or being sent.
    Pending,
    /// The endpoint accepted it.
    Delivered,
    /// It failed permanently: there are no further attempts.
    Failed,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAttempt {
    /// Start.
    pub at_ms: UnixMillis,
    /// HTTP status of the endpoint's response, if there was one.
    pub status: Option<u16>,
    /// Reason of the failure; `None` after a success.
    pub error: Option<String>,
    /// Duration, milliseconds.
    pub duration_ms: u64,
}

/// Filter and page of a delivery listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only deliveries to this endpoint.
    pub endpoint: EndpointId,
    /// Only deliveries with this status.
    pub status: Option<DeliveryStatus>,
    /// The `next` cursor of the previous page.
    pub after: Option<DeliveryId>,
    /// Page size.
    pub limit: u32,
}

/// A page of deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// At most `limit` deliveries.
    pub deliveries: Vec<Delivery>,
    /// Cursor of the next page; `None` on the last page.
    pub next: Option<DeliveryId>,
}

/// A delivery that a dispatcher may send until its lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Id of the delivery.
    pub delivery: DeliveryId,
    /// The receiving endpoint, as it was when the dispatch was claimed.
    pub endpoint: Endpoint,
    /// Id of the event: the same in every attempt.
    pub event: EventId,
    /// Type of the event.
    pub kind: EventType,
    /// Time of the event.
    pub event_ms: UnixMillis,
    /// Body of the request, to be sent unchanged.
    pub payload: String,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Start of the first attempt.
    pub first_ms: UnixMillis,
    /// Context of the request that caused the work on the video; `None`: it had none.
    pub trace: Option<StoredTrace>,
    /// Token of the lease.
    pub(crate) lease: String,
}

/// The result of sending a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// The outcome.
    pub outcome: AttemptOutcome,
    /// HTTP status of the endpoint's response, if there was one.
    pub status: Option<u16>,
    /// Reason of the failure.
    pub error: Option<String>,
    /// Duration, milliseconds.
    pub duration_ms: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The endpoint accepted it.
    Delivered,
    /// The attempt failed.
    Failed {
        /// Time of the next attempt; `None`: there is none.
        retry_ms: Option<UnixMillis>,
        /// End of the pause that the endpoint requested.
        pause_until_ms: Option<UnixMillis>,
    },
    /// The endpoint responded with 410: it must get no more deliveries.
    Gone,
}

/// The consequence of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It was delivered.
    Delivered,
    /// It will be retried.
    Pending,
    /// It failed permanently.
    Failed,
    /// It failed permanently, and the endpoint was disabled.
    Disabled(DisabledReason),
}

/// Numbers of removed rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Removed deliveries.
    pub deliveries: u64,
    /// Removed events.
    pub events: u64,
}
