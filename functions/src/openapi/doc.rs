//! The documentation of one operation.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required, Schema};
use utoipa::{IntoParams, ToSchema};

use super::{PROBLEM, SECURITY, sample};
use crate::auth::Scope;
use crate::error::PROBLEM_JSON;
use crate::problem::Problem;

/// An operation as its readers need it. What is the same for all of a kind (credentials, `Idempotency-Key`,
/// problems that any of them can have) is not said here, but added by [`Doc::operation`].
pub(crate) struct Doc {
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    body: Option<Content>,
    body_is_optional: bool,
    takes_bytes: bool,
    query: Vec<Parameter>,
    query_example: Option<&'static str>,
    answers: Vec<Answer>,
    problems: Vec<Problem>,
    /// Schemas that the others refer to.
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
}

struct Content {
    kind: &'static str,
    schema: RefOr<Schema>,
    example: Option<Value>,
}

struct Answer {
    status: StatusCode,
    description: &'static str,
    content: Option<Content>,
    headers: &'static [&'static str],
}

/// The extension that holds examples of requests.
const CODE_SAMPLES: &str = "x-codeSamples";
const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";

impl Doc {
    /// `id`: a name for generated clients.
    pub(crate) fn of(id: &'static str, summary: &'static str, description: &'static str) -> Self {
        Self {
            id,
            summary,
            description,
            body: None,
            body_is_optional: false,
            takes_bytes: false,
            query: vec![],
            query_example: None,
            answers: vec![],
            problems: vec![],
            schemas: vec![],
        }
    }

    /// A body, with an example that it would take.
    pub(crate) fn takes<T: ToSchema + DeserializeOwned>(mut self, example: Value) -> Self {
        debug_assert!(serde_json::from_value::<T>(example.clone()).is_ok(), "the example of {} is one", self.id);
        self.body = Some(self.content_of::<T>(example));
        self
    }

    /// The same, and nothing is as good as `{}`.
    pub(crate) fn may_take<T: ToSchema + DeserializeOwned>(mut self, example: Value) -> Self {
        self.body_is_optional = true;
        self.takes::<T>(example)
    }

    /// Instead of that body: bytes of a file. Its content decides what it is.
    pub(crate) fn or_takes_bytes(mut self) -> Self {
        self.takes_bytes = true;
        self
    }

    /// Parameters of the query, with an example of it; empty: of use only without the example of the body.
    pub(crate) fn asks<T: IntoParams>(mut self, example: &'static str) -> Self {
        self.query.extend(T::into_params(|| Some(ParameterIn::Query)));
        self.query_example = Some(example).filter(|it| !it.is_empty());
        self
    }

    /// A good answer, with an example of it.
    pub(crate) fn gives<T: ToSchema>(mut self, status: StatusCode, what: &'static str, example: Value) -> Self {
        let content = Some(self.content_of::<T>(example));
        self.answers.push(Answer { status, description: what, content, headers: &[] });
        self
    }

    /// A good answer without a body.
    pub(crate) fn gives_nothing(mut self, what: &'static str) -> Self {
        self.answers.push(Answer { status: StatusCode::NO_CONTENT, description: what, content: None, headers: &[] });
        self
    }

    /// A redirection.
    pub(crate) fn leads_on(mut self, what: &'static str) -> Self {
        let status = StatusCode::TEMPORARY_REDIRECT;
        self.answers.push(Answer { status, description: what, content: None, headers: &["Location"] });
        self
    }

    /// Headers of the answer that was named last.
    pub(crate) fn with(mut self, headers: &'static [&'static str]) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers = headers;
        }
        self
    }

    /// Problems that only operations like this one have.
    pub(crate) fn refuses(mut self, problems: &[Problem]) -> Self {
        self.problems.extend(problems);
        self
    }

    fn content_of<T: ToSchema>(&mut self, example: Value) -> Content {
        T::schemas(&mut self.schemas);
        self.schemas.push((T::name().into_owned(), T::schema()));
        Content { kind: JSON, schema: Ref::from_schema_name(T::name()).into(), example: Some(example) }
    }

    /// The operation at a place of the table of routes.
    pub(crate) fn operation(&self, method: &Method, path: &str, scope: Option<Scope>, tag: &str) -> Operation {
        let needs = scope.map_or("Requires no token.".to_owned(), |it| format!("Requires the scope `{it}`."));
        let described = format!("{}\n\n{needs}", self.description);
        let mut operation = OperationBuilder::new()
            .operation_id(Some(self.id))
            .tag(tag)
            .summary(Some(self.summary))
            .description(Some(described.trim_start()));
        if scope.is_some() {
            operation = operation.security(SecurityRequirement::new(SECURITY, Vec::<String>::new()));
        }
        for name in names_in(path) {
            operation = operation.parameter(path_parameter(name));
        }
        for parameter in &self.query {
            operation = operation.parameter(parameter.clone());
        }
        if *method == Method::POST {
            operation = operation.parameter_ref(Ref::new("#/components/parameters/IdempotencyKey"));
        }
        if let Some(body) = &self.body {
            let required = if self.body_is_optional { Required::False } else { Required::True };
            let mut builder = RequestBodyBuilder::new().content(body.kind, body.build()).required(Some(required));
            if self.takes_bytes {
                // OpenAPI 3.1 needs no schema for bytes; generators of clients do.
                let bytes = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)));
                builder = builder.content(BYTES, ContentBuilder::new().schema(Some(bytes)).build());
            }
            operation = operation.request_body(Some(builder.build()));
        }
        let example = self.body.as_ref().and_then(|it| it.example.as_ref());
        let sample = sample::curl(method, path, self.query_example, example, scope.is_some());
        // As many viewers of such documents know it.
        let samples = json!([{ "lang": "Shell", "label": "curl", "source": sample }]);
        operation = operation.extensions(Some(Extensions::from_iter([(CODE_SAMPLES, samples)])));
        for answer in &self.answers {
            operation = operation.response(answer.status.as_str(), answer.build());
        }
        for (status, problems) in self.problems_of(method, path, scope) {
            operation = operation.response(status.as_str(), refusal(&problems));
        }
        operation.build()
    }

    /// All that it can refuse, by status.
    fn problems_of(&self, method: &Method, path: &str, scope: Option<Scope>) -> BTreeMap<StatusCode, Vec<Problem>> {
        use Problem::*;
        let mut all = match scope {
            Some(_) => vec![Unauthorized, InsufficientScope, TooManyRequests, Internal, Unavailable],
            None => vec![],
        };
        if *method == Method::POST {
            all.extend([MalformedRequest, BodyTooLarge]);
            all.extend([IdempotencyInProgress, IdempotencyResponseLost, IdempotencyKeyReused]);
        }
        if self.body.is_some() {
            all.extend([MalformedRequest, BodyTooLarge]);
        }
        if !self.query.is_empty() {
            all.push(MalformedRequest);
        }
        if scope.is_some() && path.contains('{') {
            all.push(NoSuchRoute);
        }
        all.extend(&self.problems);
        all.sort();
        all.dedup();
        let mut by_status = BTreeMap::<_, Vec<_>>::new();
        for problem in all {
            by_status.entry(problem.status()).or_default().push(problem);
        }
        by_status
    }
}

impl Content {
    fn build(&self) -> utoipa::openapi::Content {
        ContentBuilder::new().schema(Some(self.schema.clone())).example(self.example.clone()).build()
    }
}

impl Answer {
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

/// An answer that says why not.
fn refusal(problems: &[Problem]) -> utoipa::openapi::Response {
    let meanings: Vec<_> = problems.iter().map(|it| format!("- `{}`: {}", it.code(), it.meaning())).collect();
    let example = problems.first().map(|it| {
        json!({
            "type": it.uri(), "title": it.title(), "status": it.status().as_u16(), "detail": it.meaning(),
            "code": it.code(), "request_id": "7a4e4d3c6a3f4ad38a6e0a6a0f0b9d1e",
        })
    });
    let content = Content { kind: PROBLEM_JSON, schema: Ref::from_schema_name(PROBLEM).into(), example };
    ResponseBuilder::new().description(meanings.join("\n")).content(content.kind, content.build()).build()
}

/// The parameters of a path, as they stand in it.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|it| it.split('}').next())
}

fn path_parameter(name: &str) -> Parameter {
    let text = || ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).into();
    let (schema, description): (RefOr<Schema>, _) = match name {
        "video" => (Ref::from_schema_name("VideoId").into(), "The id of the video."),
        "webhook" => (Ref::from_schema_name("WebhookId").into(), "The id of the webhook."),
        "delivery" => (Ref::from_schema_name("DeliveryId").into(), "The id of the delivery."),
        "key" => (Ref::from_schema_name("ApiKeyId").into(), "The id of the API key."),
        "share" => (Ref::from_schema_name("ShareId").into(), "The id of the link."),
        "letter" => (text(), "The id of the dead letter, from the list."),
        "number" => {
            let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(10_000));
            (number.into(), "The number of the part, from 1.")
        }
        "secret" => (text(), "The secret in the link."),
        _ => (text(), "The upload id from the response that started the upload."),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
