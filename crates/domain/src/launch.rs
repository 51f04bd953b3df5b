//! How many transcoders to start for the jobs that wait.
//!
//! Only for transcoders that are started on demand. They end by themselves when they are idle, so
//! these rules start transcoders and stop none.

use std::ops::Range;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::ids::hex;
use crate::time::UnixMillis;

/// Most transcoders that are started at once: the service that starts them limits the requests. The
/// next look starts the others.
pub const MOST_AT_ONCE: u32 = 10;

/// How long the same place keeps its token. Shorter than the life of the shortest transcoder, so that
/// the place of one that ended can be taken again; longer than it takes until a started transcoder
/// is counted.
const TOKEN_LIFE: Duration = Duration::from_secs(30);

/// Chunks for which one transcoder is started. It takes about a minute to start one, and it encodes
/// several chunks at the same time.
const CHUNKS_PER_TRANSCODER: u64 = 4;

/// Jobs, chunks and transcoders at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Jobs that a transcoder could receive now.
    pub waiting: u64,
    /// Jobs that transcoders hold.
    pub in_progress: u64,
    /// Jobs that were sent since the last look. The queue may not count them yet.
    pub sent: u64,
    /// Chunks of videos that another transcoder leads: those that wait, and those that transcoders
    /// hold beside their jobs.
    pub chunks: u64,
    /// Transcoders that run or are being started.
    pub transcoders: u32,
    /// The most transcoders that may run at the same time.
    pub limit: u32,
}

/// The places of the transcoders to start: the first free ones. Transcoders without a job, among them
/// those that are being started, take waiting jobs first. So do those that encode chunks for others:
/// they give the chunks back. The transcoders that remain take chunks.
pub fn places_to_start(load: Load) -> Range<u32> {
    let counted = load.waiting.saturating_add(load.in_progress);
    let waiting = load
        .waiting
        .saturating_add(load.sent.saturating_sub(counted));
    let free = u64::from(load.transcoders).saturating_sub(load.in_progress);
    let helpers = load.chunks.div_ceil(CHUNKS_PER_TRANSCODER);
    let missing = waiting.saturating_add(helpers).saturating_sub(free);
    let needed = u32::try_from(missing).unwrap_or(u32::MAX);
    let room = load.limit.saturating_sub(load.transcoders);
    let number = needed.min(room).min(MOST_AT_ONCE);
    load.transcoders..load.transcoders + number
}

/// The token of a request that starts the transcoder of a place: two processes that look at the same
/// time send the same one, so that only one transcoder starts. `kind` distinguishes requests that
/// differ in anything else.
pub fn start_token(kind: &str, place: u32, now: UnixMillis) -> String {
    let window = u128::from(now.get()) / TOKEN_LIFE.as_millis();
    let digest = Sha256::digest(format!("{kind}\n{place}\n{window}"));
    hex(&digest[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcoders_are_started_for_the_jobs_that_none_will_take() {
        // (waiting, in progress, sent, chunks, transcoders, limit) -> places
        for (load, expected) in [
            // From zero, one for each job, up to the limit.
            ((0, 0, 0, 0, 0, 8), 0..0),
            ((1, 0, 0, 0, 0, 8), 0..1),
            ((3, 0, 0, 0, 0, 8), 0..3),
            ((100, 0, 0, 0, 0, 8), 0..8),
            ((5, 0, 0, 0, 0, 0), 0..0),
            // All of them work.
            ((1, 2, 0, 0, 2, 8), 2..3),
            ((9, 6, 0, 0, 6, 8), 6..8),
            ((9, 8, 0, 0, 8, 8), 8..8),
            // Those that wait or are being started take the jobs.
            ((2, 1, 0, 0, 3, 8), 3..3),
            ((3, 1, 0, 0, 3, 8), 3..4),
            ((1, 0, 0, 0, 1, 8), 1..1),
            // The queue has not counted the jobs yet that were sent.
            ((0, 0, 1, 0, 0, 8), 0..1),
            ((1, 0, 4, 0, 0, 8), 0..4),
            // It has counted them, and a transcoder has received them already.
            ((0, 1, 1, 0, 1, 8), 1..1),
            ((2, 0, 2, 0, 0, 8), 0..2),
            // A transcoder with several jobs does not make room for others.
            ((2, 6, 0, 0, 2, 8), 2..4),
            // The limit was lowered.
            ((4, 6, 0, 0, 6, 3), 6..6),
            // A few at a time.
            ((500, 0, 0, 0, 0, 500), 0..10),
            ((500, 10, 0, 0, 10, 500), 10..20),
            // Several chunks are worth a transcoder.
            ((0, 1, 0, 0, 1, 8), 1..1),
            ((0, 1, 0, 1, 1, 8), 1..2),
            ((0, 1, 0, 4, 1, 8), 1..2),
            ((0, 1, 0, 5, 1, 8), 1..3),
            ((0, 1, 0, 40, 1, 8), 1..8),
            // Those that are idle or encode chunks take the others.
            ((0, 1, 0, 8, 3, 8), 3..3),
            ((0, 1, 0, 12, 3, 8), 3..4),
            // They take jobs before chunks.
            ((1, 1, 0, 8, 3, 8), 3..4),
            ((2, 1, 0, 0, 3, 8), 3..3),
            ((u64::MAX, u64::MAX, u64::MAX, u64::MAX, 1, u32::MAX), 1..11),
        ] {
            let (waiting, in_progress, sent, chunks, transcoders, limit) = load;
            let counted = Load {
                waiting,
                in_progress,
                sent,
                chunks,
                transcoders,
                limit,
            };
            assert_eq!(places_to_start(counted), expected, "{load:?}");
        }
    }

    #[test]
    fn the_same_place_has_the_same_token_for_a_while() {
        let at = |seconds: u64| UnixMillis::new(1_700_000_010_000 + seconds * 1_000);
        let token = start_token("cluster", 3, at(0));
        assert_eq!(token.len(), 32, "{token}");
        assert!(token.chars().all(|it| it.is_ascii_hexdigit()), "{token}");
        assert_eq!(start_token("cluster", 3, at(29)), token);
        for other in [
            start_token("cluster", 4, at(0)),
            start_token("other", 3, at(0)),
            start_token("cluster", 3, at(30)),
        ] {
            assert_ne!(other, token);
        }
    }
}
