//! The records of webhooks.

use domain::ids::VideoId;
use domain::webhook::{DeliveryId, EndpointId, EventId, EventType};
use serde::{Deserialize, Serialize};

/// What is said of an endpoint when it is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Chosen by the caller: secrets are sealed for it.
    pub id: EndpointId,
    /// Whose it is; `None`: it hears of every video of the installation.
    pub owner: Option<String>,
    /// Where to send.
    pub url: String,
    /// What it wants; `None`: all that is on by default.
    pub types: Option<Vec<EventType>>,
    /// For people.
    pub description: Option<String>,
    /// Its first secret, as it is to be stored.
    pub sealed_secret: String,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is; `None`: it hears of every video of the installation.
    pub owner: Option<String>,
    /// Where to send.
    pub url: String,
    /// What it wants; `None`: all that is on by default.
    pub types: Option<Vec<EventType>>,
    /// For people.
    pub description: Option<String>,
    /// The newest first; never empty.
    pub secrets: Vec<EndpointSecret>,
    /// Since when and why it gets nothing.
    pub disabled: Option<(u64, DisabledWhy)>,
    /// Its first failure after the last success, Unix milliseconds.
    pub failing_since_ms: Option<u64>,
    /// Nothing is sent before, by its own wish, Unix milliseconds.
    pub paused_until_ms: u64,
    /// Unix milliseconds.
    pub created_ms: u64,
    /// Last change by its owner, Unix milliseconds.
    pub updated_ms: u64,
}

impl Endpoint {
    /// Whether it wants events of this type.
    pub fn wants(&self, kind: EventType) -> bool {
        wants(self.types.as_deref(), kind)
    }
}

pub(crate) fn wants(types: Option<&[EventType]>, kind: EventType) -> bool {
    types.map_or(kind.is_on_by_default(), |it| it.contains(&kind))
}

/// A secret as it is stored: whoever seals it opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecret {
    /// Sealed.
    pub sealed: String,
    /// When it ends; `None` for the newest.
    pub until_ms: Option<u64>,
}

/// Why an endpoint gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DisabledWhy {
    /// Its owner wants it so.
    Owner,
    /// It answered 410.
    Gone,
    /// It failed for three days.
    Failing,
}

/// What an owner changes; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointPatch {
    /// Where to send.
    pub url: Option<String>,
    /// `Some(None)`: all that is on by default.
    pub types: Option<Option<Vec<EventType>>>,
    /// `Some(None)` removes it.
    pub description: Option<Option<String>>,
    /// Whether it gets anything.
    pub active: Option<bool>,
}

/// Which endpoints to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointFilter {
    /// Only of this owner.
    pub owner: Option<String>,
    /// The `next` of the page before.
    pub after: Option<EndpointId>,
    /// At most so many.
    pub limit: u32,
}

/// Some endpoints, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPage {
    /// At most as many as asked for.
    pub endpoints: Vec<Endpoint>,
    /// Pass it to get the next page; `None` on the last one.
    pub next: Option<EndpointId>,
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub endpoint: EndpointId,
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventType,
    /// Of this video; `None` for a test.
    pub video: Option<VideoId>,
    /// When it happened, Unix milliseconds.
    pub event_ms: u64,
    /// How far it is.
    pub status: DeliveryStatus,
    /// Made so far, with the one under way.
    pub attempts: u32,
    /// Unix milliseconds.
    pub created_ms: u64,
    /// When it is tried next, if no earlier event of its video is in its way; `None` once it is settled.
    pub next_ms: Option<u64>,
    /// When it was delivered or given up, Unix milliseconds.
    pub settled_ms: Option<u64>,
    /// The last attempt that ended.
    pub last: Option<LastAttempt>,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryStatus {
    /// It waits, or is being sent.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// All attempts failed; there are no more.
    #[serde(rename = "failed")]
    GivenUp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAttempt {
    /// When it began, Unix milliseconds.
    pub at_ms: u64,
    /// What the endpoint answered, if it did.
    pub status: Option<u16>,
    /// What was wrong; `None` after a success.
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
}

/// Which deliveries to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// To this endpoint.
    pub endpoint: EndpointId,
    /// Only those that are so far.
    pub status: Option<DeliveryStatus>,
    /// The `next` of the page before.
    pub after: Option<DeliveryId>,
    /// At most so many.
    pub limit: u32,
}

/// Some deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// At most as many as asked for.
    pub deliveries: Vec<Delivery>,
    /// Pass it to get the next page; `None` on the last one.
    pub next: Option<DeliveryId>,
}

/// A delivery that is ours to send until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// Of this delivery.
    pub delivery: DeliveryId,
    /// To whom, as it was when this began.
    pub endpoint: Endpoint,
    /// Of this event: the same in every attempt.
    pub event: EventId,
    /// Its type.
    pub kind: EventType,
    /// The body, as it stands.
    pub payload: String,
    /// Counts the attempts, from 1.
    pub attempt: u32,
    /// When the first attempt began, Unix milliseconds.
    pub first_ms: u64,
    /// Proves that it is ours.
    pub(crate) lease: String,
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// What follows from it.
    pub outcome: Outcome,
    /// What the endpoint answered, if it did.
    pub status: Option<u16>,
    /// What was wrong.
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint took it.
    Delivered,
    /// It did not.
    Failed {
        /// When to try again, Unix milliseconds; `None`: never.
        retry_ms: Option<u64>,
        /// It wants nothing at all before, Unix milliseconds.
        pause_until_ms: Option<u64>,
    },
    /// It wants nothing any more.
    Gone,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing: it is done.
    Delivered,
    /// It is tried again.
    Waits,
    /// It is not tried again.
    GivenUp,
    /// It is not, and the endpoint gets nothing any more.
    Disabled(DisabledWhy),
}

/// How much was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Entries of logs.
    pub deliveries: u64,
    /// Events.
    pub events: u64,
}
