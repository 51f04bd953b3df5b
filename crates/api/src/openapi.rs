//! The OpenAPI document, generated from the route table and the types of requests and responses.
//!
//! Every route in the table has documentation, and the document contains only routes of the table. Tests validate every
//! response against it.

pub(crate) mod api_keys;
pub(crate) mod captions;
pub(crate) mod chapters;
pub(crate) mod costs;
mod doc;
pub(crate) mod events;
mod examples;
pub(crate) mod files;
pub(crate) mod installation;
pub(crate) mod objects;
pub(crate) mod revocations;
mod sample;
pub(crate) mod sessions;
pub(crate) mod shares;
pub(crate) mod uploads;
pub(crate) mod uppy;
pub(crate) mod videos;
pub(crate) mod views;
pub(crate) mod webhooks;

use std::sync::LazyLock;

use api_types::schemas;
use api_types::sessions::SignInMethod;
use api_types::videos::VideoFailure;
use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use serde_json::json;
use utoipa::openapi::path::{HttpMethod, ParameterBuilder, ParameterIn, PathItem, Paths};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, SchemaFormat, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref,
    Required, Schema,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

pub(crate) use doc::Doc;

use crate::problem::Problem;
use crate::routes::{OpenRoute, Route, open_routes, route_table};
use crate::state::ApiState;

/// The name of the schema of problem documents.
const PROBLEM: &str = "Problem";
/// The name of the security scheme.
const SECURITY: &str = "token";

const ABOUT: &str = "\
Edgereel turns a bucket into a private video service. A client uploads straight to the bucket with presigned \
requests; the bucket's event starts transcoding; players get adaptive, encrypted HLS, and the edge checks every \
request for permission to watch.\n\n\
Authenticate with `Authorization: Bearer`: the token of the installation, an API key, or a JWT of your identity \
provider. Browsers that signed in authenticate with a cookie; their requests that change something then need the \
header `Edgereel-Request: 1`. Errors are problem documents (RFC 9457) with a stable `code`. Every POST may carry an `Idempotency-Key`: a \
repeated request gets the first response and is not executed again. Every response has an `x-request-id`.";

/// The groups of operations, by the first part of their paths.
const TAGS: [(&str, &str, &str); 13] = [
    (
        "uploads",
        "Uploads",
        "Upload a video file straight to the bucket.",
    ),
    (
        "videos",
        "Videos",
        "List, get, play, update and delete videos.",
    ),
    ("shared", "Shared links", "Open a link without an account."),
    (
        "webhooks",
        "Webhooks",
        "Receive events by HTTP (Standard Webhooks 1.0).",
    ),
    ("api-keys", "API keys", "Manage credentials for callers."),
    ("session", "Sessions", "Sign browsers in and out."),
    (
        "s3",
        "Uppy",
        "The protocol of Uppy's plugin `@uppy/aws-s3`: an unmodified Uppy uploads here.",
    ),
    (
        "events",
        "Events",
        "Watch videos change; report events of the private bucket, where no queue delivers them.",
    ),
    (
        "objects",
        "Objects",
        "Find the objects of the private bucket that can be converted. For the operator.",
    ),
    ("costs", "Costs", "What videos cost, by owner or by month."),
    (
        "revocations",
        "Revocations",
        "End the access that issued grants give. For backends that sign grants.",
    ),
    (
        "dead-letters",
        "Dead letters",
        "Inspect and redrive jobs that failed too often. For the operator.",
    ),
    ("", "Installation", "Health checks."),
];

/// The document of this version.
pub fn document() -> OpenApi {
    let mut paths = Paths::new();
    let mut components = components();
    for Route {
        method,
        path,
        scope,
        doc,
        ..
    } in route_table()
    {
        let Some(http_method) = http_method(&method) else {
            continue;
        };
        let item = PathItem::new(
            http_method,
            doc.operation(&method, path, Some(scope), tag_of(path)),
        );
        match paths.paths.get_mut(&format!("/v1{path}")) {
            Some(there) => there.merge_operations(item),
            None => drop(paths.paths.insert(format!("/v1{path}"), item)),
        }
        components.schemas.extend(doc.schemas);
    }
    for OpenRoute {
        method, path, doc, ..
    } in open_routes()
    {
        let Some(http_method) = http_method(&method) else {
            continue;
        };
        let item = PathItem::new(
            http_method,
            doc.operation(&method, path, None, tag_of(path)),
        );
        match paths.paths.get_mut(path) {
            Some(there) => there.merge_operations(item),
            None => drop(paths.paths.insert(path.to_owned(), item)),
        }
        components.schemas.extend(doc.schemas);
    }
    let licence = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"))
        .build();
    let info = InfoBuilder::new()
        .title("Edgereel")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(licence));
    let tags =
        TAGS.map(|(_, name, what)| TagBuilder::new().name(name).description(Some(what)).build());
    OpenApiBuilder::new()
        .info(info.build())
        .paths(paths)
        .components(Some(components))
        .tags(Some(tags))
        .build()
}

/// The policy of Swagger UI, which sets styles of elements. Its requests have the session of the
/// browser, so no script of another origin may run there.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// `/docs`: Swagger UI.
pub(crate) fn page() -> Router<ApiState> {
    // No external requests: the validator is disabled, and all files are embedded.
    let config = Config::new(["/openapi.json"])
        .validator_url("none")
        .try_it_out_enabled(true)
        .filter(true);
    Router::from(SwaggerUi::new("/docs").config(config)).layer(map_response(
        async |mut response: Response| {
            response
                .headers_mut()
                .insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
            response
                .headers_mut()
                .insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
            response
        },
    ))
}

/// The group of a path.
fn tag_of(path: &str) -> &'static str {
    let path = path.trim_start_matches("/v1").trim_start_matches('/');
    TAGS.iter()
        .find(|it| path.starts_with(it.0))
        .map_or("Installation", |tag| tag.1)
}

/// `GET /openapi.json`
pub(crate) async fn serve() -> Response {
    static JSON: LazyLock<String> =
        LazyLock::new(|| document().to_json().expect("the document is JSON"));
    ([(CONTENT_TYPE, "application/json")], JSON.as_str()).into_response()
}

fn http_method(method: &http::Method) -> Option<HttpMethod> {
    Some(match method.as_str() {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => return None,
    })
}

fn components() -> Components {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "The token of the installation, an API key, or a JWT of your identity provider.",
        ));
    let mut builder = ComponentsBuilder::new()
        .security_scheme(SECURITY, SecurityScheme::Http(token.build()))
        .schema(PROBLEM, problem());
    builder = builder
        .schema_from::<schemas::VideoId>()
        .schema_from::<schemas::WebhookId>()
        .schema_from::<schemas::DeliveryId>()
        .schema_from::<schemas::ApiKeyId>()
        .schema_from::<schemas::ShareId>()
        .schema_from::<schemas::EventId>()
        .schema_from::<schemas::ListedStates>()
        .schema_from::<schemas::VideoSort>()
        .schema_from::<schemas::Scope>()
        .schema_from::<SignInMethod>()
        .schema_from::<VideoFailure>();
    let key = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"));
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some("Identifies this request: if it is repeated within a day, it gets the first response and is not executed again."))
        .schema(Some(key))
        .example(Some(json!("7a4e4d3c-6a3f-4ad3-8a6e-0a6a0f0b9d1e")));
    let page = ParameterBuilder::new()
        .name("Edgereel-Request")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some("Proves that a page of this origin sent the request."))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(["1"])),
        ))
        .example(Some(json!("1")));
    builder
        .parameter("IdempotencyKey", key.build())
        .parameter("EdgereelRequest", page.build())
        .build()
}

/// RFC 9457, with Edgereel's extensions.
fn problem() -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let uri = text().format(Some(SchemaFormat::Custom("uri".to_owned())));
    let codes = text().enum_values(Some(Problem::ALL.iter().map(|it| it.code())));
    ObjectBuilder::new()
        .description(Some("An error (RFC 9457)."))
        .property("type", uri)
        .property("title", text())
        .property(
            "status",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(400))
                .maximum(Some(599)),
        )
        .property(
            "detail",
            text().description(Some("Human-readable explanation.")),
        )
        .property(
            "code",
            codes.description(Some("Machine-readable and stable.")),
        )
        .property("scope", Ref::from_schema_name("Scope"))
        .property(
            "request_id",
            text().description(Some(
                "The id of the request, as in the header `x-request-id`.",
            )),
        )
        .property("failure", Ref::from_schema_name("VideoFailure"))
        .property(
            "methods",
            ArrayBuilder::new().items(Ref::from_schema_name("SignInMethod")),
        )
        .required("type")
        .required("title")
        .required("status")
        .required("detail")
        .required("code")
        .required("request_id")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .into()
}
