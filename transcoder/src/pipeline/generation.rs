//! The production and publication of one generation, in one attempt.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use catalog::RenditionRecord;
use domain::job::Stage;
use domain::loudness::TrackLoudness;
use domain::object_key::ObjectKey;
use domain::plan::EncodePlan;
use domain::receipt::{Drawn, Extra};
use domain::segment::{ChunkRecord, Lane, seconds};
use tokio::sync::{mpsc, watch};
use tracing::Instrument as _;

use crate::captions::CaptionWriter;
use crate::chapters::write_chapters;
use crate::embedded::{self, EmbeddedCaptions};
use crate::error::TranscodeError;
use crate::fan_out::Lead;
use crate::inspect::Inspected;
use crate::lanes::{EncodeContext, LaneOutput};
use crate::publish::Publisher;
use crate::records::stage_of;
use crate::spans;
use crate::unnamed::Unnamed;
use crate::{manifest, stills, verify};

use super::encoding::VideoEncoding;
use super::progress::percent;
use super::{Published, TranscodeRequest, replacement};

/// Interval between two checks whether more of a growing video can be shown.
const GROWTH_INTERVAL: Duration = Duration::from_millis(250);

/// One generation in progress.
pub(super) struct GenerationRun<'a> {
    pub(super) request: &'a TranscodeRequest,
    /// Whether recorded chunks and playlists may be used.
    pub(super) trusted: bool,
    /// The plan of the whole generation. The context has the plan of what is encoded here, which is
    /// less if only some rungs are re-encoded.
    pub(super) plan: &'a EncodePlan,
    pub(super) context: &'a EncodeContext,
    /// Leads other transcoders, if they take part.
    pub(super) lead: Option<&'a Lead<'a>>,
    pub(super) publisher: Publisher,
    /// Becomes true when viewers can watch: encoding may wait for it.
    pub(super) playable: watch::Sender<bool>,
    /// Seconds from `started` until viewers could watch, if that was in this run.
    pub(super) playable_after_s: Option<f64>,
    pub(super) started: Instant,
}

impl GenerationRun<'_> {
    /// Produces all missing chunks, and records and publishes them as they are finished.
    pub(super) async fn all_chunks(&mut self) -> Result<(), TranscodeError> {
        // Buffered, so that recording one chunk does not delay the next.
        let (sender, mut receiver) = mpsc::channel(64);
        let records = self.publisher.records();
        let missing = |lane: Lane| -> Vec<usize> {
            let chunks = self.context.plan.chunks(lane);
            (0..chunks.len())
                .filter(|it| !records.has(lane, *it as u32))
                .collect()
        };
        let (copy, audio) = (missing(Lane::Copy), missing(Lane::Audio));
        let (first, encode) = (missing(Lane::First), missing(Lane::Encode));
        if [&copy, &audio, &first, &encode]
            .iter()
            .all(|it| it.is_empty())
        {
            // An earlier attempt may have published the complete playlists already. EVENT playlists
            // of a growing video would replace them by shorter ones.
            return Ok(());
        }
        // Produces the missing chunks of a lane in one run, or copies those that are reused.
        let through = |lane: Lane, missing: Vec<usize>| {
            let (context, reused, sender) =
                (self.context, self.request.reused.as_ref(), sender.clone());
            async move {
                match (reused, missing.first()) {
                    (_, None) => Ok(()),
                    (None, Some(first)) => context.run_through(lane, *first, &sender).await,
                    (Some(reused), Some(_)) => {
                        for index in missing {
                            let chunk = reused.chunk(&context.writer, lane, index as u32).await?;
                            sender
                                .send(LaneOutput::Chunk(chunk))
                                .await
                                .map_err(|_| TranscodeError::Cancelled)?;
                        }
                        Ok(())
                    }
                }
            }
        };
        // The rung that is playable first has priority: encoding waits for the remuxed rung.
        let wait = self.context.plan.copy.is_remux()
            && self.request.journal.first_run()
            && !copy.is_empty();
        let (copying, encoding_audio) = (through(Lane::Copy, copy), through(Lane::Audio, audio));
        let reused = self.request.reused.as_ref();
        let playable = wait.then(|| self.playable.subscribe());
        let encoding = VideoEncoding {
            context: self.context,
            lead: self.lead,
            reused,
            sender,
        };
        let encoding = async move { encoding.run(first, encode, playable).await };
        let work = async { tokio::try_join!(copying, encoding_audio, encoding).map(drop) };
        // On the heap, because the lanes together are a large future.
        let mut work = Box::pin(work);
        if self.request.journal.first_run() {
            let shown = self
                .publisher
                .watch(self.context.encoders, self.trusted)
                .await?;
            if shown {
                // The attempt that showed them may have been killed before it recorded the video as
                // playable.
                self.request.journal.playable().await?;
                self.playable.send_replace(true);
            }
        }
        let mut growth_checks = tokio::time::interval(GROWTH_INTERVAL);
        let mut result = None;
        loop {
            tokio::select! {
                outcome = &mut work, if result.is_none() => { outcome?; result = Some(()); }
                made = receiver.recv() => match made {
                    Some(LaneOutput::Segment { record, codecs }) => self.publisher.records_mut().add_segment(record, codecs),
                    Some(LaneOutput::Chunk(chunk)) => self.take(&chunk).await?,
                    // The lanes are done and have dropped their senders, and everything that they
                    // sent was received.
                    None if result.is_some() => return Ok(()),
                    None => {}
                },
                _ = growth_checks.tick() => {}
            }
            self.show_growth().await?;
        }
    }

    /// Records a finished chunk, and reports the progress.
    async fn take(&mut self, chunk: &ChunkRecord) -> Result<(), TranscodeError> {
        let chunk = &self.publisher.keep_shown(chunk).await?;
        self.request.journal.finish(chunk).await?;
        self.publisher.records_mut().add(chunk);
        let percent = percent(&self.context.plan, self.publisher.records());
        self.request
            .journal
            .progress(stage_of(chunk.lane), percent)
            .await
    }

    /// On the first run of a video, shows viewers the finished segments as soon as playback can be
    /// sustained.
    async fn show_growth(&mut self) -> Result<(), TranscodeError> {
        let Some(count) = self.publisher.segments_to_show() else {
            return Ok(());
        };
        // A worker that lost its claim must not overwrite the playlists of the worker that has the
        // claim now.
        self.request.journal.ensure_claim_held().await?;
        if self.publisher.show(count).await? {
            self.request.journal.playable().await?;
            self.playable_after_s = Some(self.started.elapsed().as_secs_f64());
            self.playable.send_replace(true);
        }
        Ok(())
    }

    /// Writes the playlists, with the captions that the video has at this moment.
    async fn publish_playlists(&mut self) -> Result<Vec<RenditionRecord>, TranscodeError> {
        self.publisher.publish_media().await?;
        let (request, writer) = (self.request, self.context.writer.clone());
        let captions = CaptionWriter::new(writer, &*request.content_keys, self.plan);
        loop {
            let mut named = vec![];
            let present = request.journal.captions().await?;
            for record in &present {
                match captions.write(record).await {
                    Ok(()) => named.push(record.clone()),
                    // Captions never fail a video. They wait, and have a job of their own.
                    Err(problem) => tracing::warn!(
                        language = %record.language,
                        "could not write captions: {:#}",
                        anyhow::Error::from(problem)
                    ),
                }
            }
            let chapters = request.journal.chapters().await?;
            let chapters = chapters.filter(|it| !it.chapters.is_empty());
            let uri = match &chapters {
                Some(record) => Some(write_chapters(&*request.store, request.video, record).await?),
                None => None,
            };
            let renditions = self
                .publisher
                .publish_master(&captions.entries(&named), uri.as_deref())
                .await?;
            let chapters = chapters.map(|it| it.id);
            let are_current = (named.len() < present.len()
                || request.journal.captions_published(&named).await?)
                && request
                    .journal
                    .chapters_published(chapters.as_ref())
                    .await?;
            if are_current {
                return Ok(renditions);
            }
            // They were changed meanwhile, and their own job may have written the playlist before.
            request.journal.ensure_claim_held().await?;
        }
    }

    /// Ends the run after all chunks are finished: creates the stills, verifies the generation, and
    /// switches the master playlist to it.
    pub(super) async fn publish(mut self, source: &Inspected) -> Result<Published, TranscodeError> {
        let (request, context) = (self.request, self.context);
        let percent = percent(&context.plan, self.publisher.records());
        request.journal.progress(Stage::Stills, percent).await?;
        let records = self.publisher.records().all_segments();
        let iframes: Vec<_> = records
            .iter()
            .filter(|it| self.plan.is_iframes(&it.rendition))
            .cloned()
            .collect();
        let normaliser = source.normaliser.as_ref();
        let stills = spans::stage(Stage::Stills);
        let made = stills::make(context, normaliser, request.profile.thumbnails, &iframes)
            .instrument(stills.clone())
            .await?;
        // Captions and chapters that the owner deleted must not come back with a re-encode.
        let embedded = match request.journal.first_run() {
            true => {
                request.journal.add_chapters(&source.chapters).await?;
                embedded::store(context, &*request.journal, source)
                    .instrument(stills.clone())
                    .await?
            }
            false => EmbeddedCaptions::default(),
        };
        drop(stills);
        let mut receipt = self.publisher.records().receipt();
        for cost in [made.cost, embedded.cost] {
            receipt.cpu_ms += cost.cpu.as_millis() as u64;
            receipt.add_stage(Stage::Stills, cost.wall.as_millis() as u64);
        }
        if let Some(measured) = &self.plan.per_title {
            receipt.cpu_ms += measured.cpu_ms;
            if measured.wall_ms > 0 {
                receipt.add_stage(Stage::Measure, measured.wall_ms);
            }
        }
        receipt.per_title = self.plan.per_title.clone();
        receipt.missing = [made.missing, embedded.missing].concat();
        receipt.watermark = Drawn::of(self.plan);
        receipt.loudness = TrackLoudness::list(&context.probe.audio, &self.plan.audio);
        if source.left_out {
            receipt.missing.push(Extra::AudioTracks);
        }

        request.journal.progress(Stage::Verify, percent).await?;
        spans::stage(Stage::Verify).in_scope(|| verify::generation(self.plan, &records))?;
        let key = ObjectKey::Manifest {
            video: request.video,
            generation: request.generation.clone(),
        };
        let text = manifest::render(request.video, &request.generation, self.plan, &records);
        let last = request.journal.last_attempt().await?;
        let mut unnamed = Unnamed::of(&context.writer, last).await?;
        unnamed.keep(&records);
        context.writer.put(&key, Bytes::from(text)).await?;

        request.journal.progress(Stage::Publish, percent).await?;
        // A worker that lost its claim in the meantime must not overwrite the master playlist of
        // the worker that has the claim now.
        request.journal.ensure_claim_held().await?;
        let publishing = self.publish_playlists();
        let renditions = publishing.instrument(spans::stage(Stage::Publish)).await?;
        request.journal.renditions(&renditions).await?;
        if self.playable_after_s.is_none() {
            request.journal.playable().await?;
        }
        unnamed.remove().await;
        if request.fan_out.is_some() {
            Lead::remove_plan(&context.writer).await;
        }
        let traffic = context.writer.traffic();
        receipt.source_ms = (seconds(context.probe.index.end) * 1000.0) as u64;
        receipt.bytes_out += traffic.bytes.load(Ordering::Relaxed);
        receipt.store_reads += traffic.reads.load(Ordering::Relaxed);
        receipt.store_writes += traffic.writes.load(Ordering::Relaxed);
        receipt.stored_bytes = records.iter().map(|it| it.bytes).sum::<u64>() + context.probe.size;
        let planned = (self.plan, &context.probe);
        let replacement = replacement::worthwhile(request, planned, &records, &receipt);
        Ok(Published {
            plan: self.plan.clone(),
            renditions,
            playable_after_s: self.playable_after_s,
            receipt,
            replacement,
        })
    }
}
