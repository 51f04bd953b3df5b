//! The lanes that encode video: the first rung in one run, and the others in parallel chunks, or in one
//! run that reads from a normaliser.

use domain::segment::{ChunkRecord, Lane};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::error::TranscodeError;
use crate::fan_out::Lead;
use crate::lanes::{EncodeContext, LaneOutput};
use crate::reused::ReusedRenditions;

/// Encodes the missing chunks of the first rung and of the others.
pub(super) struct VideoEncoding<'a> {
    pub(super) context: &'a EncodeContext,
    /// Leads other transcoders, if they take part in the lane `encode`.
    pub(super) lead: Option<&'a Lead<'a>>,
    /// The renditions that are copied instead.
    pub(super) reused: Option<&'a ReusedRenditions>,
    /// Receives each segment and each chunk as it is finished.
    pub(super) sender: mpsc::Sender<LaneOutput>,
}

impl VideoEncoding<'_> {
    /// Encodes chunks of the lanes `first` and `encode`, given by their indexes.
    ///
    /// The first rung has priority: the others use the encoders that it leaves. `playable`: encoding
    /// waits until it becomes true.
    pub(super) async fn run(
        &self,
        first: Vec<usize>,
        encode: Vec<usize>,
        playable: Option<watch::Receiver<bool>>,
    ) -> Result<(), TranscodeError> {
        if let Some(mut playable) = playable {
            // An error means that the sender is gone: then there is nothing to wait for.
            drop(playable.wait_for(|it| *it).await);
        }
        let encoders = Semaphore::new(self.context.encoders);
        let ahead = async {
            if !first.is_empty() {
                let threads = self.context.threads_of_run(Lane::First) as u32;
                let _busy = encoders.acquire_many(threads).await;
                self.first_rung(first).await?;
            }
            self.context.first_rung.ended();
            Ok(())
        };
        // The first future acquires its encoders first.
        tokio::try_join!(ahead, self.others(encode, &encoders)).map(drop)
    }

    async fn first_rung(&self, chunks: Vec<usize>) -> Result<(), TranscodeError> {
        match self.reused.filter(|it| !it.decodes(Lane::First)) {
            Some(reused) => self.copy(reused, Lane::First, chunks).await,
            None => self.in_one_run(Lane::First, chunks[0]).await,
        }
    }

    async fn others(&self, chunks: Vec<usize>, encoders: &Semaphore) -> Result<(), TranscodeError> {
        if let Some(reused) = self.reused.filter(|it| !it.decodes(Lane::Encode)) {
            return self.copy(reused, Lane::Encode, chunks).await;
        }
        if let (Some(first), false) = (chunks.first(), self.context.feeds.is_empty()) {
            return self.in_one_run(Lane::Encode, *first).await;
        }
        if chunks.is_empty() && self.lead.is_none() {
            return Ok(());
        }
        self.in_chunks(chunks, encoders).await
    }

    /// Encodes chunks of the lane `encode` in parallel, alone or together with other transcoders.
    #[tracing::instrument(name = "lane", skip_all, fields(lane = Lane::Encode.as_str()))]
    async fn in_chunks(
        &self,
        chunks: Vec<usize>,
        encoders: &Semaphore,
    ) -> Result<(), TranscodeError> {
        use futures::stream::{self, StreamExt as _, TryStreamExt as _};
        if let Some(lead) = self.lead {
            return lead
                .encode(self.context, chunks, encoders, &self.sender)
                .await;
        }
        let encode = |index: usize| async move {
            let chunk = &self.context.plan.encode_chunks[index];
            let needed = if self.context.is_awaited(chunk) {
                self.context.encoders
            } else {
                1
            };
            let _busy = encoders.acquire_many(needed as u32).await;
            self.complete(self.context.encode(chunk, &self.sender).await?)
                .await
        };
        stream::iter(chunks.into_iter().map(encode))
            .buffer_unordered(self.context.encoders)
            .try_for_each(|chunk| self.send(LaneOutput::Chunk(chunk)))
            .await
    }

    /// Encodes all chunks of a lane from `first` on in one run.
    async fn in_one_run(&self, lane: Lane, first: usize) -> Result<(), TranscodeError> {
        let (inner, mut received) = mpsc::channel(16);
        let encoding = async move { self.context.run_through(lane, first, &inner).await };
        let passing = async {
            while let Some(made) = received.recv().await {
                let made = match made {
                    LaneOutput::Chunk(chunk) => LaneOutput::Chunk(self.complete(chunk).await?),
                    made @ LaneOutput::Segment { .. } => made,
                };
                self.send(made).await?;
            }
            Ok(())
        };
        tokio::try_join!(encoding, passing).map(drop)
    }

    /// Copies all renditions of a lane.
    async fn copy(
        &self,
        reused: &ReusedRenditions,
        lane: Lane,
        chunks: Vec<usize>,
    ) -> Result<(), TranscodeError> {
        for index in chunks {
            let chunk = reused
                .chunk(&self.context.writer, lane, index as u32)
                .await?;
            self.send(LaneOutput::Chunk(chunk)).await?;
        }
        Ok(())
    }

    /// Adds the renditions of an encoded chunk that are copied.
    async fn complete(&self, chunk: ChunkRecord) -> Result<ChunkRecord, TranscodeError> {
        match self.reused {
            Some(reused) => reused.complete(&self.context.writer, chunk).await,
            None => Ok(chunk),
        }
    }

    async fn send(&self, made: LaneOutput) -> Result<(), TranscodeError> {
        self.sender
            .send(made)
            .await
            .map_err(|_| TranscodeError::Cancelled)
    }
}
