//! The parameters in the path of an operation.

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Required, Schema};

/// The names of the path parameters, in order.
pub(super) fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|it| it.split('}').next())
}

pub(super) fn path_parameter(name: &str) -> Parameter {
    let text = || {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .into()
    };
    let (schema, description): (RefOr<Schema>, _) = match name {
        "video" => (
            Ref::from_schema_name("VideoId").into(),
            "The id of the video.",
        ),
        "webhook" => (
            Ref::from_schema_name("WebhookId").into(),
            "The id of the webhook.",
        ),
        "delivery" => (
            Ref::from_schema_name("DeliveryId").into(),
            "The id of the delivery.",
        ),
        "key" => (
            Ref::from_schema_name("ApiKeyId").into(),
            "The id of the API key.",
        ),
        "share" => (
            Ref::from_schema_name("ShareId").into(),
            "The id of the link.",
        ),
        "language" => (
            text(),
            "The language tag (BCP 47) of the captions, such as `en` or `pt-BR`.",
        ),
        "letter" => (text(), "The id of the dead letter, from the list."),
        "number" => {
            let number = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1))
                .maximum(Some(10_000));
            (number.into(), "The number of the part, from 1.")
        }
        "secret" => (text(), "The secret in the link."),
        _ => (
            text(),
            "The upload id from the response that started the upload.",
        ),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
