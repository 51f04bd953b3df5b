//! The videos that this process is working on.
//!
//! If the catalog reports that this worker holds a claim already, and no job here works on the
//! video, then an earlier response was lost, and the claim can be used.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::VideoId;

/// The videos that the jobs of one worker are processing. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct InHand(Arc<Mutex<HashSet<VideoId>>>);

/// Marks a video as being processed until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    all: InHand,
    video: VideoId,
}

impl InHand {
    /// Marks a video; `None`: another job of this worker is processing it.
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
