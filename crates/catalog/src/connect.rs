//! Opens the database and the queue that the settings name. The rest of the system does not depend
//! on the choice.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::database::{Database, OpenError};
use crate::{PriorityQueue, SqsJobQueue};
use futures::future::OptionFuture;
use platform::job_queue::sqs::{OpenSqsError, SqsQueueConfig};
use platform::job_queue::{MAX_RECEIVES, SharedQueue, SqsQueue};

/// The queue's location: `database`, or `sqs:URL` with the URL of a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum QueueAddress {
    /// In the same database as the catalog.
    #[default]
    Database,
    /// In Amazon SQS.
    Sqs(SqsQueueConfig),
}

/// A text that is not the address of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the address of a queue: use `database`, or sqs:URL with the URL of a queue")]
pub struct InvalidQueueAddress(String);

impl FromStr for QueueAddress {
    type Err = InvalidQueueAddress;

    fn from_str(text: &str) -> Result<Self, InvalidQueueAddress> {
        match text.split_once(':') {
            None if text == "database" => Ok(Self::Database),
            Some(("sqs", url)) if !url.is_empty() => Ok(Self::Sqs(SqsQueueConfig {
                queue_url: url.to_owned(),
                region: None,
                keys: None,
            })),
            _ => Err(InvalidQueueAddress(text.chars().take(200).collect())),
        }
    }
}

impl fmt::Display for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("database"),
            Self::Sqs(config) => write!(f, "sqs:{}", config.queue_url),
        }
    }
}

/// The database or the queue could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The database could not be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The queue could not be opened.
    #[error(transparent)]
    Queue(#[from] OpenSqsError),
}

/// Settings of a queue, for backends that do not define them.
#[derive(Debug, Clone, Copy)]
pub struct QueueUse<'a> {
    /// Deliveries before a message becomes a dead letter. In SQS, the redrive policy defines this.
    pub max_receives: u32,
    /// Name of this receiver.
    pub holder: &'a str,
}

/// Queues in SQS beside the one of interactive jobs. The database has all of them already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtherQueues {
    /// The queue of chunks; `None`: each video is encoded by one transcoder.
    pub chunks: Option<SqsQueueConfig>,
    /// The queue of bulk jobs; `None`: that of interactive jobs.
    pub bulk: Option<SqsQueueConfig>,
}

/// Opens the queue at `address`, in SQS with the `others`.
///
/// # Errors
/// [`ConnectError::Queue`]
pub async fn queue(
    address: &QueueAddress,
    others: &OtherQueues,
    database: &Database,
    how: QueueUse<'_>,
) -> Result<SharedQueue, ConnectError> {
    Ok(match address {
        QueueAddress::Database => {
            Arc::new(PriorityQueue::new(database, how.max_receives, how.holder))
        }
        QueueAddress::Sqs(config) => {
            let queue = SqsJobQueue::new(SqsQueue::open(config).await?, database);
            let chunks = OptionFuture::from(others.chunks.as_ref().map(SqsQueue::open)).await;
            let bulk = OptionFuture::from(others.bulk.as_ref().map(SqsQueue::open)).await;
            let queue = queue.with_chunks(chunks.transpose()?);
            Arc::new(queue.with_bulk(bulk.transpose()?))
        }
    })
}

/// As [`queue`], for senders of jobs: connects at the first use.
///
/// # Errors
/// [`ConnectError::Queue`], if the address is invalid.
pub async fn lazy_queue(
    address: &QueueAddress,
    others: &OtherQueues,
    database: &Database,
) -> Result<SharedQueue, ConnectError> {
    let sender = QueueUse {
        max_receives: MAX_RECEIVES,
        holder: "sender",
    };
    Ok(match address {
        QueueAddress::Database => queue(address, others, database, sender).await?,
        QueueAddress::Sqs(config) => {
            let queue = SqsJobQueue::new(SqsQueue::open_lazily(config).await?, database);
            let open = SqsQueue::open_lazily;
            let chunks = OptionFuture::from(others.chunks.as_ref().map(open)).await;
            let bulk = OptionFuture::from(others.bulk.as_ref().map(open)).await;
            let queue = queue.with_chunks(chunks.transpose()?);
            Arc::new(queue.with_bulk(bulk.transpose()?))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;
    use crate::database::open;

    #[test]
    fn addresses_of_queues() {
        assert_eq!("database".parse(), Ok(QueueAddress::Database));
        let text = "sqs:https://sqs.eu-central-1.amazonaws.com/123456789012/jobs";
        let address: QueueAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), text);
        for text in [
            "",
            "sqs",
            "sqs:",
            "sqlite:jobs",
            "https://sqs.eu-central-1.amazonaws.com/1/jobs",
            "Database",
        ] {
            assert!(text.parse::<QueueAddress>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_file_holds_both() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite:{}", folder.path().join("edgereel.db").display());
        let database = open(&address).await.unwrap();
        let catalog = Catalog::new(&database);
        let how = QueueUse {
            max_receives: 3,
            holder: "worker",
        };
        let queue = queue(
            &QueueAddress::Database,
            &OtherQueues::default(),
            &database,
            how,
        )
        .await
        .unwrap();
        assert_eq!(queue.depth().await.unwrap(), Default::default());
        assert!(
            catalog
                .list_videos(&Default::default())
                .await
                .unwrap()
                .videos
                .is_empty()
        );
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_without_secrets() {
        let wrong = open("mysql://me:hunter2@db.example/videos")
            .await
            .err()
            .unwrap();
        assert_eq!(
            wrong.to_string(),
            "the address of the database cannot be read"
        );
        // Port 1 is closed.
        let closed = open("postgres://me:hunter2@127.0.0.1:1/videos")
            .await
            .err()
            .unwrap();
        assert_eq!(
            closed.to_string(),
            "could not open the database `postgres://127.0.0.1:1/videos`"
        );
        assert!(!format!("{closed:?}").contains("hunter2"), "{closed:?}");

        let database =
            crate::database::open_sqlite(&tempfile::tempdir().unwrap().path().join("it.db"))
                .await
                .unwrap();
        let how = QueueUse {
            max_receives: 3,
            holder: "worker",
        };
        let no_queue = queue(
            &"sqs:https://aws.amazon.com/sqs".parse().unwrap(),
            &OtherQueues::default(),
            &database,
            how,
        )
        .await
        .err()
        .unwrap();
        assert!(
            matches!(no_queue, ConnectError::Queue(OpenSqsError::Url { .. })),
            "{no_queue:?}"
        );
    }
}
