//! Captions of a video that is ready: small jobs beside the work on a video. They need no lease,
//! because the rows in the catalog decide, and the master playlist is written only if no one else
//! wrote it in the meantime.

use catalog::{CaptionRecord, CatalogError};
use domain::ids::Generation;
use domain::job::CaptionsJob as CaptionsRequest;
use domain::object_key::{ObjectKey, ObjectPrefix};
use domain::state::VideoState;
use hls::MasterPlaylist;
use hls::write::{SubtitleSpec, with_chapters, with_subtitles};
use platform::clock;
use platform::object_store::{ObjectStoreExt as _, PutCondition, StoreError};
use std::sync::Arc;
use tracing::{info, warn};

use super::{Fate, JobContext};
use crate::captions::CaptionWriter;
use crate::chapters::write_chapters;
use crate::content_keys::WrappedKeys;
use crate::error::TranscodeError;
use crate::manifest;
use crate::published::master_playlist;
use crate::reused::LARGEST_MANIFEST;
use crate::sink::GenerationWriter;

/// How often the playlist is written again because the captions or the playlist changed.
const ROUNDS: u32 = 10;

/// A job that publishes the captions of a video.
pub(crate) struct CaptionsJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a CaptionsRequest,
}

impl CaptionsJob<'_> {
    /// Writes missing renditions, and names the current captions in the master playlist.
    pub(crate) async fn run(&self) -> Fate {
        let problem = match Box::pin(self.publish()).await {
            Ok(()) => return Fate::Acknowledge,
            Err(TranscodeError::Catalog(CatalogError::NotFound { .. })) => {
                return Fate::Acknowledge;
            }
            Err(TranscodeError::Catalog(CatalogError::Gone { .. })) => {
                info!("the video is gone");
                self.remove_objects().await;
                return Fate::Acknowledge;
            }
            Err(problem) => problem,
        };
        match self
            .context
            .failed("publish captions and chapters", problem)
        {
            // The sweeper sends another message while they wait.
            Ok(failed) if failed.is_final() => Fate::dead_letter(failed.failure.code.as_str()),
            Ok(failed) => failed.again(),
            Err(fate) => fate,
        }
    }

    async fn publish(&self) -> Result<(), TranscodeError> {
        let (catalog, video) = (&self.context.worker.catalog, self.job.video);
        for _ in 0..ROUNDS {
            // A video that is not ready gets its captions when it is.
            let VideoState::Ready { generation } = catalog.get_video(video).await?.state else {
                return Ok(());
            };
            let records = catalog.captions(video).await?;
            let chapters = catalog
                .chapters(video)
                .await?
                .filter(|it| !it.chapters.is_empty());
            let Some((master, etag)) = master_playlist(&self.context.worker.store, video).await?
            else {
                return Ok(());
            };
            // The worker that switches to another generation looks at the captions afterwards.
            if !is_of(&master, &generation) {
                return Ok(());
            }
            let entries = self.entries(&generation, &records).await?;
            let uri = match &chapters {
                Some(record) => {
                    Some(write_chapters(&*self.context.worker.store, video, record).await?)
                }
                None => None,
            };
            let changed = with_chapters(&with_subtitles(&master, &entries), uri.as_deref());
            if changed != master {
                let (store, key) = (&self.context.worker.store, ObjectKey::Master { video });
                let condition = PutCondition::Matches(&etag);
                match store.put(&key, changed.into(), condition).await {
                    Ok(_) => {}
                    Err(StoreError::ConditionFailed { .. }) => continue,
                    Err(problem) => return Err(problem.into()),
                }
            }
            let (named, now) = (chapters.map(|it| it.id), clock::now());
            if catalog.captions_published(video, &records, now).await?
                && catalog
                    .chapters_published(video, named.as_ref(), now)
                    .await?
            {
                info!(
                    captions = records.len(),
                    "captions and chapters are published"
                );
                return Ok(());
            }
        }
        Err(TranscodeError::Verification(
            "the captions changed all the time".to_owned(),
        ))
    }

    /// Writes the missing renditions. Returns the entries of the master playlist.
    async fn entries(
        &self,
        generation: &Generation,
        records: &[CaptionRecord],
    ) -> Result<Vec<SubtitleSpec>, TranscodeError> {
        if records.is_empty() {
            return Ok(vec![]);
        }
        let (worker, video) = (self.context.worker, self.job.video);
        let key = ObjectKey::Manifest {
            video,
            generation: generation.clone(),
        };
        let text = worker.store.read(&key, LARGEST_MANIFEST).await?;
        let plan = manifest::plan_of(&text).ok_or_else(|| {
            TranscodeError::Verification("the manifest has no plan of a known version".to_owned())
        })?;
        let store = || Arc::clone(&worker.store);
        let keys = WrappedKeys::new(store(), Arc::clone(&worker.keys), video, generation.clone());
        let writer = GenerationWriter::new(store(), video, generation.clone(), 1);
        let captions = CaptionWriter::new(writer, &keys, &plan);
        for record in records {
            captions.write(record).await?;
        }
        Ok(captions.entries(records))
    }

    /// Removes what this job stored after the video was deleted.
    async fn remove_objects(&self) {
        for prefix in ObjectPrefix::of_video(self.job.video) {
            if let Err(problem) = self.context.worker.store.delete_all(&prefix).await {
                warn!("could not clean up: {:#}", anyhow::Error::from(problem));
            }
        }
    }
}

/// Whether a master playlist is that of a generation, by its first variant.
fn is_of(master: &str, generation: &Generation) -> bool {
    let playlist = MasterPlaylist::parse(master).playlist;
    let folder = playlist
        .variants
        .first()
        .and_then(|it| it.uri.split('/').next());
    folder == Some(generation.as_str())
}
