//! The captions in a source: its text streams, and the closed captions in its frames, become
//! captions of the video.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use captions::{CaptionChannel, MAX_BYTES, Track};
use catalog::{CaptionOrigin, CaptionSettings, NewCaptions};
use domain::object_key::ObjectKey;
use domain::receipt::Extra;
use domain::segment::{TICKS_PER_SECOND, seconds};
use platform::clock;
use platform::object_store::PutCondition;

use crate::error::TranscodeError;
use crate::ffmpeg::arguments::subtitles;
use crate::ffmpeg::launcher::Weight;
use crate::ffmpeg::probe::{Subtitles, TextTrack};
use crate::ffmpeg::process::{self, Cost, Run};
use crate::inspect::Inspected;
use crate::journal::Journal;
use crate::lanes::EncodeContext;
use crate::sink::TextSink;
use crate::stills::collect_numbered;

mod closed_captions;

/// The result of reading the captions of a source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EmbeddedCaptions {
    /// Resources of the run.
    pub cost: Cost,
    /// Captions that the source has and the video does not.
    pub missing: Vec<Extra>,
}

/// Stores the text streams of the source, and the closed captions in its frames, as captions of the
/// video. Those that cannot be read are a warning. Captions that were uploaded for the same language
/// stay.
pub(crate) async fn store(
    context: &EncodeContext,
    journal: &dyn Journal,
    source: &Inspected,
) -> Result<EmbeddedCaptions, TranscodeError> {
    let found = &source.subtitles;
    let mut result = EmbeddedCaptions::default();
    if found.others {
        result.missing.push(Extra::ImageSubtitles);
    }
    let mut unread = store_streams(context, journal, found, &mut result.cost).await?;
    if let Some(video) = &found.captioned {
        let read = closed_captions::read(context, source, video).await?;
        result.cost.cpu += read.cost.cpu;
        result.cost.wall += read.cost.wall;
        unread |= read.unread;
        let channels: Vec<CaptionChannel> = read.tracks.iter().map(|it| it.0).collect();
        let tracks = found.closed_captions(&channels);
        for (track, (_, cues)) in tracks.iter().zip(&read.tracks) {
            keep(context, journal, track, cues).await?;
        }
    }
    if unread {
        result.missing.push(Extra::Captions);
    }
    Ok(result)
}

/// Converts and stores the text streams. Returns whether some could not be read.
async fn store_streams(
    context: &EncodeContext,
    journal: &dyn Journal,
    found: &Subtitles,
    cost: &mut Cost,
) -> Result<bool, TranscodeError> {
    if found.tracks.is_empty() {
        return Ok(false);
    }
    let texts = match convert(context, &found.tracks).await {
        Ok((texts, spent)) => {
            *cost = spent;
            texts
        }
        Err(problem) if problem.concerns_ffmpeg() => {
            let log = problem.log_tail();
            tracing::warn!(
                error = &problem as &dyn std::error::Error,
                log,
                "the captions of the source could not be read"
            );
            vec![]
        }
        Err(problem) => return Err(problem),
    };
    let mut unread = false;
    for (number, track) in (0..).zip(&found.tracks) {
        let text = texts.iter().find(|it| it.0 == number).map(|it| &it.1);
        match text.map(|it| presented(it, context)) {
            Some(Ok(cues)) if cues.cues.is_empty() => {}
            Some(Ok(cues)) => keep(context, journal, track, &cues).await?,
            Some(Err(problem)) => {
                tracing::warn!(stream = track.index, language = %track.language, "captions of the source: {problem}");
                unread = true;
            }
            None => unread = true,
        }
    }
    Ok(unread)
}

/// The WebVTT file of each stream, with its number, in the order of `tracks`.
async fn convert(
    context: &EncodeContext,
    tracks: &[TextTrack],
) -> Result<(Vec<(u32, Bytes)>, Cost), TranscodeError> {
    let (sink, files) = TextSink::new(MAX_BYTES);
    let delivery = context.loopback.deliver_to(Arc::new(sink));
    let arguments = subtitles(
        &context.loopback.source_url(),
        &context.probe.demuxer,
        tracks,
        |number| delivery.url("captions", &format!("{number}.vtt")),
    );
    let task = "read the captions of the source".to_owned();
    // It reads the whole source, without decoding video.
    let limit = Duration::from_secs_f64(600.0 + 2.0 * seconds(context.plan.duration()));
    let run = Run {
        weight: Weight::Light,
        ..context.run(task, arguments, limit)
    };
    let cost = process::run(run, &context.cancel)
        .await
        .map_err(|it| context.cause(it))?
        .cost;
    Ok((collect_numbered(files, tracks.len()).await, cost))
}

/// The cues of a file on the clock of the presentation. Cues outside of it are left out.
fn presented(file: &[u8], context: &EncodeContext) -> Result<Track, captions::CaptionError> {
    let mut track = match captions::parse(file) {
        Ok(parsed) => parsed.track,
        // Films have streams of translated signs without a sign.
        Err(problem) if problem.reason == captions::Reason::NoCues => return Ok(Track::default()),
        Err(problem) => return Err(problem),
    };
    let origin = (context.probe.origin_seconds() * 1000.0).round() as i64;
    let end = context.plan.duration() * 1000 / TICKS_PER_SECOND;
    let moved = |ms: u64| (ms as i64 - origin).max(0) as u64;
    track.cues.retain_mut(|cue| {
        (cue.start_ms, cue.end_ms) = (moved(cue.start_ms), moved(cue.end_ms).min(end));
        cue.start_ms < cue.end_ms
    });
    Ok(track)
}

/// Stores captions of the video.
async fn keep(
    context: &EncodeContext,
    journal: &dyn Journal,
    track: &TextTrack,
    cues: &Track,
) -> Result<(), TranscodeError> {
    let settings = CaptionSettings {
        language: track.language.clone(),
        name: track.title.clone(),
        // Containers mark streams as their default without a reason: viewers choose.
        default: false,
        forced: track.forced,
        sdh: track.sdh,
        origin: CaptionOrigin::Embedded,
    };
    let (new, text) = NewCaptions::new(settings, cues, clock::now());
    let key = ObjectKey::Captions {
        video: context.writer.video(),
        language: new.record.language.clone(),
        captions: new.record.id.clone(),
    };
    let store = context.writer.store();
    store.put(&key, text.into(), PutCondition::Always).await?;
    let stored = journal.add_captions(&new).await;
    // After another error, the row may be there nevertheless.
    let is_unused = match &stored {
        Ok(is_stored) => !is_stored,
        Err(problem) => problem.lost_claim(),
    };
    if is_unused {
        store.delete(&key).await?;
    }
    stored.map(drop)
}
