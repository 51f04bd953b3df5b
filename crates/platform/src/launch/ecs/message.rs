//! The bodies of requests and responses.

use serde::{Deserialize, Serialize};

use super::{EcsError, STARTED_BY, TaskSettings};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTasks<'a> {
    pub(super) cluster: &'a str,
    pub(super) family: &'a str,
    pub(super) desired_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedTasks {
    #[serde(default)]
    pub(super) task_arns: Vec<String>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunTask<'a> {
    cluster: &'a str,
    task_definition: &'a str,
    count: u32,
    client_token: &'a str,
    started_by: &'static str,
    network_configuration: NetworkConfiguration<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    capacity_provider_strategy: Vec<CapacityProvider<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkConfiguration<'a> {
    awsvpc_configuration: AwsvpcConfiguration<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AwsvpcConfiguration<'a> {
    subnets: &'a [String],
    security_groups: [&'a str; 1],
    assign_public_ip: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CapacityProvider<'a> {
    capacity_provider: &'a str,
    weight: u32,
}

impl<'a> RunTask<'a> {
    /// One task. Without a provider, the cluster's default ones apply.
    pub(super) fn new(
        settings: &'a TaskSettings,
        provider: Option<&'a str>,
        token: &'a str,
    ) -> Self {
        let awsvpc_configuration = AwsvpcConfiguration {
            subnets: &settings.subnets,
            security_groups: [&settings.security_group],
            assign_public_ip: "ENABLED",
        };
        let strategy = provider.map(|it| CapacityProvider {
            capacity_provider: it,
            weight: 1,
        });
        Self {
            cluster: &settings.cluster,
            task_definition: &settings.task_definition,
            count: 1,
            client_token: token,
            started_by: STARTED_BY,
            network_configuration: NetworkConfiguration {
                awsvpc_configuration,
            },
            capacity_provider_strategy: strategy.into_iter().collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct StartedTasks {
    #[serde(default)]
    tasks: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    reason: Option<String>,
    detail: Option<String>,
}

impl StartedTasks {
    /// A response with status 200 may still contain no task.
    pub(super) fn check(self) -> Result<(), EcsError> {
        if !self.tasks.is_empty() {
            return Ok(());
        }
        let texts = self
            .failures
            .into_iter()
            .flat_map(|it| [it.reason, it.detail]);
        let texts: Vec<String> = texts.flatten().collect();
        Err(refusal("RunTask", texts.join(": ")))
    }
}

/// An error of ECS.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Problem {
    /// Such as `com.amazonaws.ecs#AccessDeniedException`.
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl Problem {
    /// The error that a response with this status means.
    pub(super) fn error(self, operation: &'static str, status: u16) -> EcsError {
        let kind = self.kind.rsplit('#').next().unwrap_or_default();
        let detail = match (kind, self.message.as_str()) {
            ("", "") => format!("status {status}"),
            ("", text) => text.to_owned(),
            (kind, "") => kind.to_owned(),
            (kind, text) => format!("{kind}: {text}"),
        };
        match kind {
            "ConflictException" => EcsError::Conflict,
            "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "TooManyRequestsException" => EcsError::Unavailable { operation, detail },
            _ if status == 429 || status >= 500 => EcsError::Unavailable { operation, detail },
            _ => refusal(operation, detail),
        }
    }
}

/// Only the text distinguishes a lack of capacity from other failures: `Capacity is unavailable at this time. Please try again later
/// or in a different availability zone`, `RESOURCE:MEMORY`.
fn refusal(operation: &'static str, detail: String) -> EcsError {
    if detail.contains("RESOURCE:") || detail.contains("apacity is unavailable") {
        EcsError::NoCapacity(detail)
    } else {
        EcsError::Refused { operation, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_problem(status: u16, body: &str) -> String {
        let problem: Problem = serde_json::from_str(body).unwrap();
        problem.error("RunTask", status).to_string()
    }

    fn of_response(body: &str) -> Option<String> {
        let response: StartedTasks = serde_json::from_str(body).unwrap();
        response.check().err().map(|it| it.to_string())
    }

    #[test]
    fn errors_of_ecs() {
        for (status, body, expected) in [
            (
                400,
                r#"{"__type":"AccessDeniedException","Message":"no ecs:RunTask"}"#,
                "ECS refused RunTask: AccessDeniedException: no ecs:RunTask",
            ),
            (
                400,
                r#"{"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"Cluster not found."}"#,
                "ECS refused RunTask: ClusterNotFoundException: Cluster not found.",
            ),
            (
                400,
                r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
                "ECS did not do RunTask: ThrottlingException: Rate exceeded",
            ),
            (
                400,
                r#"{"__type":"ClientException","message":"Capacity is unavailable at this time. Please try again later"}"#,
                "AWS has no capacity: ClientException: Capacity is unavailable at this time. Please try again later",
            ),
            (
                400,
                r#"{"__type":"ConflictException","message":"in use","resourceIds":["arn"]}"#,
                "another program started this task",
            ),
            (503, "{}", "ECS did not do RunTask: status 503"),
        ] {
            assert_eq!(of_problem(status, body), expected, "{body}");
        }
    }

    #[test]
    fn tasks_that_could_not_be_placed() {
        for (body, expected) in [
            (r#"{"tasks":[{"taskArn":"arn"}],"failures":[]}"#, None),
            (
                r#"{"tasks":[],"failures":[{"arn":"arn","reason":"RESOURCE:MEMORY"}]}"#,
                Some("AWS has no capacity: RESOURCE:MEMORY"),
            ),
            (
                r#"{"failures":[{"reason":"Capacity is unavailable at this time."}]}"#,
                Some("AWS has no capacity: Capacity is unavailable at this time."),
            ),
            (
                r#"{"failures":[{"reason":"MISSING","detail":"gone"}]}"#,
                Some("ECS refused RunTask: MISSING: gone"),
            ),
        ] {
            assert_eq!(of_response(body).as_deref(), expected, "{body}");
        }
    }
}
