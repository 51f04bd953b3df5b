//! A small cache of source blocks, shared by all readers of one job.
//!
//! FFmpeg reads the head of a file again for every chunk, several chunks in parallel, and drops
//! connections whenever it seeks. Whole blocks turn that into few bounded requests to the store.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt as _};
use tokio::sync::OnceCell;

use crate::error::TranscodeError;
use crate::source::Source;

/// Size of a block, bytes.
const BLOCK: u64 = 1 << 20;

/// Number of cached blocks: those that a few readers need at once, and the head of the file.
const KEPT: usize = 16;

type Cell = Arc<OnceCell<Bytes>>;

/// A source, read through a cache.
#[derive(Clone)]
pub(crate) struct Blocks {
    source: Arc<dyn Source>,
    /// Cached blocks, the most recently used last.
    recent: Arc<Mutex<VecDeque<(u64, Cell)>>>,
    read_bytes: Arc<AtomicU64>,
    reads: Arc<AtomicU64>,
}

impl Blocks {
    /// A cache in front of a source.
    pub(crate) fn new(source: Arc<dyn Source>) -> Self {
        Self {
            source,
            recent: Arc::default(),
            read_bytes: Arc::default(),
            reads: Arc::default(),
        }
    }

    /// Size of the source, bytes.
    pub(crate) fn size(&self) -> u64 {
        self.source.size()
    }

    /// Number of bytes that were read from the source so far.
    pub(crate) fn fetched(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Number of requests for parts of the source so far.
    pub(crate) fn requests(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Reads the part of `range` that exists.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<Vec<u8>, TranscodeError> {
        let mut bytes =
            Vec::with_capacity((range.end.min(self.size()).saturating_sub(range.start)) as usize);
        let mut parts = std::pin::pin!(self.stream(range));
        while let Some(part) = parts.next().await {
            bytes.extend_from_slice(&part?);
        }
        Ok(bytes)
    }

    /// The part of `range` that exists, in pieces.
    pub(crate) fn stream(
        &self,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, TranscodeError>> + Send + 'static {
        let (this, end) = (self.clone(), range.end.min(self.size()));
        stream::try_unfold(range.start, move |at| {
            let this = this.clone();
            async move {
                if at >= end {
                    return Ok(None);
                }
                let number = at / BLOCK;
                // The next block is read while this one is sent.
                if (number + 1) * BLOCK < end {
                    let ahead = this.clone();
                    drop(tokio::spawn(async move {
                        ahead.block(number + 1).await.map(drop)
                    }));
                }
                let block = this.block(number).await?;
                let start = (at - number * BLOCK) as usize;
                let stop = ((end - number * BLOCK).min(block.len() as u64)) as usize;
                Ok(Some((
                    block.slice(start..stop),
                    number * BLOCK + stop as u64,
                )))
            }
        })
    }

    async fn block(&self, number: u64) -> Result<Bytes, TranscodeError> {
        let cell = self.cell(number);
        let fetch = || async {
            let start = number * BLOCK;
            self.reads.fetch_add(1, Ordering::Relaxed);
            let bytes = self
                .source
                .read(start..(start + BLOCK).min(self.size()))
                .await?;
            self.read_bytes
                .fetch_add(bytes.len() as u64, Ordering::Relaxed);
            Ok(bytes)
        };
        cell.get_or_try_init(fetch).await.cloned()
    }

    fn cell(&self, number: u64) -> Cell {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent
            .iter()
            .position(|(it, _)| *it == number)
            .and_then(|position| recent.remove(position));
        let (_, cell) = found.unwrap_or_else(|| (number, Cell::default()));
        recent.push_back((number, Arc::clone(&cell)));
        if recent.len() > KEPT {
            // The head of the file is read again for every chunk, so it stays cached.
            let oldest = recent.iter().position(|(it, _)| *it != 0).unwrap_or(0);
            recent.remove(oldest);
        }
        cell
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    struct Counting {
        bytes: Vec<u8>,
    }

    #[async_trait]
    impl Source for Counting {
        fn size(&self) -> u64 {
            self.bytes.len() as u64
        }

        async fn read(&self, range: Range<u64>) -> Result<Bytes, TranscodeError> {
            Ok(Bytes::copy_from_slice(
                &self.bytes[range.start as usize..range.end as usize],
            ))
        }
    }

    fn blocks() -> (Blocks, Vec<u8>) {
        let bytes: Vec<u8> = (0..(3 * BLOCK + 777))
            .map(|it| (it * 31 % 251) as u8)
            .collect();
        (
            Blocks::new(Arc::new(Counting {
                bytes: bytes.clone(),
            })),
            bytes,
        )
    }

    #[tokio::test]
    async fn any_range_comes_out_whole() {
        let (blocks, bytes) = blocks();
        for range in [
            0..1,
            5..BLOCK,
            BLOCK - 1..BLOCK + 1,
            0..u64::MAX,
            3 * BLOCK..3 * BLOCK + 777,
            9 * BLOCK..10 * BLOCK,
        ] {
            let end = range.end.min(bytes.len() as u64) as usize;
            let expected = bytes.get(range.start as usize..end).unwrap_or_default();
            assert_eq!(
                blocks.read(range.clone()).await.unwrap(),
                expected,
                "{range:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_block_is_fetched_once() {
        let (blocks, bytes) = blocks();
        for _ in 0..5 {
            blocks.read(0..bytes.len() as u64).await.unwrap();
        }
        assert_eq!(
            (blocks.fetched(), blocks.requests()),
            (bytes.len() as u64, 4)
        );
    }
}
