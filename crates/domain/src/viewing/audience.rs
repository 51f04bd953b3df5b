//! The viewing of the last seconds, in memory.

use std::collections::{HashMap, HashSet};

use super::{Observation, Totals};
use crate::grant::Fingerprint;
use crate::ids::VideoId;
use crate::time::UnixMillis;

/// An hour in UTC: Unix seconds divided by 3,600.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u64);

impl Hour {
    const MS: u64 = 3_600_000;

    /// The hour of a time.
    pub fn of(time: UnixMillis) -> Self {
        Self(time.get() / Self::MS)
    }

    /// Its first moment.
    pub fn start(self) -> UnixMillis {
        UnixMillis::new(self.0.saturating_mul(Self::MS))
    }
}

/// A video, and an hour in which it was watched or refused.
pub type VideoHour = (VideoId, Hour);

/// Maximum number of videos and hours between two calls of [`Audience::take`]; each has about 400 bytes.
const MOST_TOTALS: usize = 10_000;
/// Maximum number of sessions that are remembered, in each of the two halves; each has about 50 bytes.
const MOST_SESSIONS: usize = 50_000;

/// Adds up observations until they are stored. Its memory is bounded: observations of more than 10,000 videos are left
/// out, and a session that was idle while 50,000 others began counts as another view when it goes on.
#[derive(Debug, Default)]
pub struct Audience {
    totals: HashMap<VideoHour, Totals>,
    /// The sessions that watched, as `recent` and the ones before: when `recent` is full, it replaces them. So the
    /// sessions that go on are kept, and no session needs a time.
    recent: HashSet<(VideoId, Fingerprint)>,
    before: HashSet<(VideoId, Fingerprint)>,
    left_out: u64,
}

impl Audience {
    /// Adds an observation. `now`: the clock of the edge.
    pub fn observe(&mut self, observation: &Observation, now: UnixMillis) {
        let key = (observation.video, Hour::of(now));
        if self.totals.len() >= MOST_TOTALS && !self.totals.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let is_new = observation.kind.is_view()
            && observation
                .session
                .is_some_and(|it| self.is_new((observation.video, it)));
        self.totals
            .entry(key)
            .or_default()
            .observe(observation, is_new);
    }

    /// Whether the session did not watch before; remembers it.
    fn is_new(&mut self, session: (VideoId, Fingerprint)) -> bool {
        if self.recent.contains(&session) {
            return false;
        }
        let is_new = !self.before.contains(&session);
        if self.recent.len() >= MOST_SESSIONS {
            self.before = std::mem::take(&mut self.recent);
        }
        self.recent.insert(session);
        is_new
    }

    /// What was observed since the last call, in the order of videos and hours. Sessions stay remembered.
    pub fn take(&mut self) -> Vec<(VideoHour, Totals)> {
        let mut all: Vec<_> = std::mem::take(&mut self.totals)
            .into_iter()
            // Only a playlist was taken.
            .filter(|it| it.1 != Totals::default())
            .collect();
        all.sort_unstable_by_key(|it| it.0);
        all
    }

    /// Adds what could not be stored, for the next call of [`take`](Self::take).
    pub fn put_back(&mut self, all: &[(VideoHour, Totals)]) {
        for (key, totals) in all {
            if self.totals.len() >= MOST_TOTALS && !self.totals.contains_key(key) {
                self.left_out += 1;
                continue;
            }
            self.totals.entry(*key).or_default().merge(totals);
        }
    }

    /// The number of observations that were left out since the last call, because too many videos were watched.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmcd::Cmcd;
    use crate::playback::Refusal;
    use crate::viewing::Kind;

    const NOW: UnixMillis = UnixMillis::from_secs(1_800_000_000);

    fn video(number: u64) -> VideoId {
        VideoId::new(number, [1; 10])
    }

    fn observed(kind: Kind, at: u64, session: u64) -> Observation {
        Observation {
            video: video(at),
            session: Some(Fingerprint(session.to_be_bytes())),
            kind,
            measured: Cmcd::default(),
        }
    }

    fn views(all: &[(VideoHour, Totals)]) -> Vec<(VideoId, u64)> {
        all.iter().map(|it| (it.0.0, it.1.views)).collect()
    }

    #[test]
    fn a_view_is_a_session_that_took_more_than_the_playlist() {
        let mut audience = Audience::default();
        for (kind, at, session) in [
            (Kind::Master, 1, 1),
            (Kind::Key, 1, 1),
            (Kind::Segment, 1, 1),
            (Kind::Report, 1, 1),
            // Another session of the same video, and the same session of another video.
            (Kind::Segment, 1, 2),
            (Kind::Key, 2, 1),
            // Only a playlist.
            (Kind::Master, 1, 3),
            (Kind::Master, 3, 3),
            (Kind::Refused(Refusal::Revoked), 1, 4),
        ] {
            audience.observe(&observed(kind, at, session), NOW);
        }
        let all = audience.take();
        assert_eq!(views(&all), [(video(1), 2), (video(2), 1)]);
        assert_eq!(all[0].1.refusals["revoked"], 1);
        // The session goes on after its view was stored, also in the next hour.
        audience.observe(
            &observed(Kind::Key, 1, 1),
            NOW + std::time::Duration::from_secs(3_600),
        );
        assert_eq!(audience.take(), []);
    }

    #[test]
    fn hours_are_separate_and_what_was_not_stored_comes_back() {
        let mut audience = Audience::default();
        let later = NOW + std::time::Duration::from_secs(3_600);
        audience.observe(&observed(Kind::Key, 1, 1), NOW);
        audience.observe(&observed(Kind::Key, 1, 2), later);
        let all = audience.take();
        let hours: Vec<_> = all.iter().map(|it| it.0.1).collect();
        assert_eq!(hours, [Hour::of(NOW), Hour(Hour::of(NOW).0 + 1)]);
        assert_eq!(Hour::of(NOW).start(), NOW);
        audience.observe(&observed(Kind::Key, 1, 3), later);
        audience.put_back(&all);
        assert_eq!(views(&audience.take()), [(video(1), 1), (video(1), 2)]);
    }

    #[test]
    fn the_memory_is_limited() {
        let mut audience = Audience::default();
        for at in 0..MOST_TOTALS as u64 + 5 {
            audience.observe(&observed(Kind::Segment, at, 1), NOW);
        }
        assert_eq!(
            (audience.take().len(), audience.take_left_out()),
            (MOST_TOTALS, 5)
        );
        let mut audience = Audience::default();
        for session in 0..3 * MOST_SESSIONS as u64 {
            audience.observe(&observed(Kind::Segment, 1, session), NOW);
            // This session goes on, so it stays remembered.
            audience.observe(&observed(Kind::Segment, 1, 0), NOW);
            assert!(audience.recent.len() + audience.before.len() <= 2 * MOST_SESSIONS);
        }
        assert_eq!(audience.take()[0].1.views, 3 * MOST_SESSIONS as u64);
    }
}
