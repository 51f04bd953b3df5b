//! Imports: the worker as an uploader. The bucket's event turns the imported source, which is a file at
//! a URL or a part of another video, into a job.

use std::time::Duration;

use catalog::{Attempt, AttemptOutcome, CatalogError, Claim, UploadEventOutcome};
use domain::clip::{Clip, ClipAlign};
use domain::failure::{FailureClass, SourceProblem};
use domain::job::{Import, Job, JobMessage, JobReason, Source, Stage};
use domain::object_key::{Bucket, ObjectKey};
use domain::segment::TICKS_PER_SECOND;
use domain::state::VideoState;
use media::remux::Part;
use platform::clock;
use platform::object_store::ObjectMeta;
use tracing::{Instrument as _, info, warn};

use super::{Fate, JobContext};
use crate::download::Download;
use crate::error::TranscodeError;
use crate::fetch::Fetcher;
use crate::fetch::transfer::Fetching;
use crate::published::Published;
use crate::sink::PRESENTATION_START;
use crate::spans;
use crate::worker::Heartbeat;

/// A job that brings a source from a URL into the bucket.
pub(crate) struct ImportJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) import: &'a Import,
}

impl ImportJob<'_> {
    /// Claims the video, and transfers the file.
    pub(crate) async fn run(&self) -> Fate {
        let (
            JobContext {
                worker,
                delivery,
                cancel,
            },
            import,
        ) = (self.context, self.import);
        let config = &worker.config;
        let active = worker.active.add(import.video);
        let claim = || {
            worker
                .catalog
                .claim_import(import, &config.name, config.lease, clock::now())
        };
        let outcome = worker.retry_while_unavailable(cancel, claim).await;
        let claim = match self
            .context
            .claim_or_fate((import.video, &import.id), active.is_some(), outcome)
            .await
        {
            Ok(claim) => claim,
            Err(fate) => return fate,
        };
        let stop = cancel.child_token();
        let heartbeat = Heartbeat::start(worker, &claim, delivery, stop.clone());
        let fetching = Box::pin(self.fetch(&claim)).instrument(spans::stage(Stage::Fetch));
        let fetched = stop.run_until_cancelled(fetching).await;
        let lost = heartbeat.stop().await;
        let result = match (lost, fetched) {
            (Some(reason), _) => Err(TranscodeError::Catalog(reason)),
            (None, Some(Ok(there))) => self.finish(&claim, there).await,
            (None, Some(Err(problem))) => Err(problem),
            (None, None) => Err(TranscodeError::Cancelled),
        };
        match result {
            Ok(()) => {
                worker.metrics.attempt("done");
                info!("the source was imported");
                Fate::Acknowledge
            }
            Err(problem) if problem.lost_claim() => self.context.claim_lost(&claim, problem).await,
            Err(problem) => self.context.fail(&claim, problem).await,
        }
    }

    /// Records that the source is in the bucket. If it was `there` before, its event may have been
    /// ignored while the video was cancelled, so it is repeated, which does no harm.
    async fn finish(&self, claim: &Claim, there: Option<ObjectMeta>) -> Result<(), TranscodeError> {
        let JobContext { worker, cancel, .. } = self.context;
        worker
            .retry_while_unavailable(cancel, || worker.catalog.finish_import(claim, clock::now()))
            .await?;
        let Some(meta) = there else { return Ok(()) };
        let video = worker.catalog.get_video(claim.video).await?;
        let Some(key) = video.source.key else {
            return Ok(());
        };
        let bucket = worker.config.private_bucket.clone();
        let source = Source {
            bucket,
            key,
            etag: meta.etag.0,
            size: meta.size,
        };
        let job = Job::new(
            video.id,
            source,
            &video.profile,
            video.mode,
            JobReason::Upload,
        );
        if let UploadEventOutcome::Send(job) =
            worker.catalog.note_upload_event(&job, clock::now()).await?
        {
            let sent = worker
                .queue
                .send(&JobMessage::from(job), Duration::ZERO)
                .await;
            if let Err(problem) = sent {
                // The sweeper finds the missing job, and sends it again.
                warn!(
                    "the job of an import could not be sent: {:#}",
                    anyhow::Error::from(problem)
                );
            }
        }
        Ok(())
    }

    async fn fetch(&self, claim: &Claim) -> Result<Option<ObjectMeta>, TranscodeError> {
        let worker = self.context.worker;
        let video = worker.catalog.get_video(claim.video).await?;
        let import = worker.catalog.import(claim.video).await?;
        let key = video
            .source
            .key
            .as_deref()
            .and_then(|it| ObjectKey::parse(Bucket::Private, it));
        let (Some(import), Some(key @ ObjectKey::Source { .. })) = (import, key) else {
            warn!("the import has no URL");
            return Err(SourceProblem::SourceMissing.into());
        };
        if let Ok(clip) = import.url.parse::<Clip>() {
            return self.cut(clip, &key).await;
        }
        let url = import
            .url
            .parse()
            .map_err(|_| SourceProblem::AddressNotAllowed)?;
        let profile = worker.profile(&video.profile).unwrap_or_default();
        let fetching = Fetching {
            fetcher: &Fetcher::new(worker.config.imports)?,
            catalog: &worker.catalog,
            store: &*worker.store,
            uploads: &*worker.uploads,
            claim,
            url,
            key,
            limit_bytes: profile
                .limits
                .max_bytes
                .min(worker.config.max_import_bytes.unwrap_or(u64::MAX)),
            pace: worker.config.import_pace,
            spent: self.spent(claim).await?,
        };
        fetching.run(import.transfer).await
    }

    /// Writes a part of another video as the source.
    async fn cut(&self, clip: Clip, key: &ObjectKey) -> Result<Option<ObjectMeta>, TranscodeError> {
        let JobContext { worker, cancel, .. } = self.context;
        let of = match worker.catalog.get_video(clip.video).await {
            Ok(of) => of,
            Err(CatalogError::NotFound { .. }) => return Err(SourceProblem::SourceMissing.into()),
            Err(problem) => return Err(problem.into()),
        };
        let generation = match of.state {
            VideoState::Ready { generation } => generation,
            VideoState::Failed(_) | VideoState::Cancelled | VideoState::Deleted => {
                return Err(SourceProblem::SourceMissing.into());
            }
            _ => {
                let reason = "the video of the clip is being encoded again".to_owned();
                return Err(TranscodeError::Fetch { reason });
            }
        };
        let published = Published::read(
            &worker.store,
            &worker.catalog,
            &worker.keys,
            clip.video,
            &generation,
        )
        .await?;
        let download = Download {
            store: &worker.store,
            uploads: &*worker.uploads,
            published: &published,
            object: key,
            cancel,
        };
        let ticks = |ms: u64| PRESENTATION_START as u64 + ms * TICKS_PER_SECOND / 1000;
        let part = Part {
            start: ticks(clip.start_ms),
            end: ticks(clip.end_ms),
            exact: clip.align == ClipAlign::Exact,
        };
        let bytes = download.write_part(part).await?;
        info!(bytes, "the clip was cut out of {}", clip.video);
        Ok(None)
    }

    /// The total time of earlier attempts at an import. Those before a verdict on the source do not
    /// count: after it the owner requested another try.
    async fn spent(&self, claim: &Claim) -> Result<Duration, TranscodeError> {
        let attempts = self.context.worker.catalog.attempts(claim.video).await?;
        let verdict = |it: &Attempt| matches!(&it.outcome, Some(AttemptOutcome::Failed(failure)) if failure.class() == FailureClass::Source);
        let counted = attempts
            .iter()
            .rev()
            .take_while(|it| !verdict(it))
            .filter(|it| it.job == claim.job);
        let times = counted.filter_map(|it| Some(it.ended_ms?.since(it.started_ms)));
        Ok(times.sum())
    }
}
