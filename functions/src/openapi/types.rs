//! Schemas of what is a word, an id or a time to callers, whatever it is inside.

use domain::failure::FailureCode;
use domain::scope::Scope as DomainScope;
use domain::state::StateName;
use domain::webhook::EventType as DomainEventType;
use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! schemas {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => { $(
        $(#[$doc])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {}
    )* };
}

schemas! {
    /// RFC 3339, in UTC.
    Time = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples([json!("2026-11-21T18:27:05.123Z")]);
    /// Of a video.
    VideoId = id("vid");
    /// Of an API key.
    ApiKeyId = id("key");
    /// Of a link.
    ShareId = id("shr");
    /// Of a webhook.
    WebhookId = id("whe");
    /// Of a message to a webhook.
    DeliveryId = id("whd");
    /// Of what happened: the `webhook-id` of its messages.
    EventId = id("evt");
    /// What of one's own one wants to find beside a video: any JSON object.
    Metadata = ObjectBuilder::new().description(Some("Any JSON object, up to 16 KiB."));
    /// A state that lists know.
    ListedState = words(StateName::ALL.iter().map(|it| it.as_str()).filter(|it| *it != "deleted"));
    /// Why a video failed.
    VideoFailureCode = words(FailureCode::ALL.iter().map(|it| it.as_str()));
    /// The name of a rung.
    RungName = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[a-z0-9-]{1,32}$"))
        .examples([json!("720p")]);
    /// What a webhook tells.
    EventType = words(DomainEventType::ALL.iter().map(|it| it.as_str()).filter(|it| *it != "test"));
    /// The same, or the test that is sent by hand.
    AnyEventType = words(DomainEventType::ALL.iter().map(|it| it.as_str()).chain(["test"]));
    /// What a caller may do.
    Scope = words(DomainScope::ALL.iter().map(|it| it.as_str()));
    /// What a caller may do, at least one thing.
    Scopes = ArrayBuilder::new().items(Ref::from_schema_name("Scope")).min_items(Some(1));
    /// How one try at a video ended.
    AttemptOutcome = words(["ready", "failed", "released", "lost", "stopped"].into_iter());
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
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}
