//! The queue of jobs.

use std::sync::Arc;

use catalog::connect::{self, ConnectError, QueueAddress, QueueUse};
use catalog::database::Database;
use platform::job_queue::SharedQueue;
use platform::job_queue::sqs::SqsQueueConfig;
use platform::launch::{LaunchSettings, Launcher, LaunchingQueue};

use crate::events::EventsAddress;
use crate::launch::{IncompleteLaunch, LaunchArgs};

/// The queue of jobs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Services")]
pub struct QueueArgs {
    /// The queue: `sqs:URL` of an Amazon SQS queue, or `database`.
    #[arg(
        long,
        env = "EDGEREEL_QUEUE",
        value_name = "ADDRESS",
        default_value = "database"
    )]
    queue: QueueAddress,
    /// The queue of jobs for which nobody waits: `sqs:URL` of another queue, if the queue is in SQS. Default: the queue.
    #[arg(long, env = "EDGEREEL_BULK_QUEUE", value_name = "ADDRESS")]
    bulk_queue: Option<EventsAddress>,
    /// What a sender of jobs starts.
    #[command(flatten)]
    launch: LaunchArgs,
}

/// Where jobs wait, and what is started for them.
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// The queue.
    pub address: QueueAddress,
    /// The queue of bulk jobs, if it is another one.
    pub bulk: Option<SqsQueueConfig>,
    /// Transcoders that a sender starts; `None`: they run all the time.
    pub launch: Option<LaunchSettings>,
}

/// Settings of the queue that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQueueSettings {
    /// A table has both queues already.
    #[error(
        "EDGEREEL_BULK_QUEUE is set, and EDGEREEL_QUEUE is not a queue in SQS: the database has a queue of its own for bulk jobs"
    )]
    BulkBesideDatabase,
    /// Bulk jobs would be received as interactive ones.
    #[error("EDGEREEL_BULK_QUEUE is the same queue as EDGEREEL_QUEUE")]
    SameQueue,
    /// See [`IncompleteLaunch`].
    #[error(transparent)]
    Launch(#[from] IncompleteLaunch),
}

impl From<QueueAddress> for QueueSettings {
    fn from(address: QueueAddress) -> Self {
        Self {
            address,
            bulk: None,
            launch: None,
        }
    }
}

impl TryFrom<QueueArgs> for QueueSettings {
    type Error = InvalidQueueSettings;

    fn try_from(args: QueueArgs) -> Result<Self, InvalidQueueSettings> {
        let bulk = args.bulk_queue.map(|it| it.0);
        match (&args.queue, &bulk) {
            (QueueAddress::Database, Some(_)) => {
                return Err(InvalidQueueSettings::BulkBesideDatabase);
            }
            (QueueAddress::Sqs(queue), Some(bulk)) if queue.queue_url == bulk.queue_url => {
                return Err(InvalidQueueSettings::SameQueue);
            }
            _ => {}
        }
        Ok(Self {
            address: args.queue,
            bulk,
            launch: args.launch.settings()?,
        })
    }
}

impl QueueSettings {
    /// Connects to the queue.
    ///
    /// # Errors
    /// If SQS cannot be reached.
    pub async fn open(
        &self,
        database: &Database,
        how: QueueUse<'_>,
    ) -> Result<SharedQueue, ConnectError> {
        let queue = connect::queue(&self.address, self.bulk.as_ref(), database, how).await?;
        Ok(self.launching(queue))
    }

    /// As `open`, for senders of jobs: connects at the first use.
    ///
    /// # Errors
    /// If an address is invalid.
    pub async fn open_lazily(&self, database: &Database) -> Result<SharedQueue, ConnectError> {
        let queue = connect::lazy_queue(&self.address, self.bulk.as_ref(), database).await?;
        Ok(self.launching(queue))
    }

    fn launching(&self, queue: SharedQueue) -> SharedQueue {
        match &self.launch {
            Some(launch) => Arc::new(LaunchingQueue::new(queue, Launcher::new(launch))),
            None => queue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Variables;

    const JOBS: &str = "sqs:https://sqs.eu-central-1.amazonaws.com/1/jobs";
    const BULK: &str = "sqs:https://sqs.eu-central-1.amazonaws.com/1/bulk";

    fn settings(variables: &[(&str, &str)]) -> Result<QueueSettings, String> {
        let variables = variables
            .iter()
            .map(|(name, value)| (format!("EDGEREEL_{name}"), (*value).to_owned()));
        let args: QueueArgs = Variables::new(variables)
            .read()
            .map_err(|it| it.to_string())?;
        QueueSettings::try_from(args).map_err(|it| it.to_string())
    }

    #[test]
    fn bulk_jobs_may_have_a_queue_of_their_own_in_sqs() {
        let alone = settings(&[("QUEUE", JOBS)]).unwrap();
        assert!(alone.bulk.is_none() && alone.launch.is_none());
        let both = settings(&[("QUEUE", JOBS), ("BULK_QUEUE", BULK)]).unwrap();
        assert_eq!(both.bulk.unwrap().queue_url, BULK["sqs:".len()..]);
        for (wrong, problem) in [
            (
                [("QUEUE", "database"), ("BULK_QUEUE", BULK)],
                "not a queue in SQS",
            ),
            ([("QUEUE", JOBS), ("BULK_QUEUE", JOBS)], "the same queue"),
            ([("QUEUE", JOBS), ("BULK_QUEUE", "database")], "sqs:URL"),
        ] {
            let refused = settings(&wrong).unwrap_err();
            assert!(refused.contains(problem), "{refused}");
        }
    }

    #[test]
    fn a_cluster_needs_everything_that_a_task_needs() {
        let all = [
            ("ECS_CLUSTER", "videos"),
            ("ECS_TASK_DEFINITION", "transcoder"),
            ("ECS_SUBNETS", "subnet-1, subnet-2"),
            ("ECS_SECURITY_GROUP", "sg-1"),
            ("ECS_MAX_TASKS", "3"),
        ];
        let launch = settings(&all).unwrap().launch.expect("it is complete");
        assert_eq!(launch.limit.get(), 3);
        assert_eq!(launch.tasks.subnets, ["subnet-1", "subnet-2"]);
        for missing in &all[1..4] {
            let rest: Vec<_> = all.iter().filter(|it| *it != missing).copied().collect();
            let refused = settings(&rest).unwrap_err();
            assert!(refused.contains(missing.0), "{refused}");
        }
        let default = settings(&all[..4]).unwrap().launch;
        assert_eq!(default.map(|it| it.limit.get()), Some(8));
    }

    #[test]
    fn nothing_is_started_without_a_cluster_or_with_a_limit_of_zero() {
        let without = settings(&[("ECS_TASK_DEFINITION", "transcoder")]).unwrap();
        assert!(without.launch.is_none());
        let resting = settings(&[
            ("ECS_CLUSTER", "videos"),
            ("ECS_TASK_DEFINITION", "transcoder"),
            ("ECS_SUBNETS", "subnet-1"),
            ("ECS_SECURITY_GROUP", "sg-1"),
            ("ECS_MAX_TASKS", "0"),
        ]);
        assert!(resting.unwrap().launch.is_none());
    }
}
