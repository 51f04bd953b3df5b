//! OpenAPI documentation of webhooks.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;
use crate::webhooks::deliveries::{DeliveryList, LogParams};
use crate::webhooks::endpoints::{ListParams, WebhookList};
use crate::webhooks::view::{DeliveryView, WebhookView, WebhookWithSecret};
use crate::webhooks::wish::{NewWebhook, WebhookChange};

pub(crate) fn create() -> Doc {
    let about = "Messages are signed as in Standard Webhooks 1.0. Only this response contains the secret.";
    let example = json!({ "url": "https://backend.example/hooks/video", "events": ["video.ready", "video.failed"] });
    Doc::of("createWebhook", "Create a webhook", about)
        .takes::<NewWebhook>(example)
        .gives::<WebhookWithSecret>(StatusCode::CREATED, "The webhook.", examples::webhook_with_secret())
        .with(&["Location"])
        .refuses(&[BadWebhookUrl, WebhookUrlNotAllowed, BadEventTypes, FieldTooLong, TooManyWebhooks])
}

pub(crate) fn list() -> Doc {
    Doc::of("listWebhooks", "List webhooks", "Newest first.").asks::<ListParams>("limit=50").gives::<WebhookList>(
        StatusCode::OK,
        "A page of results.",
        json!({ "webhooks": [examples::webhook()], "next_cursor": null }),
    )
}

pub(crate) fn read() -> Doc {
    Doc::of("readWebhook", "Get a webhook", "")
        .gives::<WebhookView>(StatusCode::OK, "The webhook.", examples::webhook())
        .refuses(&[NoSuchWebhook])
}

pub(crate) fn change() -> Doc {
    Doc::of(
        "changeWebhook",
        "Update a webhook",
        "Omitted fields keep their value. `active` enables and disables the webhook.",
    )
    .may_take::<WebhookChange>(json!({ "events": null, "active": true }))
    .gives::<WebhookView>(StatusCode::OK, "The webhook.", examples::webhook())
    .refuses(&[NoSuchWebhook, BadWebhookUrl, WebhookUrlNotAllowed, BadEventTypes, FieldTooLong])
}

pub(crate) fn delete() -> Doc {
    Doc::of("deleteWebhook", "Delete a webhook", "Deletes its log too. A message that is being sent may still arrive.")
        .gives_nothing("Deleted.")
        .refuses(&[NoSuchWebhook])
}

pub(crate) fn rotate_secret() -> Doc {
    let about = "For 24 hours, messages are signed with both the old and the new secret.";
    Doc::of("rotateWebhookSecret", "Rotate the secret of a webhook", about)
        .gives::<WebhookWithSecret>(StatusCode::OK, "The new secret.", examples::webhook_with_secret())
        .refuses(&[NoSuchWebhook])
}

pub(crate) fn send_test() -> Doc {
    Doc::of("testWebhook", "Send a test message", "The message is queued. Its outcome is in the delivery log.")
        .gives::<DeliveryView>(StatusCode::ACCEPTED, "Queued.", examples::delivery())
        .refuses(&[NoSuchWebhook, WebhookDisabled])
}

pub(crate) fn deliveries() -> Doc {
    Doc::of("listDeliveries", "List deliveries", "Newest first, of the last 30 days.")
        .asks::<LogParams>("limit=50&status=failed")
        .gives::<DeliveryList>(
            StatusCode::OK,
            "A page of results.",
            json!({ "deliveries": [examples::delivery()], "next_cursor": null }),
        )
        .refuses(&[NoSuchWebhook])
}

pub(crate) fn replay() -> Doc {
    let about = "Sends the same message with the same `webhook-id`. A pending message is sent immediately.";
    Doc::of("replayDelivery", "Replay a delivery", about)
        .gives::<DeliveryView>(StatusCode::ACCEPTED, "Queued.", examples::delivery())
        .refuses(&[NoSuchWebhook, NoSuchDelivery, WebhookDisabled])
}
