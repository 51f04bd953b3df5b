//! Batches of SQS messages in Lambda: each message succeeds or fails separately.

use api::services::ingest::Ingest;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use domain::time::UnixMillis;

/// Processes a batch of bucket events (relayed from R2, or from S3). Failed messages are reported, and SQS delivers
/// them again.
pub async fn ingest(ingest: &Ingest, batch: SqsEvent, now: UnixMillis) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in batch.records {
        let id = message.message_id.unwrap_or_default();
        let body = message.body.unwrap_or_default();
        if !ingest.take(&id, &body, now).await {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    ingest.queue.finish_sends().await;
    response
}
