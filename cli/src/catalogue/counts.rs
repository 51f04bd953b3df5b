//! Totals of a catalogue.

use super::{Item, ItemState};

/// The number of sources by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Videos that are ready, or wait for their first view.
    pub done: u64,
    /// Files that are being prepared, and videos that are being made.
    pub in_flight: u64,
    /// Sources without a correct video.
    pub failed: u64,
    /// Sources that were not sent.
    pub left: u64,
    /// Objects that have the content of another one.
    pub duplicates: u64,
    /// Objects that are not converted.
    pub skipped: u64,
}

impl Counts {
    /// Counts sources.
    pub fn of(items: &[Item]) -> Self {
        let mut counts = Self::default();
        for item in items {
            *counts.of_state(&item.state) += 1;
        }
        counts
    }

    /// The number of sources in this state.
    pub(super) fn of_state(&mut self, state: &ItemState) -> &mut u64 {
        match state {
            ItemState::Ready | ItemState::Stored => &mut self.done,
            ItemState::Preparing | ItemState::InFlight => &mut self.in_flight,
            ItemState::Failed | ItemState::Unavailable | ItemState::Changed => &mut self.failed,
            ItemState::Waiting(_) | ItemState::NotStarted(_) => &mut self.left,
            ItemState::Duplicate(_) => &mut self.duplicates,
            ItemState::Skipped => &mut self.skipped,
        }
    }
}
