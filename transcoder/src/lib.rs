//! Turns an uploaded video into encrypted, adaptive HLS.
//!
//! [`Worker`] takes jobs from the queue; [`transcode`] transcodes one file without services; both are
//! thin shells over the pipeline. FFmpeg does the media work: it sees only a loopback address.

mod captions;
mod cause;
mod chapters;
mod content_keys;
mod download;
mod embedded;
mod error;
mod fan_out;
mod fetch;
mod ffmpeg;
mod inspect;
mod jobs;
mod journal;
mod lanes;
mod local;
mod loopback;
mod loudness;
mod manifest;
mod normalise;
mod per_title;
mod pipeline;
mod poster;
mod preview;
mod publish;
mod published;
mod records;
mod reused;
pub mod service;
pub mod settings;
pub mod setup;
mod sink;
mod source;
mod spans;
mod stills;
mod stored_plan;
#[cfg(test)]
mod testing;
mod tone_map;
mod transcriber;
pub mod trial;
mod unnamed;
mod verify;
mod watermark;
mod wire;
mod worker;

pub use error::TranscodeError;
pub use fan_out::Helping;
pub use fetch::Pace;
pub use ffmpeg::{HardwareSettings, JobMemory, Launcher, Tools};
pub use journal::Progress;
pub use local::{LocalJob, LocalReport, transcode};
pub use transcriber::{Transcriber, TranscriberService};
pub use worker::{ActiveVideos, Outage, Worker, WorkerConfig, WorkerMetrics};
