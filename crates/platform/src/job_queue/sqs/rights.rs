//! What credentials may do with a queue, found out by requests that change nothing.
//!
//! The parameters of these requests are invalid. SQS checks rights before parameters, so the error tells
//! whether the right is missing.

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

use super::errors::queue_error;
use super::{QueueError, SqsQueue};

/// What a program with these credentials may do with a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRights {
    /// Name of the queue.
    pub queue: String,
    /// Deliveries after which a message goes to the dead-letter queue.
    pub max_receives: u32,
    /// Whether it may send messages.
    pub may_send: bool,
    /// Whether it may receive, extend and acknowledge messages.
    pub may_receive: bool,
}

/// More than SQS accepts in one request.
const TOO_MANY_MESSAGES: i32 = 11;
/// Longer than SQS delays a message, seconds.
const TOO_LONG_DELAY: i32 = 901;
/// No receipt of SQS looks like this.
const NO_RECEIPT: &str = "none";

impl SqsQueue {
    /// Tries each kind of request.
    ///
    /// # Errors
    /// If the queue cannot be reached, does not exist or has no dead-letter queue, or if its settings
    /// cannot be read.
    pub async fn rights(&self) -> Result<QueueRights, QueueError> {
        let max_receives = self.redrive().await?.max_receives;
        let send = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body("")
            .delay_seconds(TOO_LONG_DELAY)
            .send()
            .await;
        let receive = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(TOO_MANY_MESSAGES)
            .visibility_timeout(0)
            .send()
            .await;
        let hide = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(NO_RECEIPT)
            .visibility_timeout(0)
            .send()
            .await;
        let delete = self
            .client
            .delete_message()
            .queue_url(&self.url)
            .receipt_handle(NO_RECEIPT)
            .send()
            .await;
        Ok(QueueRights {
            queue: self.name.clone(),
            max_receives,
            may_send: self.is_permitted(send)?,
            may_receive: self.is_permitted(receive)?
                && self.is_permitted(hide)?
                && self.is_permitted(delete)?,
        })
    }

    fn is_permitted<T, E>(
        &self,
        result: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<bool, QueueError>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        match result {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(answer)) if answer.err().code().is_some_and(is_denial) => {
                Ok(false)
            }
            Err(error) => match queue_error(&self.name, error) {
                QueueError::Refused { .. } => Ok(true),
                unavailable => Err(unavailable),
            },
        }
    }
}

/// `AccessDenied` and `AccessDeniedException`, by protocol.
fn is_denial(code: &str) -> bool {
    code.contains("AccessDenied")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job_queue::sqs::SqsQueueConfig;
    use crate::secret::Secret;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A service in the protocol of SQS that denies these actions, and finds the parameters of the
    /// others invalid.
    async fn service(denied: &'static [&'static str]) -> SqsQueue {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = vec![];
                    let mut part = [0; 4096];
                    // A request has one small body of JSON, which ends with a brace.
                    while !request.ends_with(b"}") {
                        match stream.read(&mut part).await {
                            Ok(0) | Err(_) => return,
                            Ok(read) => request.extend_from_slice(&part[..read]),
                        }
                    }
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let action = request
                        .to_lowercase()
                        .split("x-amz-target: amazonsqs.")
                        .nth(1)
                        .and_then(|it| it.split("\r\n").next())
                        .unwrap_or_default()
                        .to_owned();
                    let (status, body) = answer(&action, denied);
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\n\
                         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        let config = SqsQueueConfig {
            queue_url: format!("http://{address}/000000000000/jobs"),
            region: Some("eu-central-1".to_owned()),
            keys: Some(("id".to_owned(), Secret::new("secret"))),
        };
        SqsQueue::open_lazily(&config).await.unwrap()
    }

    fn answer(action: &str, denied: &[&str]) -> (u16, Arc<str>) {
        let attributes = r#"{"Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:r:1:dead\",\"maxReceiveCount\":5}"}}"#;
        match action {
            _ if denied.contains(&action) => {
                let body =
                    r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}"#;
                (403, body.into())
            }
            "getqueueattributes" => (200, attributes.into()),
            "getqueueurl" => (200, r#"{"QueueUrl":"http://sqs.example/1/dead"}"#.into()),
            _ => {
                let body = r#"{"__type":"com.amazonaws.sqs#InvalidParameterValue","message":"no"}"#;
                (400, body.into())
            }
        }
    }

    #[tokio::test]
    async fn a_denied_request_differs_from_an_invalid_one() {
        for (denied, expected) in [
            (&[][..], (true, true)),
            (&["sendmessage"], (false, true)),
            (&["receivemessage"], (true, false)),
            (&["changemessagevisibility"], (true, false)),
            (&["deletemessage", "sendmessage"], (false, false)),
        ] {
            let rights = service(denied).await.rights().await.unwrap();
            assert_eq!(
                (rights.may_send, rights.may_receive),
                expected,
                "{denied:?}"
            );
            assert_eq!((rights.queue.as_str(), rights.max_receives), ("jobs", 5));
        }
        let unreadable = service(&["getqueueattributes"]).await.rights().await;
        assert!(
            matches!(unreadable, Err(QueueError::Refused { .. })),
            "{unreadable:?}"
        );
    }
}
