//! The problems that an operation documents.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::json;
use utoipa::openapi::Ref;
use utoipa::openapi::response::ResponseBuilder;

use super::super::PROBLEM;
use super::{Content, Doc};
use crate::auth::Scope;
use crate::error::PROBLEM_JSON;
use crate::problem::Problem;

impl Doc {
    /// All problems of the operation, by status.
    pub(super) fn problems_of(
        &self,
        method: &Method,
        path: &str,
        scope: Option<Scope>,
    ) -> BTreeMap<StatusCode, Vec<Problem>> {
        use Problem::*;
        let mut all = match scope {
            Some(_) => vec![
                Unauthorized,
                InsufficientScope,
                TooManyRequests,
                Internal,
                Unavailable,
            ],
            None => vec![],
        };
        if (scope.is_some() && !method.is_safe()) || self.needs_own_page {
            all.push(CrossSiteRequest);
        }
        if *method == Method::POST && scope.is_some() {
            all.extend([MalformedRequest, BodyTooLarge]);
            all.extend([
                IdempotencyInProgress,
                IdempotencyResponseLost,
                IdempotencyKeyReused,
            ]);
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

/// An error response.
pub(super) fn error_response(problems: &[Problem]) -> utoipa::openapi::Response {
    let meanings: Vec<_> = problems
        .iter()
        .map(|it| format!("- `{}`: {}", it.code(), it.meaning()))
        .collect();
    let example = problems.first().map(|problem| {
        json!({
            "type": problem.uri(), "title": problem.title(), "status": problem.status().as_u16(), "detail": problem.meaning(),
            "code": problem.code(), "request_id": "7a4e4d3c6a3f4ad38a6e0a6a0f0b9d1e",
        })
    });
    let content = Content {
        kind: PROBLEM_JSON,
        schema: Ref::from_schema_name(PROBLEM).into(),
        example,
    };
    ResponseBuilder::new()
        .description(meanings.join("\n"))
        .content(content.kind, content.build())
        .build()
}
