//! Tasks of Amazon ECS: the two requests that starting them needs.
//!
//! Requests have the JSON protocol of ECS. They are signed and sent here: the SDK of ECS would take
//! longer to build than the rest of this crate, for two of its 65 operations. Credentials, region
//! and endpoint come from where the SDK of AWS finds them.

mod client;
mod message;

use aws_types::SdkConfig;
use domain::launch::start_token;
use domain::time::UnixMillis;

use self::client::Client;
use self::message::{ListTasks, ListedTasks, RunTask, StartedTasks};

/// What `startedBy` of a task says.
const STARTED_BY: &str = "edgereel";
/// Takes the tasks that the cluster's own capacity providers have no room for.
const FALLBACK: &str = "FARGATE";

/// The tasks in which transcoders run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSettings {
    /// Name or ARN of the cluster. Its default capacity providers decide between Spot and on demand.
    pub cluster: String,
    /// Family, `family:revision`, or ARN of the task definition.
    pub task_definition: String,
    /// Ids of the subnets; public ones, since tasks get public addresses.
    pub subnets: Vec<String>,
    /// Id of the security group.
    pub security_group: String,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum EcsError {
    /// The region, or credentials, are missing.
    #[error("{0}")]
    Settings(&'static str),
    /// AWS has no room for the task at the moment.
    #[error("AWS has no capacity: {0}")]
    NoCapacity(String),
    /// The token belongs to a request with other parameters.
    #[error("another program started this task")]
    Conflict,
    /// ECS refused the request; repeating it does not help.
    #[error("ECS refused {operation}: {detail}")]
    Refused {
        /// The name of the operation.
        operation: &'static str,
        /// The kind and the message of the error.
        detail: String,
    },
    /// ECS could not be reached, has an error, or allows no more requests at the moment.
    #[error("ECS did not do {operation}: {detail}")]
    Unavailable {
        /// The name of the operation.
        operation: &'static str,
        /// What went wrong.
        detail: String,
    },
}

impl TaskSettings {
    /// The family of the task definition, whatever its revision.
    fn family(&self) -> &str {
        // arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION
        let name = self.task_definition.rsplit('/').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default()
    }
}

/// Counts and starts tasks.
#[derive(Debug)]
pub(super) struct Tasks {
    settings: TaskSettings,
    client: Client,
}

impl Tasks {
    /// Reads credentials and region at the first use.
    pub(super) fn new(settings: &TaskSettings) -> Self {
        Self {
            settings: settings.clone(),
            client: Client::default(),
        }
    }

    /// With credentials, region and endpoint from here.
    pub(super) fn with_aws(self, aws: SdkConfig) -> Self {
        Self {
            client: Client::with_aws(aws),
            ..self
        }
    }

    /// Counts the tasks of the family that run or are being started, of any revision. Stops counting
    /// at `limit`.
    pub(super) async fn count(&self, limit: u32) -> Result<u32, EcsError> {
        let mut count = 0_u32;
        let mut next = None;
        loop {
            let request = ListTasks {
                cluster: &self.settings.cluster,
                family: self.settings.family(),
                // ECS wants tasks to run from the moment when they were requested.
                desired_status: "RUNNING",
                next_token: next.as_deref(),
            };
            let listed: ListedTasks = self.client.call("ListTasks", &request).await?;
            let number = u32::try_from(listed.task_arns.len()).unwrap_or(u32::MAX);
            count = count.saturating_add(number);
            match listed.next_token.filter(|it| !it.is_empty()) {
                Some(token) if count < limit => next = Some(token),
                Some(_) | None => return Ok(count),
            }
        }
    }

    /// Starts the task of a place, unless another program has just done so. Where the cluster's own
    /// capacity providers, such as Spot, have no room, it runs on demand.
    pub(super) async fn start(&self, place: u32, now: UnixMillis) -> Result<(), EcsError> {
        match self.run(place, None, now).await {
            Err(EcsError::NoCapacity(reason)) => {
                tracing::info!("starting a transcoder on {FALLBACK}: {reason}");
                self.run(place, Some(FALLBACK), now).await
            }
            started => started,
        }
    }

    async fn run(
        &self,
        place: u32,
        provider: Option<&str>,
        now: UnixMillis,
    ) -> Result<(), EcsError> {
        let settings = &self.settings;
        let kind = format!(
            "{}\n{}",
            settings.task_definition,
            provider.unwrap_or_default()
        );
        let token = start_token(&kind, place, now);
        let request = RunTask::new(settings, provider, &token);
        let started = self.client.call("RunTask", &request).await;
        match started.and_then(StartedTasks::check) {
            Err(EcsError::Conflict) => Ok(()),
            started => started,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_task_definitions() {
        for (task_definition, family) in [
            ("transcoder", "transcoder"),
            ("transcoder:7", "transcoder"),
            (
                "arn:aws:ecs:eu-central-1:123456789012:task-definition/edgereel-transcoder:12",
                "edgereel-transcoder",
            ),
        ] {
            let settings = TaskSettings {
                cluster: "videos".to_owned(),
                task_definition: task_definition.to_owned(),
                subnets: vec!["subnet-1".to_owned()],
                security_group: "sg-1".to_owned(),
            };
            assert_eq!(settings.family(), family);
        }
    }
}
