//! How transcoders are started when jobs are sent.

use std::num::NonZeroU32;

use platform::launch::ecs::TaskSettings;
use platform::launch::{LaunchSettings, Report};

use crate::parsers::List;

/// Tasks of Amazon ECS that run `edgereel transcoder --until-idle`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Launch")]
pub struct LaunchArgs {
    /// Name or ARN of an ECS cluster: when this program sends a job, it starts tasks of transcoders there. The cluster
    /// needs default capacity providers.
    #[arg(long, env = "EDGEREEL_ECS_CLUSTER", value_name = "CLUSTER")]
    ecs_cluster: Option<String>,
    /// Family or ARN of the task definition, which runs `edgereel transcoder --until-idle SECONDS`. Required with a cluster.
    #[arg(
        long,
        env = "EDGEREEL_ECS_TASK_DEFINITION",
        value_name = "TASK_DEFINITION"
    )]
    ecs_task_definition: Option<String>,
    /// Ids of public subnets for the tasks, separated by commas. Required with a cluster.
    #[arg(long, env = "EDGEREEL_ECS_SUBNETS", value_name = "IDS")]
    ecs_subnets: Option<List<String>>,
    /// Id of the security group of the tasks. Required with a cluster.
    #[arg(long, env = "EDGEREEL_ECS_SECURITY_GROUP", value_name = "ID")]
    ecs_security_group: Option<String>,
    /// The most tasks that run at the same time. 0: start none.
    #[arg(
        long,
        env = "EDGEREEL_ECS_MAX_TASKS",
        value_name = "N",
        default_value_t = 8
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(..=5000))]
    ecs_max_tasks: u32,
}

/// A setting is missing that the others need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("EDGEREEL_ECS_CLUSTER is set, and {0} is missing")]
pub struct IncompleteLaunch(&'static str);

impl LaunchArgs {
    /// The settings; `None`: this program starts no transcoders.
    ///
    /// # Errors
    /// If a setting is missing that the others need.
    pub fn settings(self) -> Result<Option<LaunchSettings>, IncompleteLaunch> {
        let Some(cluster) = self.ecs_cluster else {
            return Ok(None);
        };
        let tasks = TaskSettings {
            cluster,
            task_definition: self
                .ecs_task_definition
                .ok_or(IncompleteLaunch("EDGEREEL_ECS_TASK_DEFINITION"))?,
            subnets: self
                .ecs_subnets
                .map(|it| it.0)
                .filter(|it| !it.is_empty())
                .ok_or(IncompleteLaunch("EDGEREEL_ECS_SUBNETS"))?,
            security_group: self
                .ecs_security_group
                .ok_or(IncompleteLaunch("EDGEREEL_ECS_SECURITY_GROUP"))?,
        };
        let settings = NonZeroU32::new(self.ecs_max_tasks).map(|limit| LaunchSettings {
            tasks,
            limit,
            report: Report::default(),
        });
        Ok(settings)
    }
}
