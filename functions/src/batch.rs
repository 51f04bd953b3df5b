//! Batches of SQS messages in Lambda: each message succeeds or fails separately.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use domain::time::UnixMillis;

use api::services::ingest::{Ingest, Ingested};

/// Processes a batch of bucket events (relayed from R2, or from S3). Failed messages are reported, and SQS delivers
/// them again; a job that cannot be parsed becomes a dead letter in the end. Messages that are not bucket events are
/// acknowledged and logged.
pub async fn ingest(ingest: &Ingest, batch: SqsEvent, now: UnixMillis) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        let id = message.message_id.unwrap_or_default();
        match ingest
            .process(message.body.as_deref().unwrap_or_default(), now)
            .await
        {
            Ok(taken) => {
                for ignored in taken.iter().filter_map(|it| {
                    if let Ingested::Ignored(why) = it {
                        Some(why)
                    } else {
                        None
                    }
                }) {
                    tracing::info!(message.id = %id, "skipped: {ignored}");
                }
                tracing::info!(message.id = %id, "processed {} records", taken.len());
            }
            Err(problem) => {
                tracing::warn!(message.id = %id, "cannot process the message: {:#}", anyhow::Error::from(problem));
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                response.batch_item_failures.push(failure);
            }
        }
    }
    response
}
