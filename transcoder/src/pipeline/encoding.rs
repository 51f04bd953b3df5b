//! The encoding lane: chunks in parallel, or all of them in one run that reads from a normaliser.

use domain::segment::{ChunkRecord, Lane};
use tokio::sync::{mpsc, watch};

use crate::error::TranscodeError;
use crate::lanes::{EncodeContext, LaneOutput};
use crate::reused::ReusedRenditions;

async fn encode_one(
    context: &EncodeContext,
    reused: Option<&ReusedRenditions>,
    (lane, index): (Lane, usize),
    sender: &mpsc::Sender<LaneOutput>,
) -> Result<ChunkRecord, TranscodeError> {
    if let Some(reused) = reused.filter(|it| !it.decodes(lane)) {
        return reused.chunk(&context.writer, lane, index as u32).await;
    }
    let chunk = &context.plan.chunks(lane)[index];
    let made = context.encode(lane, chunk, sender).await?;
    match reused {
        Some(reused) => reused.complete(&context.writer, made).await,
        None => Ok(made),
    }
}

/// Encodes chunks in order, several in parallel: those of the first rung, and then the others.
pub(super) async fn encode_all(
    context: &EncodeContext,
    reused: Option<&ReusedRenditions>,
    chunks: Vec<(Lane, usize)>,
    playable: Option<watch::Receiver<bool>>,
    sender: mpsc::Sender<LaneOutput>,
) -> Result<(), TranscodeError> {
    use futures::stream::{self, StreamExt as _, TryStreamExt as _};
    if let Some(mut playable) = playable {
        // An error means that the sender is gone: then there is nothing to wait for.
        drop(playable.wait_for(|it| *it).await);
    }
    if let (Some((_, first)), false) = (chunks.first(), context.feeds.is_empty()) {
        return encode_through(context, reused, *first, sender).await;
    }
    stream::iter(
        chunks
            .into_iter()
            .map(|it| encode_one(context, reused, it, &sender)),
    )
    .buffer_unordered(context.encoders)
    .try_for_each(|chunk| async {
        sender
            .send(LaneOutput::Chunk(chunk))
            .await
            .map_err(|_| TranscodeError::Cancelled)
    })
    .await
}

/// Encodes all chunks from `first` on in one run, which reads the output of a normaliser.
async fn encode_through(
    context: &EncodeContext,
    reused: Option<&ReusedRenditions>,
    first: usize,
    sender: mpsc::Sender<LaneOutput>,
) -> Result<(), TranscodeError> {
    let (inner, mut received) = mpsc::channel(16);
    let encoding = async move { context.run_through(Lane::Encode, first, &inner).await };
    let passing = async {
        while let Some(made) = received.recv().await {
            let made = match (made, reused) {
                (LaneOutput::Chunk(chunk), Some(reused)) => {
                    LaneOutput::Chunk(reused.complete(&context.writer, chunk).await?)
                }
                (made, _) => made,
            };
            sender
                .send(made)
                .await
                .map_err(|_| TranscodeError::Cancelled)?;
        }
        Ok(())
    };
    tokio::try_join!(encoding, passing).map(drop)
}
