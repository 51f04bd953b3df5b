//! The pace of audio beside a first rung. Viewers see a segment when its video and its audio are there, so
//! audio far ahead of the video helps no one, and takes a processor from the first rung.

use domain::plan::Boundary;
use domain::segment::TICKS_PER_SECOND;
use tokio::sync::watch;

use crate::error::TranscodeError;

/// How far audio may be ahead of the first rung, ticks.
const LEAD: u64 = 12 * TICKS_PER_SECOND;

/// How far the first rung is.
#[derive(Debug)]
pub(crate) struct FirstRungProgress(watch::Sender<u64>);

impl FirstRungProgress {
    /// At the start of the presentation; for a plan without a first rung, beyond its end.
    pub(crate) fn new(is_awaited: bool) -> Self {
        Self(watch::Sender::new(if is_awaited { 0 } else { u64::MAX }))
    }

    /// The first rung is stored up to this time, ticks.
    pub(crate) fn reached(&self, ticks: u64) {
        self.0.send_if_modified(|it| {
            let is_later = ticks > *it;
            *it = ticks.max(*it);
            is_later
        });
    }

    /// Nothing waits for the first rung any more.
    pub(crate) fn ended(&self) {
        self.reached(u64::MAX);
    }

    /// The pace of deliveries that begin at these boundaries.
    pub(crate) fn pace(&self, boundaries: &[Boundary]) -> Pace {
        Pace {
            progress: self.0.subscribe(),
            starts: boundaries.iter().map(|it| it.ticks).collect(),
        }
    }
}

/// Holds deliveries back.
#[derive(Debug)]
pub(crate) struct Pace {
    progress: watch::Receiver<u64>,
    starts: Vec<u64>,
}

impl Pace {
    /// Returns when a delivery may be received. FFmpeg waits meanwhile, without using a processor.
    ///
    /// # Errors
    /// `Cancelled` if the work has ended.
    pub(crate) async fn wait(&self, index: u32) -> Result<(), TranscodeError> {
        let start = self.starts.get(index as usize).copied().unwrap_or(0);
        let mut progress = self.progress.clone();
        let reached = progress
            .wait_for(|it| start <= it.saturating_add(LEAD))
            .await;
        reached.map(drop).map_err(|_| TranscodeError::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn boundaries() -> Vec<Boundary> {
        let boundary = |index: u64| Boundary {
            ticks: index * 6 * TICKS_PER_SECOND,
            frame: index * 180,
        };
        (0..=10).map(boundary).collect()
    }

    async fn may_begin(pace: &Pace, index: u32) -> bool {
        let short = Duration::from_millis(20);
        tokio::time::timeout(short, pace.wait(index)).await.is_ok()
    }

    #[tokio::test]
    async fn audio_is_a_little_ahead() {
        let progress = FirstRungProgress::new(true);
        let pace = progress.pace(&boundaries());
        assert!(may_begin(&pace, 2).await && !may_begin(&pace, 3).await);
        progress.reached(6 * TICKS_PER_SECOND);
        // Segments may be reported out of order.
        progress.reached(2 * TICKS_PER_SECOND);
        assert!(may_begin(&pace, 3).await && !may_begin(&pace, 4).await);
        progress.ended();
        assert!(may_begin(&pace, 9).await);
    }

    #[tokio::test]
    async fn nothing_waits_without_a_first_rung() {
        let pace = FirstRungProgress::new(false).pace(&boundaries());
        assert!(may_begin(&pace, 9).await);
    }

    #[tokio::test]
    async fn nothing_waits_for_work_that_has_ended() {
        let progress = FirstRungProgress::new(true);
        let pace = progress.pace(&boundaries());
        drop(progress);
        assert!(matches!(pace.wait(9).await, Err(TranscodeError::Cancelled)));
    }
}
