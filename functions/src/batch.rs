//! Batches of messages, as Lambda takes them from SQS: each message succeeds or fails on its own.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};

use crate::ingest::{Ingest, Ingested};

/// Takes in a batch of events of buckets: of R2, relayed, or of S3. What fails is named, and SQS delivers it again;
/// a job that cannot be read becomes a dead
/// letter in the end, for somebody to look at. What is no event of ours is acknowledged, and logged.
pub async fn ingest(ingest: &Ingest, batch: SqsEvent, now_ms: u64) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        let id = message.message_id.unwrap_or_default();
        match ingest.take(message.body.as_deref().unwrap_or_default(), now_ms).await {
            Ok(taken) => {
                for ignored in
                    taken.iter().filter_map(|it| if let Ingested::Ignored(why) = it { Some(why) } else { None })
                {
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
