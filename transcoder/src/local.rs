//! Transcodes one file without services: the same pipeline, the same tree, in a directory.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use catalog::RenditionKind;
use domain::ids::{Generation, VideoId};
use domain::job::Mode;
use domain::loudness::TrackLoudness;
use domain::object_key::RenditionName;
use domain::per_title::PerTitle;
use domain::prices::Prices;
use domain::probe::HighDynamicRange;
use domain::profile::Profile;
use domain::receipt::Extra;
use domain::segment::{Lane, seconds};
use nix::sys::resource::{UsageWho, getrusage};
use platform::clock;
use platform::object_store::SharedStore;
use platform::object_store::directory::DirectoryStore;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::content_keys::ClearKeys;
use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::journal::{MemoryJournal, Progress};
use crate::pipeline::{self, Published, TranscodeRequest};
use crate::source::{FileSource, Source as _};

/// One file to transcode.
#[derive(Debug, Clone)]
pub struct LocalJob {
    /// Path of the source file.
    pub input: PathBuf,
    /// Output directory; the tree is written to `hls` in it.
    pub out: PathBuf,
    /// Ladder and settings.
    pub profile: Profile,
    /// A ladder, or one remuxed rung.
    pub mode: Mode,
    /// Whether to encrypt, with clear keys beside the playlists.
    pub encrypt: bool,
    /// Whether to keep the output after a failure.
    pub keep_failed: bool,
    /// Number of parallel encoders, of one thread each.
    pub encoders: usize,
}

/// The result of a local job.
#[derive(Debug, Clone, Serialize)]
pub struct LocalReport {
    /// Path of the master playlist.
    pub master: PathBuf,
    /// Duration of the presentation, seconds.
    pub duration_s: f64,
    /// Time until the first rung with audio could be watched, seconds.
    pub playable_after_s: Option<f64>,
    /// Total time, seconds.
    pub wall_s: f64,
    /// CPU time of this process and all of its children, seconds.
    pub cpu_s: f64,
    /// Peak size of temporary files, bytes. Segments are never on the disk before they are
    /// Number of chunks: remuxing, encoding and audio together.
    pub chunks: usize,
    /// The video renditions, largest first.
    pub rungs: Vec<LocalRung>,
    /// The audio renditions.
    pub audio: Vec<LocalAudio>,
    /// Extras that could not be produced.
    pub missing: Vec<Extra>,
    /// Loudness of the audio tracks, if the profile normalises it.
    pub loudness: Vec<TrackLoudness>,
    /// The measurements of per-title encoding, if the profile has it.
    pub per_title: Option<PerTitle>,
}

/// A video rendition.
#[derive(Debug, Clone, Serialize)]
pub struct LocalRung {
    /// Name of its directory.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Whether it was remuxed instead of encoded.
    pub copied: bool,
    /// Number of segments.
    pub segments: u32,
    /// Peak bit rate with its audio, as in the master playlist, bit/s.
    pub bandwidth: u64,
    /// Average bit rate with its audio, as in the master playlist, bit/s.
    pub average_bandwidth: u64,
    /// Codecs (RFC 6381).
    pub codecs: String,
    /// The HDR transfer function; `None`: SDR.
    pub hdr: Option<HighDynamicRange>,
}

/// An audio rendition.
#[derive(Debug, Clone, Serialize)]
pub struct LocalAudio {
    /// Name of its directory.
    pub name: String,
    /// Whether it was remuxed instead of encoded.
    pub copied: bool,
    /// Peak bit rate, bit/s.
    pub bandwidth: u64,
    /// Codecs (RFC 6381).
    pub codecs: String,
}

/// Transcodes one file into a directory.
pub async fn transcode(
    tools: &Tools,
    job: &LocalJob,
    on_progress: impl Fn(Progress) + Send + Sync + 'static,
    cancel: &CancellationToken,
) -> Result<LocalReport, TranscodeError> {
    let started = Instant::now();
    let source = FileSource::open(&job.input)?;
    let profile = Profile {
        encrypt: job.encrypt,
        ..job.profile.clone()
    };
    let mut random = [0; 10];
    let no_randomness = |it| TranscodeError::Io {
        doing: "the system has no randomness".to_owned(),
        source: std::io::Error::other(it),
    };
    getrandom::fill(&mut random).map_err(no_randomness)?;
    let video = VideoId::new(clock::now().get(), random);
    // A file has no ETag; its size and the current time identify the generation.
    let generation = Generation::of(
        &format!("{}-{}", source.size(), video),
        &profile.fingerprint(job.mode),
    );
    let hls = job.out.join("hls");
    let store: SharedStore = Arc::new(DirectoryStore::of_one_video(
        &job.out,
        job.out.join("private"),
        video,
    ));
    let playable = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&playable);
    let journal = MemoryJournal::new(Box::new(move |progress| {
        if progress == Progress::Playable {
            let mut first = noted.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(started.elapsed().as_secs_f64());
        }
        on_progress(progress);
    }));
    let request = TranscodeRequest {
        tools: tools.clone(),
        source: Arc::new(source),
        store,
        content_keys: Arc::new(ClearKeys::new(hls.join(generation.as_str()))),
        journal: Arc::new(journal),
        reused: None,
        video,
        generation: generation.clone(),
        profile,
        mode: job.mode,
        encoders: job.encoders,
        prices: Prices::default(),
        fan_out: None,
    };
    let published = match Box::pin(pipeline::run(&request, cancel)).await {
        Ok(published) => published,
        Err(problem) => {
            if !job.keep_failed {
                remove_output(&hls, &generation);
            }
            return Err(problem);
        }
    };
    let playable_after_s = *playable.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(report(
        hls.join("master.m3u8"),
        &published,
        playable_after_s,
        started,
    ))
}

/// Removes the output of a failed run; files that existed before stay.
fn remove_output(hls: &std::path::Path, generation: &Generation) {
    // The master playlist is removed only if it refers to this generation.
    let master = hls.join("master.m3u8");
    if std::fs::read_to_string(&master).is_ok_and(|it| it.contains(generation.as_str())) {
        drop(std::fs::remove_file(master));
    }
    drop(std::fs::remove_dir_all(hls.join(generation.as_str())));
    drop(std::fs::remove_dir(hls));
}

fn report(
    master: PathBuf,
    published: &Published,
    playable_after_s: Option<f64>,
    started: Instant,
) -> LocalReport {
    let plan = &published.plan;
    let of = |kind| {
        published
            .renditions
            .iter()
            .filter(move |it| it.kind == kind)
    };
    let with_audio = |name: &RenditionName| {
        let rung = plan
            .rungs
            .iter()
            .find(|it| it.rendition.name == *name)
            .and_then(|it| it.audio.clone());
        let copy = plan
            .copy
            .rung()
            .filter(|it| it.rendition.name == *name)
            .and_then(|it| it.audio.clone());
        let group = rung.or(copy);
        of(RenditionKind::Audio).find(|it| Some(&it.name) == group.as_ref())
    };
    let rungs = of(RenditionKind::Video).map(|it| {
        let audio = with_audio(&it.name);
        let sum = |own: Option<u64>, other: Option<u64>| own.unwrap_or(0) + other.unwrap_or(0);
        let codecs = [it.codecs.clone(), audio.and_then(|it| it.codecs.clone())];
        LocalRung {
            name: it.name.to_string(),
            width: it.width.unwrap_or(0),
            height: it.height.unwrap_or(0),
            copied: it.copied,
            segments: plan.segments(),
            bandwidth: sum(it.bandwidth, audio.and_then(|it| it.bandwidth)),
            average_bandwidth: sum(
                it.average_bandwidth,
                audio.and_then(|it| it.average_bandwidth),
            ),
            codecs: codecs.into_iter().flatten().collect::<Vec<_>>().join(","),
            hdr: it.hdr,
        }
    });
    let audio = of(RenditionKind::Audio).map(|it| LocalAudio {
        name: it.name.to_string(),
        copied: it.copied,
        bandwidth: it.bandwidth.unwrap_or(0),
        codecs: it.codecs.clone().unwrap_or_default(),
    });
    LocalReport {
        master,
        duration_s: seconds(plan.duration()),
        playable_after_s,
        wall_s: started.elapsed().as_secs_f64(),
        cpu_s: cpu_seconds(UsageWho::RUSAGE_SELF) + cpu_seconds(UsageWho::RUSAGE_CHILDREN),
        chunks: Lane::ALL.iter().map(|it| plan.chunks(*it).len()).sum(),
        rungs: rungs.collect(),
        audio: audio.collect(),
        missing: published.receipt.missing.clone(),
        loudness: published.receipt.loudness.clone(),
        per_title: published.receipt.per_title.clone(),
    }
}

fn cpu_seconds(who: UsageWho) -> f64 {
    let seconds = |it: nix::sys::time::TimeVal| it.tv_sec() as f64 + it.tv_usec() as f64 / 1e6;
    getrusage(who).map_or(0.0, |it| {
        seconds(it.user_time()) + seconds(it.system_time())
    })
}

#[cfg(test)]
mod tests;
