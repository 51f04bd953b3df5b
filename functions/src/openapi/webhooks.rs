//! What the document says of webhooks.

use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;
use crate::webhooks::deliveries::{DeliveryList, LogParams};
use crate::webhooks::endpoints::{ListParams, WebhookList};
use crate::webhooks::view::{DeliveryView, WebhookView, WebhookWithSecret};
use crate::webhooks::wish::{NewWebhook, WebhookChange};

pub(crate) fn create() -> Doc {
    let about =
        "Messages are signed as Standard Webhooks 1.0 says, with the secret in the answer, which is told this once.";
    let example = json!({ "url": "https://backend.example/hooks/video", "events": ["video.ready", "video.failed"] });
    Doc::of("createWebhook", "Set up a webhook", about)
        .takes::<NewWebhook>(example)
        .gives::<WebhookWithSecret>(StatusCode::CREATED, "The webhook.", examples::webhook_with_secret())
        .with(&["Location"])
        .refuses(&[BadWebhookUrl, WebhookUrlNotAllowed, BadEventTypes, FieldTooLong, TooManyWebhooks])
}

pub(crate) fn list() -> Doc {
    Doc::of("listWebhooks", "List webhooks", "The newest first.").asks::<ListParams>("limit=50").gives::<WebhookList>(
        StatusCode::OK,
        "A page of them.",
        json!({ "webhooks": [examples::webhook()], "next_cursor": null }),
    )
}

pub(crate) fn read() -> Doc {
    Doc::of("readWebhook", "Read a webhook", "")
        .gives::<WebhookView>(StatusCode::OK, "The webhook.", examples::webhook())
        .refuses(&[NoSuchWebhook])
}

pub(crate) fn change() -> Doc {
    Doc::of("changeWebhook", "Change a webhook", "What is left out stays. `active` enables and disables it.")
        .may_take::<WebhookChange>(json!({ "events": null, "active": true }))
        .gives::<WebhookView>(StatusCode::OK, "The webhook.", examples::webhook())
        .refuses(&[NoSuchWebhook, BadWebhookUrl, WebhookUrlNotAllowed, BadEventTypes, FieldTooLong])
}

pub(crate) fn delete() -> Doc {
    Doc::of("deleteWebhook", "Remove a webhook", "With its log. What was on its way may still arrive.")
        .gives_nothing("It is gone.")
        .refuses(&[NoSuchWebhook])
}

pub(crate) fn rotate_secret() -> Doc {
    let about = "For a day, messages are signed with the old secret too.";
    Doc::of("rotateWebhookSecret", "Get a new secret", about)
        .gives::<WebhookWithSecret>(StatusCode::OK, "The new secret.", examples::webhook_with_secret())
        .refuses(&[NoSuchWebhook])
}

pub(crate) fn send_test() -> Doc {
    Doc::of("testWebhook", "Send a test", "Accepted, not sent: how it ends stands in the log.")
        .gives::<DeliveryView>(StatusCode::ACCEPTED, "It will be sent.", examples::delivery())
        .refuses(&[NoSuchWebhook, WebhookDisabled])
}

pub(crate) fn deliveries() -> Doc {
    Doc::of("listDeliveries", "Read the log of a webhook", "The newest first; it goes back 30 days.")
        .asks::<LogParams>("limit=50&status=given-up")
        .gives::<DeliveryList>(
            StatusCode::OK,
            "A page of it.",
            json!({ "deliveries": [examples::delivery()], "next_cursor": null }),
        )
        .refuses(&[NoSuchWebhook])
}

pub(crate) fn replay() -> Doc {
    let about = "The same message again, with the same `webhook-id`. One that still waits is sent now.";
    Doc::of("replayDelivery", "Send a message again", about)
        .gives::<DeliveryView>(StatusCode::ACCEPTED, "It will be sent.", examples::delivery())
        .refuses(&[NoSuchWebhook, NoSuchDelivery, WebhookDisabled])
}
