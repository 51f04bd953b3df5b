//! Captions that wait to be published, and objects of captions that were replaced or deleted.

use catalog::{RemovedCaptions, Video};
use domain::caption;
use domain::job::{CaptionsJob, JobMessage};
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::time::UnixMillis;
use std::time::Duration;

use super::{SweepError, SweepSummary, Sweeper};

impl Sweeper {
    /// Sends the job of captions again that still wait: its message was lost, or failed for good. Removes
    /// the objects of captions that no playlist has named for as long as a viewer may watch. Returns when to look
    /// again.
    pub(super) async fn sweep_captions(
        &self,
        video: &Video,
        now: UnixMillis,
        swept: &mut SweepSummary,
    ) -> Result<Option<UnixMillis>, SweepError> {
        let mut next = None;
        if self.catalog.playlist_waits(video.id).await? {
            let overdue = video.updated_ms + self.config.lost_message;
            if now >= overdue {
                tracing::warn!(video.id = %video.id, "re-enqueueing the captions of {}", video.id);
                let message = JobMessage::from(CaptionsJob::new(video.id));
                self.queue.send(&message, Duration::ZERO).await?;
                swept.jobs += 1;
            }
            next = Some(overdue.max(now + self.config.lost_message));
        }
        for removed in self.catalog.removed_captions(video.id).await? {
            let overdue = removed.removed_ms + self.config.keep_generations_for;
            if removed.published {
                continue;
            }
            if now < overdue {
                next = next.into_iter().chain([overdue]).min();
                continue;
            }
            self.remove_captions(video, &removed).await?;
            swept.captions += 1;
        }
        Ok(next)
    }

    /// Removes the objects of captions, and then their row. The objects in older generations are
    /// removed with these.
    async fn remove_captions(
        &self,
        video: &Video,
        removed: &RemovedCaptions,
    ) -> Result<(), SweepError> {
        let rendition = caption::rendition(&removed.id);
        if let Some(generation) = &video.generation {
            let objects = ObjectPrefix::Rendition(video.id, generation.clone(), rendition.clone());
            self.store.delete_all(&objects).await?;
            let key = ObjectKey::ContentKey {
                video: video.id,
                generation: generation.clone(),
                key: rendition,
            };
            self.store.delete(&key).await?;
        }
        let text = ObjectKey::Captions {
            video: video.id,
            language: removed.language.clone(),
            captions: removed.id.clone(),
        };
        self.store.delete(&text).await?;
        Ok(self.catalog.forget_captions(video.id, &removed.id).await?)
    }
}
