//! The videos that this process has in hand: by them it recognises a claim of its own whose answer was lost.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::VideoId;

/// The videos that the jobs of one worker have in hand. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct InHand(Arc<Mutex<HashSet<VideoId>>>);

/// A video is in hand until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    all: InHand,
    video: VideoId,
}

impl InHand {
    /// Takes a video in hand; `None`: another job of this worker has it.
    pub(super) fn take(&self, video: VideoId) -> Option<Held> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(video);
        is_new.then(|| Held { all: self.clone(), video })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.video);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_in_one_hand() {
        let (all, video) = (InHand::default(), VideoId::new(1, [1; 10]));
        let held = all.take(video);
        assert!(held.is_some() && all.take(video).is_none());
        assert!(all.take(VideoId::new(1, [2; 10])).is_some());
        drop(held);
        assert!(all.take(video).is_some());
    }
}
