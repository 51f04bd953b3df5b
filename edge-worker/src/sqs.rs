//! Sends to Amazon SQS: batches of at most ten messages, each of which succeeds or fails
//! separately.

use serde::{Deserialize, Serialize};

use crate::delivery::Request;
use crate::relay::JobOutcome;
use crate::signature::{self, Credentials, Post};
use crate::url::Url;

/// Maximum number of messages per request, a limit of SQS.
const BATCH: usize = 10;

/// Maximum size of one request, all bodies together, bytes: the limit of SQS before it was raised.
const BATCH_BYTES: usize = 256 * 1024;

/// An SQS queue, and the credentials for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// URL of the queue, for example `https://sqs.eu-central-1.amazonaws.com/123456789012/jobs`.
    pub url: String,
    /// Region, for example `eu-central-1`.
    pub region: String,
    /// Credentials of the requests.
    pub credentials: Credentials,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendBatch<'a> {
    queue_url: &'a str,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    id: String,
    message_body: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    #[serde(default)]
    successful: Vec<SentEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SentEntry {
    id: String,
}

/// The number of messages at the beginning that fit into one request: at most ten, and not more
/// bytes than SQS accepts; at least one.
pub fn batch(bodies: &[String]) -> usize {
    let mut bytes = 0_usize;
    let fits = |it: &&String| {
        bytes = bytes.saturating_add(it.len());
        bytes <= BATCH_BYTES
    };
    bodies.iter().take(BATCH).take_while(fits).count().max(1)
}

impl Queue {
    /// The signed request that sends these bodies, at most ten. `now` in Unix seconds. `None`: the
    /// URL of the queue is invalid.
    pub fn send(&self, bodies: &[String], now: u64) -> Option<Request> {
        let url = Url::split(&self.url)?;
        let entries = bodies.iter().enumerate();
        let entries = entries
            .map(|(index, body)| Entry {
                id: index.to_string(),
                message_body: body,
            })
            .collect();
        let body = serde_json::to_string(&SendBatch {
            queue_url: &self.url,
            entries,
        })
        .ok()?;
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "AmazonSQS.SendMessageBatch"),
        ];
        let post = Post {
            service: "sqs",
            region: &self.region,
            host: url.host_header(),
            path: "/",
            headers: &headers,
            body: body.as_bytes(),
            now,
        };
        let signed = signature::sign(&post, &self.credentials);
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .chain(signed)
            .collect();
        Some(Request {
            url: format!("{}/", url.origin),
            headers,
            body,
        })
    }
}

/// Which of `count` messages were queued, according to a response with status 200.
pub fn outcomes(response: &str, count: usize) -> Vec<JobOutcome> {
    let successful = serde_json::from_str::<Sent>(response)
        .map(|it| it.successful)
        .unwrap_or_default();
    let is_queued = |index: usize| successful.iter().any(|it| it.id == index.to_string());
    (0..count)
        .map(|index| match is_queued(index) {
            true => JobOutcome::Sent,
            false => JobOutcome::Failed,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> Queue {
        Queue {
            url: "http://127.0.0.1:4566/queue/us-east-1/000000000000/jobs".to_owned(),
            region: "us-east-1".to_owned(),
            credentials: Credentials {
                access_key_id: "test".to_owned(),
                secret_access_key: "test".to_owned(),
                session_token: None,
            },
        }
    }

    #[test]
    fn a_request_holds_its_messages() {
        let request = queue()
            .send(&["one".to_owned(), "\"two\"".to_owned()], 1_716_579_404)
            .unwrap();
        assert_eq!(request.url, "http://127.0.0.1:4566/");
        insta::assert_snapshot!(request.body, @r#"{"QueueUrl":"http://127.0.0.1:4566/queue/us-east-1/000000000000/jobs","Entries":[{"Id":"0","MessageBody":"one"},{"Id":"1","MessageBody":"\"two\""}]}"#);
        let names: Vec<&str> = request.headers.iter().map(|it| it.0).collect();
        assert_eq!(
            names,
            [
                "content-type",
                "x-amz-target",
                "authorization",
                "x-amz-date"
            ]
        );
        assert_eq!(
            Queue {
                url: "jobs".to_owned(),
                ..queue()
            }
            .send(&[], 0),
            None
        );
    }

    #[test]
    fn each_message_succeeds_on_its_own() {
        let response = r#"{"Successful":[{"Id":"2","MessageId":"m","MD5OfMessageBody":"d"},{"Id":"0","MessageId":"m","MD5OfMessageBody":"d"}],"Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError"}]}"#;
        use JobOutcome::{Failed, Sent};
        assert_eq!(outcomes(response, 3), [Sent, Failed, Sent]);
        for rubbish in ["", "null", "[]", "{}", r#"{"Successful":7}"#] {
            assert_eq!(outcomes(rubbish, 2), [Failed, Failed], "{rubbish}");
        }
    }

    #[test]
    fn batches_are_of_ten_and_never_too_large() {
        let bodies = |count: usize, bytes: usize| vec!["x".repeat(bytes); count];
        assert_eq!(batch(&bodies(1, 1)), 1);
        assert_eq!(batch(&bodies(10, 1)), 10);
        assert_eq!(batch(&bodies(25, 1)), 10);
        assert_eq!(batch(&bodies(3, 128 * 1024)), 2);
        assert_eq!(batch(&bodies(3, 200 * 1024)), 1);
        assert_eq!(batch(&bodies(2, 300 * 1024)), 1);
    }
}
