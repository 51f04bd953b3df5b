//! Webhooks and deliveries in responses.

use api_types::webhooks::{
    DeliveredEvent, Delivery as DeliveryView, DeliveryStatus as WireStatus,
    DisabledReason as WireReason, DisabledWebhook, Webhook as WebhookView,
};
use api_types::{MaybeKnown, Timestamp};
use catalog::webhooks::{Delivery, DeliveryStatus, DisabledReason, Endpoint};

pub(super) fn webhook(endpoint: Endpoint) -> WebhookView {
    let disabled = endpoint.disabled.map(|(at_ms, reason)| {
        let (reason, message) = match reason {
            DisabledReason::Owner => (WireReason::Owner, "The owner disabled it."),
            DisabledReason::Gone => (
                WireReason::Gone,
                "The endpoint responded with 410 (Gone): enable it when it exists again.",
            ),
            DisabledReason::Failing => (
                WireReason::Failing,
                "All deliveries failed for three days: fix the endpoint, then enable it.",
            ),
        };
        DisabledWebhook {
            reason: reason.into(),
            message: message.to_owned(),
            at: at_ms.into(),
        }
    });
    WebhookView {
        id: endpoint.id,
        url: endpoint.url,
        events: endpoint
            .types
            .map(|it| it.into_iter().map(MaybeKnown::from).collect()),
        description: endpoint.description,
        active: disabled.is_none(),
        disabled,
        failing_since: endpoint.failing_since_ms.map(Timestamp::from),
        created_at: endpoint.created_ms.into(),
        updated_at: endpoint.updated_ms.into(),
    }
}

pub(super) fn delivery(delivery: Delivery) -> DeliveryView {
    let (last_attempt_ms, last_duration_ms, last_status, last_error) = match delivery.last {
        Some(last) => (
            Some(last.at_ms),
            Some(last.duration_ms),
            last.status,
            last.error,
        ),
        None => (None, None, None, None),
    };
    let status = match delivery.status {
        DeliveryStatus::Pending => WireStatus::Pending,
        DeliveryStatus::Delivered => WireStatus::Delivered,
        DeliveryStatus::Failed => WireStatus::Failed,
    };
    DeliveryView {
        id: delivery.id,
        event: DeliveredEvent {
            id: delivery.event,
            kind: delivery.kind.into(),
            video: delivery.video,
            at: delivery.event_ms.into(),
        },
        status: status.into(),
        attempts: delivery.attempts,
        last_status,
        last_error,
        last_duration_ms,
        last_attempt_at: last_attempt_ms.map(Timestamp::from),
        next_attempt_at: delivery.next_ms.map(Timestamp::from),
        created_at: delivery.created_ms.into(),
        settled_at: delivery.settled_ms.map(Timestamp::from),
    }
}
