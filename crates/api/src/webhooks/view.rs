//! Webhooks and deliveries in responses.

use catalog::webhooks::{Delivery, DeliveryStatus, DisabledReason, Endpoint};
use domain::ids::VideoId;
use domain::webhook::{DeliveryId, EndpointId, EventId, EventType};
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::types;
use crate::times::{as_rfc3339, as_rfc3339_if_any};

#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookView {
    #[schema(value_type = types::WebhookId)]
    id: EndpointId,
    url: String,
    /// `null`: all default types.
    #[schema(value_type = Option<Vec<types::EventType>>)]
    events: Option<Vec<EventType>>,
    description: Option<String>,
    active: bool,
    /// Why the webhook is disabled.
    disabled: Option<DisabledView>,
    /// Since when all deliveries have failed.
    #[serde(rename = "failing_since", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    failing_since_ms: Option<u64>,
    #[serde(rename = "created_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    created_ms: u64,
    #[serde(rename = "updated_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    updated_ms: u64,
}

/// The only response that contains the secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookWithSecret {
    #[serde(flatten)]
    pub(super) webhook: WebhookView,
    /// Only this response contains it.
    pub(super) secret: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DisabledWebhook)]
struct DisabledView {
    reason: DisabledReason,
    message: &'static str,
    #[serde(rename = "at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    at_ms: u64,
}

impl WebhookView {
    pub(super) fn of(endpoint: Endpoint) -> Self {
        let disabled = endpoint.disabled.map(|(at_ms, reason)| DisabledView {
            reason,
            message: match reason {
                DisabledReason::Owner => "The owner disabled it.",
                DisabledReason::Gone => "The endpoint responded with 410 (Gone): enable it when it exists again.",
                DisabledReason::Failing => "All deliveries failed for three days: fix the endpoint, then enable it.",
            },
            at_ms,
        });
        Self {
            id: endpoint.id,
            url: endpoint.url,
            events: endpoint.types,
            description: endpoint.description,
            active: disabled.is_none(),
            disabled,
            failing_since_ms: endpoint.failing_since_ms,
            created_ms: endpoint.created_ms,
            updated_ms: endpoint.updated_ms,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    #[schema(value_type = types::DeliveryId)]
    id: DeliveryId,
    event: EventView,
    status: DeliveryStatus,
    attempts: u32,
    /// Last HTTP status of the endpoint; `null` if it did not respond.
    last_status: Option<u16>,
    /// Last error; `null` after a success.
    last_error: Option<String>,
    last_duration_ms: Option<u64>,
    #[serde(rename = "last_attempt_at", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    last_attempt_ms: Option<u64>,
    /// `null` once the delivery is delivered or failed.
    #[serde(rename = "next_attempt_at", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    next_ms: Option<u64>,
    #[serde(rename = "created_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    created_ms: u64,
    #[serde(rename = "settled_at", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    settled_ms: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeliveredEvent)]
struct EventView {
    /// The `webhook-id` of its messages.
    #[schema(value_type = types::EventId)]
    id: EventId,
    #[serde(rename = "type")]
    #[schema(value_type = types::AnyEventType)]
    kind: EventType,
    #[schema(value_type = Option<types::VideoId>)]
    video: Option<VideoId>,
    #[serde(rename = "at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    at_ms: u64,
}

impl DeliveryView {
    pub(super) fn of(delivery: Delivery) -> Self {
        let (last_attempt_ms, last_duration_ms, last_status, last_error) = match delivery.last {
            Some(last) => (Some(last.at_ms), Some(last.duration_ms), last.status, last.error),
            None => (None, None, None, None),
        };
        Self {
            id: delivery.id,
            event: EventView {
                id: delivery.event,
                kind: delivery.kind,
                video: delivery.video,
                at_ms: delivery.event_ms,
            },
            status: delivery.status,
            attempts: delivery.attempts,
            last_status,
            last_error,
            last_duration_ms,
            last_attempt_ms,
            next_ms: delivery.next_ms,
            created_ms: delivery.created_ms,
            settled_ms: delivery.settled_ms,
        }
    }
}
