//! The metrics of transcoders.

use crate::definition::Program::{Serve, Transcoder};
use crate::definition::Unit::{Bytes, Count, Seconds, Usd};
use crate::definition::Values::Listed;
use crate::definition::{
    About, Counter, Gauge, Histogram, Label, Program, counter, gauge, histogram,
};

const TRANSCODER: &[Program] = &[Serve, Transcoder];

/// From a short clip to a film with a queue before it.
const VIDEO_SECONDS: &[f64] = &[
    2.0, 5.0, 10.0, 20.0, 45.0, 90.0, 180.0, 600.0, 1_800.0, 7_200.0, 28_800.0,
];

/// Jobs in progress.
pub static JOBS_RUNNING: Gauge<0> = gauge(
    "edgereel_transcoder_jobs_running",
    &[],
    About(
        Count,
        TRANSCODER,
        "Jobs in progress, imports included",
        "0 while jobs wait",
    ),
);

/// Ended attempts.
pub static ATTEMPTS: Counter<1> = counter(
    "edgereel_transcoder_attempts_total",
    &[Label {
        name: "outcome",
        values: Listed(&["done", "rejected", "failed", "released", "lost"]),
    }],
    About(
        Count,
        TRANSCODER,
        "Ended attempts: done, rejected (the source is at fault), failed, released (the worker was stopped), lost \
         (the lease expired)",
        "the share of `failed`; `lost`: stalled processes, or clocks that differ",
    ),
);

/// Chunks of other transcoders.
pub static CHUNKS: Counter<1> = counter(
    "edgereel_transcoder_chunks_total",
    &[Label {
        name: "outcome",
        values: Listed(&["done", "late", "failed", "returned"]),
    }],
    About(
        Count,
        TRANSCODER,
        "Chunks of videos that another transcoder leads: done, late (encoded twice: another one was faster), failed, \
         returned (the worker was stopped, or got a video of its own)",
        "`late` is lost work",
    ),
);

/// Time from the upload to the first playback.
pub static PLAYABLE_SECONDS: Histogram<0> = histogram(
    "edgereel_transcoder_playable_seconds",
    VIDEO_SECONDS,
    &[],
    About(
        Seconds,
        TRANSCODER,
        "Time from the complete upload until the video can be played, of uploads that became ready",
        "the 95th percentile",
    ),
);

/// Time from the upload to the complete video.
pub static READY_SECONDS: Histogram<0> = histogram(
    "edgereel_transcoder_ready_seconds",
    VIDEO_SECONDS,
    &[],
    About(
        Seconds,
        TRANSCODER,
        "Time from the complete upload until the video is ready with all renditions",
        "the 95th percentile",
    ),
);

/// Time of the stages.
pub static STAGE_SECONDS: Histogram<1> = histogram(
    "edgereel_transcoder_stage_seconds",
    VIDEO_SECONDS,
    &[Label {
        name: "stage",
        values: Listed(&[
            "fetch", "probe", "measure", "copy", "encode", "audio", "stills", "verify", "publish",
        ]),
    }],
    About(
        Seconds,
        TRANSCODER,
        "Wall time of each stage of videos that became ready; stages run in parallel",
        "a stage that became slower",
    ),
);

/// The length of sources.
pub static SOURCE_SECONDS: Counter<0> = counter(
    "edgereel_transcoder_source_seconds_total",
    &[],
    About(
        Seconds,
        TRANSCODER,
        "Length of the sources of videos that became ready",
        "divided by `edgereel_transcoder_cpu_seconds_total`: the speed",
    ),
);

/// CPU time.
pub static CPU_SECONDS: Counter<0> = counter(
    "edgereel_transcoder_cpu_seconds_total",
    &[],
    About(
        Seconds,
        TRANSCODER,
        "CPU time of videos that became ready, FFmpeg included",
        "CPU time for each second of source that grows",
    ),
);

/// Bytes from the store.
pub static READ_BYTES: Counter<0> = counter(
    "edgereel_transcoder_read_bytes_total",
    &[],
    About(
        Bytes,
        TRANSCODER,
        "Bytes read from the store for videos that became ready",
        "several times the size of the sources",
    ),
);

/// Bytes to the store.
pub static WRITTEN_BYTES: Counter<0> = counter(
    "edgereel_transcoder_written_bytes_total",
    &[],
    About(
        Bytes,
        TRANSCODER,
        "Bytes written to the store for videos that became ready",
        "egress costs, if the store is in another cloud",
    ),
);

/// The one-time cost.
pub static COST_USD: Counter<1> = counter(
    "edgereel_transcoder_cost_usd_total",
    &[Label {
        name: "part",
        values: Listed(&["compute", "egress", "requests"]),
    }],
    About(
        Usd,
        TRANSCODER,
        "One-time cost of videos that became ready, at the configured prices",
        "cost of a day, and for each hour of source",
    ),
);
