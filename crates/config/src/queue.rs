//! The queue of jobs.

use std::sync::Arc;

use catalog::connect::{self, ConnectError, OtherQueues, QueueAddress, QueueUse};
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
    /// The queue of chunks, with which several transcoders encode one long video: `sqs:URL` of another queue, if the
    /// queue is in SQS. Default: one transcoder per video. The database has a queue of its own for chunks.
    #[arg(long, env = "EDGEREEL_CHUNK_QUEUE", value_name = "ADDRESS")]
    chunk_queue: Option<EventsAddress>,
    /// What a sender of jobs starts.
    #[command(flatten)]
    launch: LaunchArgs,
}

/// Where jobs wait, and what is started for them.
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// The queue.
    pub address: QueueAddress,
    /// The queues of chunks and bulk jobs, if they are other ones in SQS.
    pub others: OtherQueues,
    /// Transcoders that a sender starts; `None`: they run all the time.
    pub launch: Option<LaunchSettings>,
}

/// Settings of the queue that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQueueSettings {
    /// A table has all queues already.
    #[error(
        "{variable} is set, and EDGEREEL_QUEUE is not a queue in SQS: the database has a queue of its own for {messages}"
    )]
    BesideDatabase {
        /// The variable of the other queue.
        variable: &'static str,
        /// Which messages it is for.
        messages: &'static str,
    },
    /// Messages of two kinds would be received as one.
    #[error("{variable} is the same queue as {other}")]
    SameQueue {
        /// The variable of one of the queues.
        variable: &'static str,
        /// The variable of the other one.
        other: &'static str,
    },
    /// See [`IncompleteLaunch`].
    #[error(transparent)]
    Launch(#[from] IncompleteLaunch),
}

impl From<QueueAddress> for QueueSettings {
    fn from(address: QueueAddress) -> Self {
        Self {
            address,
            others: OtherQueues::default(),
            launch: None,
        }
    }
}

impl TryFrom<QueueArgs> for QueueSettings {
    type Error = InvalidQueueSettings;

    fn try_from(args: QueueArgs) -> Result<Self, InvalidQueueSettings> {
        let others = OtherQueues {
            chunks: args.chunk_queue.map(|it| it.0),
            bulk: args.bulk_queue.map(|it| it.0),
        };
        check(&args.queue, &others)?;
        Ok(Self {
            address: args.queue,
            others,
            launch: args.launch.settings()?,
        })
    }
}

/// Each kind of message has a queue of its own.
fn check(queue: &QueueAddress, others: &OtherQueues) -> Result<(), InvalidQueueSettings> {
    let mut taken = match queue {
        QueueAddress::Database => None,
        QueueAddress::Sqs(queue) => Some(vec![("EDGEREEL_QUEUE", &queue.queue_url)]),
    };
    for (variable, messages, other) in [
        ("EDGEREEL_CHUNK_QUEUE", "chunks", &others.chunks),
        ("EDGEREEL_BULK_QUEUE", "bulk jobs", &others.bulk),
    ] {
        let Some(SqsQueueConfig { queue_url, .. }) = other else {
            continue;
        };
        let Some(taken) = &mut taken else {
            return Err(InvalidQueueSettings::BesideDatabase { variable, messages });
        };
        if let Some(&(other, _)) = taken.iter().find(|(_, url)| *url == queue_url) {
            return Err(InvalidQueueSettings::SameQueue { variable, other });
        }
        taken.push((variable, queue_url));
    }
    Ok(())
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
        let queue = connect::queue(&self.address, &self.others, database, how).await?;
        Ok(self.launching(queue))
    }

    /// As `open`, for senders of jobs: connects at the first use.
    ///
    /// # Errors
    /// If an address is invalid.
    pub async fn open_lazily(&self, database: &Database) -> Result<SharedQueue, ConnectError> {
        let queue = connect::lazy_queue(&self.address, &self.others, database).await?;
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
    const CHUNKS: &str = "sqs:https://sqs.eu-central-1.amazonaws.com/1/chunks";

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
    fn chunks_and_bulk_jobs_may_have_queues_of_their_own_in_sqs() {
        let alone = settings(&[("QUEUE", JOBS)]).unwrap();
        assert_eq!(alone.others, OtherQueues::default());
        assert!(alone.launch.is_none());
        let all = settings(&[
            ("QUEUE", JOBS),
            ("BULK_QUEUE", BULK),
            ("CHUNK_QUEUE", CHUNKS),
        ]);
        let others = all.unwrap().others;
        assert_eq!(others.bulk.unwrap().queue_url, BULK["sqs:".len()..]);
        assert_eq!(others.chunks.unwrap().queue_url, CHUNKS["sqs:".len()..]);
        let only_chunks = settings(&[("QUEUE", JOBS), ("CHUNK_QUEUE", CHUNKS)]).unwrap();
        assert!(only_chunks.others.bulk.is_none() && only_chunks.others.chunks.is_some());
    }

    #[test]
    fn a_queue_has_one_kind_of_messages() {
        for variable in ["BULK_QUEUE", "CHUNK_QUEUE"] {
            for (queue, other, problem) in [
                ("database", BULK, "not a queue in SQS"),
                (JOBS, JOBS, "is the same queue as EDGEREEL_QUEUE"),
                (JOBS, "database", "sqs:URL"),
            ] {
                let refused = settings(&[("QUEUE", queue), (variable, other)]).unwrap_err();
                assert!(refused.contains(problem), "{refused}");
                assert!(
                    refused.contains(variable) || other == "database",
                    "{refused}"
                );
            }
        }
        let refused = settings(&[("QUEUE", JOBS), ("BULK_QUEUE", BULK), ("CHUNK_QUEUE", BULK)]);
        assert_eq!(
            refused.unwrap_err(),
            "EDGEREEL_BULK_QUEUE is the same queue as EDGEREEL_CHUNK_QUEUE"
        );
        let beside = settings(&[("CHUNK_QUEUE", CHUNKS)]).unwrap_err();
        assert_eq!(
            beside,
            "EDGEREEL_CHUNK_QUEUE is set, and EDGEREEL_QUEUE is not a queue in SQS: the database has a queue of its own \
             for chunks"
        );
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
