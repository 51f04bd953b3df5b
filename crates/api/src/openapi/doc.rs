//! The documentation of one operation.

mod parameters;
mod problems;

use http::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required, Schema};
use utoipa::{IntoParams, ToSchema};

use self::parameters::{path_parameter, path_parameters};
use self::problems::error_response;
use super::{SECURITY, sample};
use crate::auth::Scope;
use crate::problem::Problem;

/// A body of a request or response.
pub(crate) trait Body: ToSchema + Serialize + DeserializeOwned {}

impl<T: ToSchema + Serialize + DeserializeOwned> Body for T {}

/// The documentation of an operation. Common parts (credentials, `Idempotency-Key`, problems that every operation can
/// have) are added by [`Doc::operation`].
pub(crate) struct Doc {
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    body: Option<Content>,
    body_is_optional: bool,
    accepts_bytes: bool,
    /// Name of the file in the example, if the body is a file.
    file: Option<&'static str>,
    query: Vec<Parameter>,
    query_example: Option<&'static str>,
    /// Whether the operation, which is not in the route table, needs a caller with any scopes.
    needs_caller: bool,
    /// Whether the request needs the header of pages, whatever authenticates it.
    needs_own_page: bool,
    responses: Vec<ResponseDoc>,
    problems: Vec<Problem>,
    /// Schemas that the operation refers to.
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
}

struct Content {
    kind: &'static str,
    schema: RefOr<Schema>,
    example: Option<Value>,
}

struct ResponseDoc {
    status: StatusCode,
    description: &'static str,
    content: Option<Content>,
    headers: &'static [&'static str],
}

/// The extension for request examples.
const CODE_SAMPLES: &str = "x-codeSamples";
const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";

impl Doc {
    /// `id`: the method name in generated clients.
    pub(crate) fn new(id: &'static str, summary: &'static str, description: &'static str) -> Self {
        Self {
            id,
            summary,
            description,
            body: None,
            body_is_optional: false,
            accepts_bytes: false,
            file: None,
            query: vec![],
            query_example: None,
            needs_caller: false,
            needs_own_page: false,
            responses: vec![],
            problems: vec![],
            schemas: vec![],
        }
    }

    /// Sets the request body, with a valid example.
    pub(crate) fn request_body<T: Body>(mut self, example: Value) -> Self {
        self.body = Some(self.content_of::<T>(example));
        self
    }

    /// Sets an optional request body: an empty body counts as `{}`.
    pub(crate) fn optional_body<T: Body>(mut self, example: Value) -> Self {
        self.body_is_optional = true;
        self.request_body::<T>(example)
    }

    /// Sets the bytes of a file as the request body, with the name of one as an example.
    pub(crate) fn request_bytes(mut self, file: &'static str) -> Self {
        self.file = Some(file);
        let bytes = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)));
        self.body = Some(Content {
            kind: BYTES,
            schema: bytes.into(),
            example: None,
        });
        self
    }

    /// Adds a response of text in another format than JSON.
    pub(crate) fn text(mut self, kind: &'static str, what: &'static str, example: &str) -> Self {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        self.responses.push(ResponseDoc {
            status: StatusCode::OK,
            description: what,
            content: Some(Content {
                kind,
                schema: schema.into(),
                example: Some(example.into()),
            }),
            headers: &[],
        });
        self
    }

    /// Also accepts the bytes of a file as request body.
    pub(crate) fn or_bytes(mut self) -> Self {
        self.accepts_bytes = true;
        self
    }

    /// Declares an operation for every caller.
    pub(crate) fn any_caller(mut self) -> Self {
        self.needs_caller = true;
        self
    }

    /// Declares an operation for pages of this origin only.
    pub(crate) fn own_page_only(mut self) -> Self {
        self.needs_own_page = true;
        self
    }

    /// Adds query parameters, with an example; empty: the example uses the body instead.
    pub(crate) fn query<T: IntoParams>(mut self, example: &'static str) -> Self {
        self.query
            .extend(T::into_params(|| Some(ParameterIn::Query)));
        self.query_example = Some(example).filter(|it| !it.is_empty());
        self
    }

    /// Adds a success response, with an example.
    pub(crate) fn response<T: Body>(
        mut self,
        status: StatusCode,
        what: &'static str,
        example: Value,
    ) -> Self {
        debug_assert_eq!(
            serde_json::from_value::<T>(example.clone())
                .and_then(serde_json::to_value)
                .ok()
                .as_ref(),
            Some(&example),
            "a client of {} reads what the API writes",
            self.id
        );
        let content = Some(self.content_of::<T>(example));
        self.responses.push(ResponseDoc {
            status,
            description: what,
            content,
            headers: &[],
        });
        self
    }

    /// Adds a success response without a body.
    pub(crate) fn no_content(mut self, what: &'static str) -> Self {
        self.responses.push(ResponseDoc {
            status: StatusCode::NO_CONTENT,
            description: what,
            content: None,
            headers: &[],
        });
        self
    }

    /// Adds a response of server-sent events. The schema is that of one event: OpenAPI 3.1 has
    /// none for a sequence.
    pub(crate) fn event_stream(mut self, what: &'static str, example: Value) -> Self {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let event = ["id", "event", "data"].into_iter().fold(
            ObjectBuilder::new().schema_type(Type::Object),
            |it, name| it.property(name, text()),
        );
        let content = Some(Content {
            kind: "text/event-stream",
            schema: event.into(),
            example: Some(example),
        });
        self.responses.push(ResponseDoc {
            status: StatusCode::OK,
            description: what,
            content,
            headers: &[],
        });
        self
    }

    /// Adds the response to a request with a current `If-None-Match`.
    pub(crate) fn not_modified(mut self) -> Self {
        let (status, description) = (
            StatusCode::NOT_MODIFIED,
            "Not changed since the response with this `ETag`.",
        );
        self.responses.push(ResponseDoc {
            status,
            description,
            content: None,
            headers: &["ETag"],
        });
        self
    }

    /// Adds a redirect.
    pub(crate) fn redirect(mut self, status: StatusCode, what: &'static str) -> Self {
        self.responses.push(ResponseDoc {
            status,
            description: what,
            content: None,
            headers: &["Location"],
        });
        self
    }

    /// Adds headers to the last response.
    pub(crate) fn with_headers(mut self, headers: &'static [&'static str]) -> Self {
        if let Some(response) = self.responses.last_mut() {
            response.headers = headers;
        }
        self
    }

    /// Adds problems that are specific to this operation.
    pub(crate) fn problems(mut self, problems: &[Problem]) -> Self {
        self.problems.extend(problems);
        self
    }

    fn content_of<T: Body>(&mut self, example: Value) -> Content {
        debug_assert!(
            serde_json::from_value::<T>(example.clone()).is_ok(),
            "the example of {} is one",
            self.id
        );
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into_owned(), T::schema()));
        Content {
            kind: JSON,
            schema: Ref::from_schema_name(T::name()).into(),
            example: Some(example),
        }
    }

    /// Builds the operation of a route.
    pub(crate) fn operation(
        &self,
        method: &Method,
        path: &str,
        scope: Option<Scope>,
        tag: &str,
    ) -> Operation {
        let needs = match scope {
            Some(scope) => format!("Requires the scope `{scope}`."),
            None if self.needs_caller => {
                "Requires a session or a token, with any scopes.".to_owned()
            }
            None => "Requires no token.".to_owned(),
        };
        let described = format!("{}\n\n{needs}", self.description);
        let mut operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(tag)
            .summary(Some(self.summary))
            .description(Some(described.trim_start()));
        let needs_caller = scope.is_some() || self.needs_caller;
        if needs_caller {
            operation =
                operation.security(SecurityRequirement::new(SECURITY, Vec::<String>::new()));
        }
        for name in path_parameters(path) {
            operation = operation.parameter(path_parameter(name));
        }
        for parameter in &self.query {
            operation = operation.parameter(parameter.clone());
        }
        if self.needs_own_page {
            operation =
                operation.parameter_ref(Ref::new("#/components/parameters/EdgereelRequest"));
        }
        if *method == Method::POST && scope.is_some() {
            operation = operation.parameter_ref(Ref::new("#/components/parameters/IdempotencyKey"));
        }
        if let Some(body) = &self.body {
            let required = if self.body_is_optional {
                Required::False
            } else {
                Required::True
            };
            let mut builder = RequestBodyBuilder::new()
                .content(body.kind, body.build())
                .required(Some(required));
            if self.accepts_bytes {
                // OpenAPI 3.1 needs no schema for bytes, but client generators do.
                let bytes = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)));
                builder = builder.content(BYTES, ContentBuilder::new().schema(Some(bytes)).build());
            }
            operation = operation.request_body(Some(builder.build()));
        }
        let example = self.body.as_ref().and_then(|it| it.example.as_ref());
        let full_path = if scope.is_some() {
            format!("/v1{path}")
        } else {
            path.to_owned()
        };
        let token = needs_caller.then_some("\"Authorization: Bearer $TOKEN\"");
        let page = self.needs_own_page.then_some("'Edgereel-Request: 1'");
        let headers: Vec<_> = token.into_iter().chain(page).collect();
        let mut sample = sample::curl(method, &full_path, self.query_example, example, &headers);
        if let Some(file) = self.file {
            sample += &format!(" --data-binary @{file}");
        }
        // Many viewers support this extension.
        let samples = json!([{ "lang": "Shell", "label": "curl", "source": sample }]);
        operation = operation.extensions(Some(Extensions::from_iter([(CODE_SAMPLES, samples)])));
        for response in &self.responses {
            operation = operation.response(response.status.as_str(), response.build());
        }
        for (status, problems) in self.problems_of(method, path, scope) {
            operation = operation.response(status.as_str(), error_response(&problems));
        }
        operation.build()
    }
}

impl Content {
    fn build(&self) -> utoipa::openapi::Content {
        ContentBuilder::new()
            .schema(Some(self.schema.clone()))
            .example(self.example.clone())
            .build()
    }
}

impl ResponseDoc {
    fn build(&self) -> utoipa::openapi::Response {
        let mut response = ResponseBuilder::new().description(self.description);
        if let Some(content) = &self.content {
            response = response.content(content.kind, content.build());
        }
        for name in self.headers {
            let text = ObjectBuilder::new().schema_type(Type::String);
            response = response.header(*name, HeaderBuilder::new().schema(Some(text)).build());
        }
        response.build()
    }
}
