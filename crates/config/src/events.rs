//! The queue with the events of the bucket.

use std::str::FromStr;

use catalog::connect::QueueAddress;
use platform::job_queue::sqs::SqsQueueConfig;

/// Where the events of the private bucket wait, for stores that send them to SQS.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Services")]
pub struct EventsArgs {
    /// The queue to which the private bucket sends its events: `sqs:URL` of an Amazon SQS queue with a dead-letter queue.
    #[arg(long, env = "EDGEREEL_EVENTS_QUEUE", value_name = "ADDRESS")]
    pub events_queue: Option<EventsAddress>,
}

/// The address of a queue in SQS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsAddress(pub SqsQueueConfig);

/// The text is not the address of a queue in SQS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use sqs:URL, with the URL of a queue")]
pub struct InvalidEventsAddress;

impl FromStr for EventsAddress {
    type Err = InvalidEventsAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEventsAddress> {
        match text.parse() {
            Ok(QueueAddress::Sqs(config)) => Ok(Self(config)),
            Ok(QueueAddress::Database) | Err(_) => Err(InvalidEventsAddress),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_queues_in_sqs_have_events() {
        let EventsAddress(config) = "sqs:https://sqs.example/1/events".parse().unwrap();
        assert_eq!(config.queue_url, "https://sqs.example/1/events");
        for text in ["database", "https://sqs.example/1/events", "sqs:"] {
            assert!(text.parse::<EventsAddress>().is_err(), "{text}");
        }
    }
}
