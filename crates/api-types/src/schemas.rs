//! Schemas of values that clients see as words, ids or times, for fields whose Rust types are in `domain`.

use std::borrow::Cow;

use domain::failure::FailureCode;
use domain::scope::Scope as DomainScope;
use domain::state::StateName;
use domain::webhook::EventType as DomainEventType;
use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::Timestamp;

macro_rules! schemas {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => { $(
        $(#[$doc])*
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {}
    )* };
}

schemas! {
    /// The id of a video.
    VideoId = id("vid");
    /// The id of an API key.
    ApiKeyId = id("key");
    /// The id of a share link.
    ShareId = id("shr");
    /// The id of a webhook.
    WebhookId = id("whe");
    /// The id of a delivery to a webhook.
    DeliveryId = id("whd");
    /// The id of an event: the `webhook-id` of its messages.
    EventId = id("evt");
    /// Custom data: any JSON object.
    Metadata = ObjectBuilder::new().description(Some("Any JSON object, up to 16 KiB."));
    /// A month of the calendar.
    Month = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^(19[7-9]|[2-9][0-9]{2})[0-9]-(0[1-9]|1[0-2])$"))
        .examples([json!("2026-01")]);
    /// States to filter by, separated by commas.
    ListedStates = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some({
            let states: Vec<_> = StateName::ALL.iter().map(|it| it.as_str()).filter(|it| *it != "deleted").collect();
            let one = states.join("|");
            format!("^({one})(,({one}))*$")
        }))
        .examples([json!("ready,playable")]);
    /// The order of a list.
    VideoSort = words(["created_at", "-created_at", "title", "-title", "duration", "-duration", "size", "-size"].into_iter());
    /// Why a video failed.
    VideoFailureCode = words(FailureCode::ALL.iter().map(|it| it.as_str()));
    /// The name of a rung.
    RungName = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[a-z0-9-]{1,32}$"))
        .examples([json!("720p")]);
    /// The type of an event.
    EventType = words(DomainEventType::ALL.iter().map(|it| it.as_str()).filter(|it| *it != "test"));
    /// The type of an event, or `test`.
    AnyEventType = words(DomainEventType::ALL.iter().map(|it| it.as_str()).chain(["test"]));
    /// A permission of a caller.
    Scope = words(DomainScope::ALL.iter().map(|it| it.as_str()));
    /// Permissions of a caller, at least one.
    Scopes = ArrayBuilder::new().items(Ref::from_schema_name("Scope")).min_items(Some(1));
    /// The outcome of an attempt.
    AttemptOutcome = words(["ready", "failed", "released", "lost", "stopped"].into_iter());
}

/// RFC 3339, in UTC.
impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples([json!("2026-11-21T18:27:05.123Z")])
            .into()
    }
}

impl ToSchema for Timestamp {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Time")
    }
}

/// Prefix and 32 hexadecimal digits: a UUIDv7.
fn id(prefix: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^{prefix}_[0-9a-f]{{32}}$")))
        .examples([json!(format!("{prefix}_018bcfe5680077078707070707070707"))])
}

/// One of these.
fn words<'a>(words: impl Iterator<Item = &'a str>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
}
