//! OpenAPI documentation of webhooks.

use api_types::webhooks::{
    Delivery, DeliveryList, ListDeliveries, ListWebhooks, NewWebhook, VideoDeliveryList, Webhook,
    WebhookChange, WebhookList, WebhookWithSecret,
};
use http::StatusCode;
use serde_json::json;

use super::{Doc, examples};
use crate::problem::Problem::*;

pub(crate) fn create() -> Doc {
    let about =
        "Messages are signed as in Standard Webhooks 1.0. Only this response contains the secret.";
    let example = json!({ "url": "https://backend.example/hooks/video", "events": ["video.ready", "video.failed"] });
    Doc::new("createWebhook", "Create a webhook", about)
        .request_body::<NewWebhook>(example)
        .response::<WebhookWithSecret>(
            StatusCode::CREATED,
            "The webhook.",
            examples::webhook_with_secret(),
        )
        .with_headers(&["Location"])
        .problems(&[
            InvalidWebhookUrl,
            WebhookUrlNotAllowed,
            InvalidEventTypes,
            FieldTooLong,
            TooManyWebhooks,
        ])
}

pub(crate) fn list() -> Doc {
    Doc::new("listWebhooks", "List webhooks", "Newest first.")
        .query::<ListWebhooks>("limit=50")
        .response::<WebhookList>(
            StatusCode::OK,
            "A page of results.",
            json!({ "webhooks": [examples::webhook()], "next_cursor": null }),
        )
}

pub(crate) fn read() -> Doc {
    Doc::new("getWebhook", "Get a webhook", "")
        .response::<Webhook>(StatusCode::OK, "The webhook.", examples::webhook())
        .problems(&[NoSuchWebhook])
}

pub(crate) fn change() -> Doc {
    Doc::new(
        "updateWebhook",
        "Update a webhook",
        "Omitted fields keep their value. `active` enables and disables the webhook.",
    )
    .optional_body::<WebhookChange>(json!({ "events": null, "active": true }))
    .response::<Webhook>(StatusCode::OK, "The webhook.", examples::webhook())
    .problems(&[
        NoSuchWebhook,
        InvalidWebhookUrl,
        WebhookUrlNotAllowed,
        InvalidEventTypes,
        FieldTooLong,
    ])
}

pub(crate) fn delete() -> Doc {
    Doc::new(
        "deleteWebhook",
        "Delete a webhook",
        "Deletes its log too. A message that is being sent may still arrive.",
    )
    .no_content("Deleted.")
    .problems(&[NoSuchWebhook])
}

pub(crate) fn rotate_secret() -> Doc {
    let about = "For 24 hours, messages are signed with both the old and the new secret.";
    Doc::new(
        "rotateWebhookSecret",
        "Rotate the secret of a webhook",
        about,
    )
    .response::<WebhookWithSecret>(
        StatusCode::OK,
        "The new secret.",
        examples::webhook_with_secret(),
    )
    .problems(&[NoSuchWebhook])
}

pub(crate) fn send_test() -> Doc {
    Doc::new(
        "testWebhook",
        "Send a test message",
        "The message is queued. Its outcome is in the delivery log.",
    )
    .response::<Delivery>(StatusCode::ACCEPTED, "Queued.", examples::delivery())
    .problems(&[NoSuchWebhook, WebhookDisabled])
}

pub(crate) fn deliveries() -> Doc {
    Doc::new(
        "listDeliveries",
        "List deliveries",
        "Newest first, of the last 30 days.",
    )
    .query::<ListDeliveries>("limit=50&status=failed")
    .response::<DeliveryList>(
        StatusCode::OK,
        "A page of results.",
        json!({ "deliveries": [examples::delivery()], "next_cursor": null }),
    )
    .problems(&[NoSuchWebhook])
}

pub(crate) fn deliveries_of_video() -> Doc {
    let mut delivery = examples::delivery();
    delivery["webhook"] = json!("whe_018bcfe5680077078707070707070707");
    Doc::new(
        "listVideoDeliveries",
        "List the deliveries of a video",
        "Newest first, to all webhooks, at most 100.",
    )
    .response::<VideoDeliveryList>(
        StatusCode::OK,
        "The deliveries.",
        json!({ "deliveries": [delivery] }),
    )
    .problems(&[NoSuchVideo])
}

pub(crate) fn replay() -> Doc {
    let about =
        "Sends the same message with the same `webhook-id`. A pending message is sent immediately.";
    Doc::new("replayDelivery", "Replay a delivery", about)
        .response::<Delivery>(StatusCode::ACCEPTED, "Queued.", examples::delivery())
        .problems(&[NoSuchWebhook, NoSuchDelivery, WebhookDisabled])
}
