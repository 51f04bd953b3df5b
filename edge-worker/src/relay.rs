//! Turns the bucket's events into jobs: which messages of a batch are which jobs, and the outcome
//! of each message.
//!
//! `domain::event` interprets events in all components, so the job has the same id whichever
//! component creates it. A message that is not a job (another bucket, another directory, a removal,
//! malformed), or whose job the receiver refuses, is acknowledged and counted, because a retry would
//! not change that.

use std::collections::BTreeMap;
use std::fmt;

use domain::event::{EventContext, SkipReason, jobs_of};
use domain::ids::JobId;
use domain::job::JobMessage;

/// The jobs that a batch of messages requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The bodies to send, each once, also for duplicate events.
    pub bodies: Vec<String>,
    /// The indices of the bodies that each message of the batch depends on.
    waits: Vec<Vec<usize>>,
    /// Counts of messages that started no work, by kind.
    ignored: Vec<(&'static str, usize)>,
}

/// The outcome of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// It was accepted.
    Sent,
    /// It is refused, and would be refused again.
    Rejected,
    /// It could not be sent now.
    Failed,
}

/// The outcome of a message of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageOutcome {
    /// It is acknowledged.
    Ack,
    /// One of its jobs could not be sent: the message is retried.
    Retry,
}

/// The result of a batch, for the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Number of messages of the batch.
    pub messages: usize,
    /// Number of jobs that were sent.
    pub sent: usize,
    /// Number of jobs that the receiver refuses.
    pub rejected: usize,
    /// Number of messages that are retried.
    pub retried: usize,
    /// Counts of messages that started no work, by kind.
    pub ignored: Vec<(&'static str, usize)>,
}

impl Plan {
    /// Plans a batch. `None` stands for an unreadable message.
    pub fn new(messages: &[Option<String>], context: EventContext<'_>) -> Self {
        let mut plan = Self::default();
        let mut known: BTreeMap<JobId, usize> = BTreeMap::new();
        for message in messages {
            let mut waits = vec![];
            for record in jobs_of(message.as_deref().unwrap_or_default(), context) {
                match record {
                    Ok(job) => {
                        let at = *known.entry(job.id.clone()).or_insert(plan.bodies.len());
                        if at == plan.bodies.len() {
                            plan.bodies.push(JobMessage::from(job).to_body());
                        }
                        waits.push(at);
                    }
                    Err(ignored) => {
                        let kind = kind(&ignored);
                        match plan.ignored.iter_mut().find(|it| it.0 == kind) {
                            Some((_, count)) => *count = count.saturating_add(1),
                            None => plan.ignored.push((kind, 1)),
                        }
                    }
                }
            }
            plan.waits.push(waits);
        }
        plan
    }

    /// The outcome of each message, once those of the bodies are known.
    pub fn outcomes(&self, jobs: &[JobOutcome]) -> Vec<MessageOutcome> {
        let is_settled = |at: &usize| jobs.get(*at).is_some_and(|it| *it != JobOutcome::Failed);
        self.waits
            .iter()
            .map(|it| {
                if it.iter().all(is_settled) {
                    MessageOutcome::Ack
                } else {
                    MessageOutcome::Retry
                }
            })
            .collect()
    }

    /// The result of the batch.
    pub fn summary(&self, jobs: &[JobOutcome]) -> Summary {
        let count = |outcome| jobs.iter().filter(|it| **it == outcome).count();
        Summary {
            messages: self.waits.len(),
            sent: count(JobOutcome::Sent),
            rejected: count(JobOutcome::Rejected),
            retried: self
                .outcomes(jobs)
                .iter()
                .filter(|it| **it == MessageOutcome::Retry)
                .count(),
            ignored: self.ignored.clone(),
        }
    }
}

/// The delay before a message is retried, seconds: half of the age of the message, at least 5 s and
/// at most 15 minutes, since a service that has been unavailable for an hour will not return in a
/// second. A hundred such delays are most of a day.
pub fn pause(age: f64) -> u32 {
    const SHORTEST: f64 = 5.0;
    const LONGEST: f64 = 900.0;
    // The clock of the sender may be ahead.
    (age / 2.0).clamp(SHORTEST, LONGEST) as u32
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages: {} jobs sent, {} rejected, {} to retry",
            self.messages, self.sent, self.rejected, self.retried
        )?;
        self.ignored
            .iter()
            .try_for_each(|(kind, count)| write!(f, ", {count} {kind}"))
    }
}

fn kind(ignored: &SkipReason) -> &'static str {
    match ignored {
        SkipReason::Test => "test events",
        SkipReason::Deleted { .. } => "removals",
        SkipReason::OtherAction { .. } => "other actions",
        SkipReason::OtherBucket { .. } => "other buckets",
        SkipReason::NotAnUpload { .. } => "not uploads",
        SkipReason::UnreadableJob { .. } => "unreadable jobs",
        SkipReason::Malformed { .. } => "not events",
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::VideoId;
    use domain::job::Mode;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const CONTEXT: EventContext<'_> = EventContext {
        bucket: "private",
        profile: "default",
        mode: Mode::Abr,
    };

    #[test]
    fn rests_grow_with_the_age_of_a_message() {
        let table: Vec<u32> = [-60.0, 0.0, 9.0, 60.0, 1000.0, 86_400.0, f64::MAX]
            .map(pause)
            .into();
        assert_eq!(table, [5, 5, 5, 30, 500, 900, 900]);
        let day = (0..100).fold(0.0, |age, _| age + f64::from(pause(age)));
        assert!((20.0..24.0).contains(&(day / 3600.0)), "{day} s");
    }

    fn event(action: &str, key: &str) -> Option<String> {
        let object = json!({ "key": key, "size": 5, "eTag": "e" });
        Some(
            json!({ "account": "a", "action": action, "bucket": "private", "object": object })
                .to_string(),
        )
    }

    fn upload(name: &str) -> Option<String> {
        event(
            "PutObject",
            &format!("uploads/{}/{name}", VideoId::new(1, [1; 10])),
        )
    }

    #[test]
    fn jobs_are_the_ones_of_the_local_path() {
        let plan = Plan::new(&[upload("a.mp4")], CONTEXT);
        let job = jobs_of(&upload("a.mp4").unwrap(), CONTEXT)
            .remove(0)
            .unwrap();
        assert_eq!(plan.bodies, [JobMessage::from(job).to_body()]);
    }

    #[test]
    fn messages_without_work_are_acknowledged_and_counted() {
        let foreign = Some(upload("a.mp4").unwrap().replace("private", "other"));
        let messages = [
            upload("a.mp4"),
            event("PutObject", "somewhere/else.mp4"),
            event("DeleteObject", "uploads/x"),
            foreign,
            None,
            Some("{".to_owned()),
            Some(r#"{"Event":"s3:TestEvent"}"#.to_owned()),
            event("Frobnicate", "uploads/x"),
        ];
        let plan = Plan::new(&messages, CONTEXT);
        let sent = [JobOutcome::Sent];
        assert_eq!(plan.outcomes(&sent), [MessageOutcome::Ack; 8]);
        insta::assert_snapshot!(plan.summary(&sent), @"8 messages: 1 jobs sent, 0 rejected, 0 to retry, 1 not uploads, 1 removals, 1 other buckets, 2 not events, 1 test events, 1 other actions");
    }

    #[test]
    fn each_message_comes_again_on_its_own() {
        let plan = Plan::new(
            &[upload("a.mp4"), upload("b.mp4"), upload("a.mp4"), None],
            CONTEXT,
        );
        assert_eq!(plan.bodies.len(), 2, "duplicates are sent once");
        use JobOutcome::{Failed, Rejected, Sent};
        let (ack, retry) = (MessageOutcome::Ack, MessageOutcome::Retry);
        for (jobs, expected) in [
            (&[Sent, Failed][..], [ack, retry, ack, ack]),
            (&[Failed, Sent], [retry, ack, retry, ack]),
            (&[Failed, Rejected], [retry, ack, retry, ack]),
            (&[Rejected, Rejected], [ack, ack, ack, ack]),
            (&[], [retry, retry, retry, ack]),
        ] {
            assert_eq!(plan.outcomes(jobs), expected, "{jobs:?}");
        }
        insta::assert_snapshot!(plan.summary(&[Failed, Rejected]), @"4 messages: 0 jobs sent, 1 rejected, 2 to retry, 1 not events");
    }

    #[test]
    fn a_message_of_several_records_needs_all_of_them() {
        let record = |name: &str| {
            let key = format!("uploads/{}/{name}", VideoId::new(1, [1; 10]));
            json!({ "eventName": "ObjectCreated:Put",
                "s3": { "bucket": { "name": "private" }, "object": { "key": key, "size": 5, "eTag": "e" } } })
        };
        let both = json!({ "Records": [record("a.mp4"), record("b.mp4")] }).to_string();
        let plan = Plan::new(&[Some(both)], CONTEXT);
        use JobOutcome::{Failed, Rejected, Sent};
        assert_eq!(plan.outcomes(&[Sent, Sent]), [MessageOutcome::Ack]);
        assert_eq!(plan.outcomes(&[Sent, Rejected]), [MessageOutcome::Ack]);
        assert_eq!(plan.outcomes(&[Sent, Failed]), [MessageOutcome::Retry]);
    }

    proptest! {
        #[test]
        fn every_message_gets_an_outcome(bodies in prop::collection::vec(prop::option::of("\\PC{0,60}"), 0..20), is_sent: bool) {
            let plan = Plan::new(&bodies, CONTEXT);
            let outcome = if is_sent { JobOutcome::Sent } else { JobOutcome::Failed };
            prop_assert_eq!(plan.outcomes(&vec![outcome; plan.bodies.len()]).len(), bodies.len());
        }
    }
}
