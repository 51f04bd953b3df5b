//! The videos that this process is working on.
//!
//! If the catalog reports that this worker holds a claim already, and no job here works on the
//! video, then an earlier response was lost, and the claim can be used.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::VideoId;

/// The videos that the jobs of one worker are processing. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct ActiveVideos(Arc<Mutex<HashSet<VideoId>>>);

/// Marks a video as being processed until it is dropped.
#[derive(Debug)]
pub(crate) struct ActiveVideo {
    all: ActiveVideos,
    video: VideoId,
}

impl ActiveVideos {
    /// Marks a video; `None`: another job of this worker is processing it.
    pub(crate) fn add(&self, video: VideoId) -> Option<ActiveVideo> {
        let is_new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(video);
        is_new.then(|| ActiveVideo {
            all: self.clone(),
            video,
        })
    }
}

impl Drop for ActiveVideo {
    fn drop(&mut self) {
        self.all
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.video);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_job_works_on_a_video() {
        let (all, video) = (ActiveVideos::default(), VideoId::new(1, [1; 10]));
        let first = all.add(video);
        assert!(first.is_some() && all.add(video).is_none());
        assert!(all.add(VideoId::new(1, [2; 10])).is_some());
        drop(first);
        assert!(all.add(video).is_some());
    }
}
