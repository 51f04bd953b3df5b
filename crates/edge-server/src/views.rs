//! The count of views, in memory until a task stores it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::playback::{self, EdgeAction, Refusal};
use domain::time::UnixMillis;
use domain::viewing::{Audience, Observation, Totals, VideoHour};

use crate::Edge;
use crate::request::EdgeRequest;

/// Counts the views of an edge. Counting takes a lock for less than a microsecond and waits for nothing else; what is not
/// taken before the process ends is lost.
#[derive(Debug, Default)]
pub struct Views(Mutex<Audience>);

impl Views {
    /// What was observed since the last call, to be stored.
    pub fn take(&self) -> Vec<(VideoHour, Totals)> {
        let mut audience = self.audience();
        let left_out = audience.take_left_out();
        if left_out > 0 {
            tracing::warn!(
                left_out,
                "too many videos were watched to count all requests"
            );
        }
        audience.take()
    }

    /// Takes back what could not be stored.
    pub fn put_back(&self, all: &[(VideoHour, Totals)]) {
        self.audience().put_back(all);
    }

    fn add(&self, observation: &Observation, now: u64) {
        let now = UnixMillis::from_secs(now);
        self.audience().observe(observation, now);
    }

    fn audience(&self) -> MutexGuard<'_, Audience> {
        // A partial change is an observation that is missing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Edge {
    /// What a request says about viewing if it is served; `None`: nothing, or this edge does not count.
    pub(super) fn observe(
        &self,
        action: &EdgeAction,
        request: &EdgeRequest<'_>,
    ) -> Option<Observation> {
        self.views.as_ref()?;
        action.observe(&request.playback(), |name| request.header(name))
    }

    /// Counts a request: the observation if it was served, or else the refusal.
    pub(super) fn count(
        &self,
        observation: Option<Observation>,
        refusal: Option<Refusal>,
        request: &EdgeRequest<'_>,
    ) {
        let Some(views) = &self.views else { return };
        let observation = match refusal {
            Some(it) => playback::observe_refusal(it, &request.playback(), &self.keys),
            None => observation,
        };
        if let Some(observation) = observation {
            views.add(&observation, (self.now)());
        }
    }
}
