//! Transcriptions: captions that the operator's transcriber makes of the audio of a ready video. Such
//! a job needs no lease on the video, because captions are stored as a whole.

use std::time::Duration;

use captions::Track;
use catalog::{
    CaptionOrigin, CaptionSettings, CaptionsStored, CatalogError, NewCaptions, TranscriptionHold,
};
use domain::failure::SourceProblem;
use domain::ids::Generation;
use domain::job::{CaptionsJob, TranscriptionJob as TranscriptionRequest};
use domain::object_key::ObjectKey;
use domain::segment::TICKS_PER_SECOND;
use domain::state::VideoState;
use platform::clock;
use platform::object_store::PutCondition;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::holding::Held;
use super::{Fate, JobContext};
use crate::error::TranscodeError;
use crate::published::{Published, master_playlist, missing};
use crate::transcriber::{Speech, Transcriber, write_audio};

/// How long a message waits while another worker transcribes the same audio.
const PAUSE: Duration = Duration::from_secs(60);

/// A job that makes captions of audio.
pub(crate) struct TranscriptionJob<'a> {
    pub(crate) context: JobContext<'a>,
    pub(crate) job: &'a TranscriptionRequest,
}

impl TranscriptionJob<'_> {
    /// Makes the captions, unless they are not wanted any more.
    pub(crate) async fn run(&self) -> Fate {
        let problem = match Box::pin(self.make()).await {
            Ok(fate) => return fate.unwrap_or(Fate::Acknowledge),
            Err(TranscodeError::Catalog(
                CatalogError::Gone { .. } | CatalogError::NotFound { .. },
            )) => {
                info!("the video was deleted");
                return Fate::Acknowledge;
            }
            Err(problem) => problem,
        };
        let failed = match self.context.failed("make captions of the audio", problem) {
            Ok(failed) => failed,
            Err(fate) => {
                self.release().await;
                return fate;
            }
        };
        if !failed.is_rejected() && !failed.is_final() {
            self.release().await;
            return failed.again();
        }
        let catalog = &self.context.worker.catalog;
        match catalog.fail_transcription(self.job, &failed.failure).await {
            Ok(_) => Fate::Acknowledge,
            Err(problem) => {
                warn!(
                    "could not record the outcome: {:#}",
                    anyhow::Error::from(problem)
                );
                failed.again()
            }
        }
    }

    /// `Some`: the fate of a message that has to wait.
    async fn make(&self) -> Result<Option<Fate>, TranscodeError> {
        let (worker, job) = (self.context.worker, self.job);
        let catalog = &worker.catalog;
        match self.keep().await? {
            TranscriptionHold::Held => {}
            TranscriptionHold::OfAnother => return Ok(Some(Fate::Replace { pause: PAUSE })),
            TranscriptionHold::Unwanted => {
                info!("the captions are made, or not wanted any more");
                return Ok(None);
            }
        }
        let transcriber = worker.config.transcriber.as_ref();
        let transcriber = transcriber.ok_or(SourceProblem::NoTranscriber)?;
        let VideoState::Ready { generation } = catalog.get_video(job.video).await?.state else {
            info!("the video is not ready any more");
            catalog.end_transcription(job.video, &job.language).await?;
            return Ok(None);
        };
        let transcribing = |token| self.transcribe(transcriber, generation, token);
        let keep = || async { Ok(self.keep().await? == TranscriptionHold::Held) };
        let Held::Done(track) = self.context.hold(keep, transcribing).await? else {
            return Ok(None);
        };
        self.store(&track).await?;
        if catalog.playlist_waits(job.video).await? {
            // If the message is lost, the sweeper sends it again.
            let message = CaptionsJob::new(job.video).into();
            if let Err(problem) = worker.queue.send(&message, Duration::ZERO).await {
                warn!(
                    "could not send the job of the captions: {:#}",
                    anyhow::Error::from(problem)
                );
            }
        }
        Ok(None)
    }

    async fn keep(&self) -> Result<TranscriptionHold, CatalogError> {
        let (worker, now) = (self.context.worker, clock::now());
        let (name, lease) = (&worker.config.name, worker.config.lease);
        // A worker that is lost has not given a sign of life for a whole lease when its message is
        // delivered again.
        let catalog = &worker.catalog;
        catalog
            .keep_transcription(self.job, name, lease * 2 / 3, now)
            .await
    }

    /// Lets the worker of the next delivery go on at once. Otherwise it would replace the message until
    /// this worker counts as lost, and a new message has all its deliveries before it.
    async fn release(&self) {
        let worker = self.context.worker;
        let released = worker
            .catalog
            .release_transcription(self.job, &worker.config.name);
        if let Err(problem) = released.await {
            warn!(
                "could not release the transcription: {:#}",
                anyhow::Error::from(problem)
            );
        }
    }

    /// The captions that the transcriber makes of a generation.
    async fn transcribe(
        &self,
        transcriber: &Transcriber,
        generation: Generation,
        cancel: CancellationToken,
    ) -> Result<Track, TranscodeError> {
        let (worker, job) = (self.context.worker, self.job);
        let (store, catalog, keys) = (&worker.store, &worker.catalog, &worker.keys);
        let published = Published::read(store, catalog, keys, job.video, &generation).await?;
        let master = master_playlist(store, job.video).await?;
        let (master, _) = master.ok_or_else(|| missing("master playlist"))?;
        let folder = tempfile::Builder::new()
            .prefix("edgereel-")
            .tempdir()
            .map_err(|source| TranscodeError::Io {
                doing: "could not create a directory for the audio".to_owned(),
                source,
            })?;
        let format = transcriber.format();
        let audio = folder.path().join(format.file_name());
        write_audio(
            &worker.tools,
            (&published, &master),
            &job.language,
            (format, &audio),
            &cancel,
        )
        .await?;
        let began = clock::now();
        let speech = Speech {
            video: job.video,
            language: &job.language,
            audio: &audio,
        };
        let mut track = transcriber.transcribe(speech, &cancel).await?;
        let end = published.plan.duration() * 1000 / TICKS_PER_SECOND;
        track.cues.retain_mut(|cue| {
            cue.end_ms = cue.end_ms.min(end);
            cue.start_ms < cue.end_ms
        });
        if track.cues.is_empty() {
            return Err(SourceProblem::NoSpeech.into());
        }
        info!(
            cues = track.cues.len(),
            seconds = clock::now().since(began).as_secs(),
            "the audio is transcribed"
        );
        Ok(track)
    }

    async fn store(&self, track: &Track) -> Result<(), TranscodeError> {
        let (worker, job) = (self.context.worker, self.job);
        let settings = CaptionSettings {
            language: job.language.clone(),
            name: None,
            // A machine makes mistakes: viewers choose.
            default: false,
            forced: false,
            sdh: false,
            origin: CaptionOrigin::Machine,
        };
        let (new, text) = NewCaptions::new(settings, track, clock::now());
        let key = ObjectKey::Captions {
            video: job.video,
            language: job.language.clone(),
            captions: new.record.id.clone(),
        };
        let store = &worker.store;
        store.put(&key, text.into(), PutCondition::Always).await?;
        let stored = worker.catalog.finish_transcription(job, &new).await;
        // After another error, the row may be there nevertheless.
        let is_unused = matches!(
            stored,
            Ok(None | Some(CaptionsStored::Same(_) | CaptionsStored::Kept))
                | Err(CatalogError::Gone { .. } | CatalogError::NotFound { .. })
        );
        if is_unused {
            store.delete(&key).await?;
        }
        stored?;
        Ok(())
    }
}
