//! The queues in SQS, and the rights to use them.

use catalog::connect::QueueAddress;
use config::{EventsArgs, QueueArgs, QueueSettings};
use platform::job_queue::sqs::{QueueRights, SqsQueue, SqsQueueConfig};

use super::super::finding::{Finding, State};
use super::unset;

const WHAT: &str = "queues";

/// Each queue that the environment names.
pub(super) async fn check() -> Vec<Finding> {
    let args = match config::read::<QueueArgs>() {
        Ok(args) => args,
        Err(invalid) => return vec![unset(WHAT, &invalid)],
    };
    let settings = match QueueSettings::try_from(args) {
        Ok(settings) => settings,
        Err(problem) => {
            let advice = "see docs/configuration.md";
            let found = problem.to_string();
            return vec![Finding::other(WHAT, State::Error, found, advice)];
        }
    };
    let mut findings = vec![];
    match &settings.address {
        QueueAddress::Database => findings.push(Finding::ok(WHAT, "jobs wait in the database")),
        QueueAddress::Sqs(jobs) => findings.push(queue("EDGEREEL_QUEUE", jobs).await),
    }
    let others = [
        ("EDGEREEL_BULK_QUEUE", &settings.others.bulk),
        ("EDGEREEL_CHUNK_QUEUE", &settings.others.chunks),
    ];
    for (variable, config) in others {
        if let Some(config) = config {
            findings.push(queue(variable, config).await);
        }
    }
    match config::read::<EventsArgs>() {
        Ok(EventsArgs {
            events_queue: Some(events),
        }) => findings.push(queue("EDGEREEL_EVENTS_QUEUE", &events.0).await),
        Ok(EventsArgs { events_queue: None }) => {}
        Err(invalid) => findings.push(unset(WHAT, &invalid)),
    }
    findings
}

async fn queue(variable: &str, config: &SqsQueueConfig) -> Finding {
    let rights = async {
        let queue = SqsQueue::open_lazily(config).await?;
        anyhow::Ok(queue.rights().await?)
    };
    match rights.await {
        Ok(rights) => judged(variable, &rights),
        Err(problem) => Finding::other(
            WHAT,
            State::Error,
            format!("{variable}: {problem:#}"),
            "correct the URL, or give the credentials the rights of docs/deploy/aws.md",
        ),
    }
}

/// The API sends and does not receive, and a transcoder may do both: one right is enough for a program.
fn judged(variable: &str, rights: &QueueRights) -> Finding {
    let may = match (rights.may_send, rights.may_receive) {
        (true, true) => "send and receive",
        (true, false) => "send, and not receive",
        (false, true) => "receive, and not send",
        (false, false) => {
            let found = format!("{variable}: these credentials may neither send nor receive");
            let advice = "give them the rights of docs/deploy/aws.md";
            return Finding::other(WHAT, State::Error, found, advice);
        }
    };
    let QueueRights {
        queue,
        max_receives,
        ..
    } = rights;
    let found = format!(
        "`{queue}`: these credentials may {may}; after {max_receives} deliveries, a message is a dead letter"
    );
    if *max_receives < 3 {
        let advice = "set maxReceiveCount to 5: an interrupted job is delivered again";
        return Finding::other(WHAT, State::Warning, found, advice);
    }
    Finding::ok(WHAT, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_right_is_enough() {
        for (may_send, may_receive, max_receives, state, word) in [
            (true, true, 5, State::Ok, "send and receive"),
            (true, false, 5, State::Ok, "not receive"),
            (false, true, 5, State::Ok, "not send"),
            (false, false, 5, State::Error, "neither"),
            (true, true, 1, State::Warning, "after 1 deliveries"),
        ] {
            let rights = QueueRights {
                queue: "jobs".to_owned(),
                max_receives,
                may_send,
                may_receive,
            };
            let finding = judged("EDGEREEL_QUEUE", &rights);
            assert_eq!(finding.state, state, "{finding:?}");
            assert!(finding.found.contains(word), "{finding:?}");
        }
    }
}
