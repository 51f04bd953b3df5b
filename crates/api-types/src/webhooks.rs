//! Webhooks and their deliveries.

use domain::ids::VideoId;
use domain::webhook::{DeliveryId, EndpointId, EventId, EventType};
use serde::{Deserialize, Serialize};

use crate::present::present;
#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{MaybeKnown, Sensitive, Timestamp};

/// `POST /v1/webhooks`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    pub url: String,
    /// `null` or omitted: all default types.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<schemas::EventType>>))]
    pub events: Option<Vec<String>>,
    #[serde(default)]
    pub description: Option<String>,
}

/// `PATCH /v1/webhooks/{id}`: omitted fields keep their value.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    #[serde(default)]
    pub url: Option<String>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<schemas::EventType>>))]
    pub events: Option<Option<Vec<String>>>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub description: Option<Option<String>>,
    #[serde(default)]
    pub active: Option<bool>,
}

/// Parameters of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListWebhooks {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(value_type = Option<schemas::WebhookId>))]
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookList {
    pub webhooks: Vec<Webhook>,
    /// Cursor of the next page; `null` on the last page.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::WebhookId>))]
    pub next_cursor: Option<EndpointId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Webhook {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::WebhookId))]
    pub id: EndpointId,
    pub url: String,
    /// `null`: all default types.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<schemas::EventType>>))]
    pub events: Option<Vec<MaybeKnown<EventType>>>,
    pub description: Option<String>,
    pub active: bool,
    /// Why the webhook is disabled.
    pub disabled: Option<DisabledWebhook>,
    /// Since when all deliveries have failed.
    pub failing_since: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The only response that contains the secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookWithSecret {
    #[serde(flatten)]
    pub webhook: Webhook,
    /// Only this response contains it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub secret: Sensitive,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DisabledWebhook {
    #[cfg_attr(feature = "openapi", schema(value_type = DisabledReason))]
    pub reason: MaybeKnown<DisabledReason>,
    pub message: String,
    pub at: Timestamp,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DisabledReason {
    /// Its owner disabled it.
    Owner,
    /// It responded with 410 Gone.
    Gone,
    /// It failed for three days.
    Failing,
}

/// Parameters of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListDeliveries {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(value_type = Option<schemas::DeliveryId>))]
    pub cursor: Option<String>,
    /// `pending`, `delivered` or `failed`.
    #[serde(default)]
    pub status: Option<DeliveryStatus>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryList {
    pub deliveries: Vec<Delivery>,
    /// Cursor of the next page; `null` on the last page.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::DeliveryId>))]
    pub next_cursor: Option<DeliveryId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Delivery {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::DeliveryId))]
    pub id: DeliveryId,
    pub event: DeliveredEvent,
    #[cfg_attr(feature = "openapi", schema(value_type = DeliveryStatus))]
    pub status: MaybeKnown<DeliveryStatus>,
    pub attempts: u32,
    /// Last HTTP status of the endpoint; `null` if it did not respond.
    pub last_status: Option<u16>,
    /// Last error; `null` after a success.
    pub last_error: Option<String>,
    pub last_duration_ms: Option<u64>,
    pub last_attempt_at: Option<Timestamp>,
    /// `null` once the delivery is delivered or failed.
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub settled_at: Option<Timestamp>,
}

/// Deliveries about one video.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoDeliveryList {
    /// Newest first, at most 100.
    pub deliveries: Vec<VideoDelivery>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoDelivery {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::WebhookId))]
    pub webhook: EndpointId,
    #[serde(flatten)]
    pub delivery: Delivery,
}

/// The status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryStatus {
    /// It is waiting or being sent.
    Pending,
    /// The endpoint accepted it.
    Delivered,
    /// It failed permanently: there are no further attempts.
    Failed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveredEvent {
    /// The `webhook-id` of its messages.
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::EventId))]
    pub id: EventId,
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::AnyEventType))]
    pub kind: MaybeKnown<EventType>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::VideoId>))]
    pub video: Option<VideoId>,
    pub at: Timestamp,
}
