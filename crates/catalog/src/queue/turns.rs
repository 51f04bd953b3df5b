//! Whose turn it is: other jobs come first, and bulk jobs are not forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many other jobs a receiver gets in a row while bulk jobs wait.
const IN_A_ROW: u32 = 7;

/// Counts the interactive jobs and chunks that were received since the last turn of the bulk jobs. Clones share the
/// count.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<AtomicU32>);

impl Turns {
    /// Records that an interactive job or a chunk was received.
    pub(super) fn other(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that bulk jobs had their turn.
    pub(super) fn bulk(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether a bulk job comes before the next one of the others.
    pub(super) fn is_turn_of_bulk(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= IN_A_ROW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_job_comes_after_seven_others() {
        let turns = Turns::default();
        for _ in 0..IN_A_ROW {
            assert!(!turns.is_turn_of_bulk());
            turns.other();
        }
        assert!(turns.is_turn_of_bulk());
        turns.bulk();
        assert!(!turns.is_turn_of_bulk());
    }
}
