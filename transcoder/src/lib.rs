//! Turns an uploaded video into encrypted, adaptive HLS.
//!
//! [`worker`] takes jobs from the queue; [`local`] transcodes one file without services; both are
//! thin shells over [`pipeline`]. FFmpeg does the media work: it sees only a loopback address.

pub mod content_keys;
pub mod error;
pub mod fetch;
pub mod ffmpeg;
pub mod inspect;
pub mod journal;
pub mod lanes;
pub mod local;
pub mod loopback;
pub mod manifest;
pub mod normalise;
pub mod pipeline;
pub mod poster;
pub mod publish;
pub mod reused;
pub mod service;
pub mod settings;
pub mod setup;
pub mod sink;
pub mod source;
pub mod stills;
#[cfg(test)]
mod testing;
pub mod tone_map;
pub mod trial;
pub mod verify;
pub mod worker;
