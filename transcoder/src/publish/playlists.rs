//! Writes playlists, each name no more often than stores allow.

use std::collections::HashMap;
use std::time::Duration;

use domain::object_key::ObjectKey;
use futures::future::try_join_all;
use tokio::time::{Instant, sleep_until};

use crate::error::TranscodeError;
use crate::sink::Outlet;

/// Minimum interval between two writes of one name. R2 accepts one write per second and name; the
/// margin is for the jitter of clocks and connections.
const BETWEEN_WRITES: Duration = Duration::from_millis(1_500);

/// Writes playlists, and records when each was written last.
pub(super) struct Playlists {
    outlet: Outlet,
    written: HashMap<ObjectKey, Instant>,
}

impl Playlists {
    pub(super) fn new(outlet: Outlet) -> Self {
        Self { outlet, written: HashMap::new() }
    }

    /// Records a playlist that an earlier attempt wrote, at the latest now.
    pub(super) fn note(&mut self, key: ObjectKey) {
        self.written.insert(key, Instant::now());
    }

    /// Whether a playlist can be written without waiting.
    pub(super) fn may_write(&self, key: &ObjectKey) -> bool {
        self.written.get(key).is_none_or(|it| it.elapsed() >= BETWEEN_WRITES)
    }

    /// Writes playlists, each as soon as its name may be written again.
    pub(super) async fn put(&mut self, playlists: Vec<(ObjectKey, String)>) -> Result<(), TranscodeError> {
        let writes = playlists.into_iter().map(|(key, text)| {
            let (outlet, last) = (&self.outlet, self.written.get(&key).copied());
            async move {
                if let Some(last) = last {
                    sleep_until(last + BETWEEN_WRITES).await;
                }
                outlet.put(&key, text.into()).await?;
                Ok::<_, TranscodeError>((key, Instant::now()))
            }
        });
        let written = try_join_all(writes).await?;
        self.written.extend(written);
        Ok(())
    }
}
