//! The rules of Edgereel: which renditions a video gets, where its objects are stored, and who may
//! watch it.
//!
//! Pure on purpose: the API, the transcoder, the local server and the edge worker (WASM) all link
//! this crate, so nothing here reads a clock, a file, a socket or an environment variable. `now`,
//! randomness and secrets are arguments.

pub mod caption;
pub mod chapter;
pub mod clip;
pub mod cmcd;
pub mod content_key;
pub mod download;
pub mod estimate;
pub mod event;
pub mod failure;
pub mod grant;
pub mod growth;
pub mod ids;
pub mod image;
pub mod job;
pub mod keyring;
pub mod launch;
pub mod loudness;
pub mod month;
pub mod object_key;
pub mod pass;
pub mod per_title;
pub mod plan;
pub mod playback;
pub mod preview;
pub mod prices;
pub mod probe;
pub mod profile;
pub mod receipt;
pub mod retry;
pub mod scope;
pub mod segment;
pub mod state;
pub mod thumbnail;
pub mod time;
pub mod trace;
pub mod viewing;
pub mod watermark;
pub mod webhook;
