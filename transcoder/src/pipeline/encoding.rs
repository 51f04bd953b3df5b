//! The encoding lane: chunks in parallel, or all of them in one run that reads from a normaliser.

use domain::segment::{ChunkRecord, Lane};
use tokio::sync::{mpsc, watch};

use crate::error::TranscodeError;
use crate::lanes::{Made, Workshop};
use crate::takeover::Takeover;

async fn encode_one(
    workshop: &Workshop,
    takeover: Option<&Takeover>,
    place: usize,
    sender: &mpsc::Sender<Made>,
) -> Result<ChunkRecord, TranscodeError> {
    let made = workshop.encode(&workshop.plan.encode_chunks[place], sender).await?;
    match takeover {
        Some(takeover) => takeover.complete(&workshop.outlet, made).await,
        None => Ok(made),
    }
}

/// Encodes chunks in order, several in parallel.
pub(super) async fn encode_all(
    workshop: &Workshop,
    takeover: Option<&Takeover>,
    chunks: Vec<usize>,
    playable: Option<watch::Receiver<bool>>,
    sender: mpsc::Sender<Made>,
) -> Result<(), TranscodeError> {
    use futures::stream::{self, StreamExt as _, TryStreamExt as _};
    if let Some(mut playable) = playable {
        // An error means that the sender is gone: then there is nothing to wait for.
        drop(playable.wait_for(|it| *it).await);
    }
    if let (Some(first), false) = (chunks.first(), workshop.feeds.is_empty()) {
        return encode_through(workshop, takeover, *first, sender).await;
    }
    stream::iter(chunks.into_iter().map(|it| encode_one(workshop, takeover, it, &sender)))
        .buffer_unordered(workshop.workers)
        .try_for_each(|chunk| async { sender.send(Made::Chunk(chunk)).await.map_err(|_| TranscodeError::Cancelled) })
        .await
}

/// Encodes all chunks from `first` on in one run, which reads the output of a normaliser.
async fn encode_through(
    workshop: &Workshop,
    takeover: Option<&Takeover>,
    first: usize,
    sender: mpsc::Sender<Made>,
) -> Result<(), TranscodeError> {
    let (inner, mut received) = mpsc::channel(16);
    let encoding = async move { workshop.run_through(Lane::Encode, first, &inner).await };
    let passing = async {
        while let Some(made) = received.recv().await {
            let made = match (made, takeover) {
                (Made::Chunk(chunk), Some(takeover)) => Made::Chunk(takeover.complete(&workshop.outlet, chunk).await?),
                (made, _) => made,
            };
            sender.send(made).await.map_err(|_| TranscodeError::Cancelled)?;
        }
        Ok(())
    };
    tokio::try_join!(encoding, passing).map(drop)
}
