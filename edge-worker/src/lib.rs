//! The edge as a Cloudflare Worker: decides and signs playback requests near the viewer, and relays
//! the bucket's events to the job queue.
//!
//! A thin shell: `domain::playback` decides on playback, `domain::event` interprets events. The
//! crate `edge-server` executes the same playback decisions outside of Cloudflare, and one table of
//! cases tests both.
//!
//! - `worker` (WebAssembly only): the handlers, over R2, KV, the cache and `fetch`.
//! - [`settings`]: configuration from variables and secrets.
//! - [`relay`]: turns the messages of a batch into jobs, and decides on each message.
//! - [`delivery`]: sends the jobs of a batch to the queue or to the API.
//! - [`fills`]: limits the objects that are being read for the cache.
//! - [`sqs`], [`signature`]: requests to Amazon SQS, and their signatures.
//!
//! Nothing here may panic, since a panic in WebAssembly ends every request that the isolate is
//! serving: the lints of this crate forbid code that could.

pub mod delivery;
pub mod fills;
pub mod relay;
pub mod settings;
pub mod signature;
pub mod sqs;
pub mod url;

#[cfg(all(target_arch = "wasm32", feature = "empty"))]
mod empty;
#[cfg(all(target_arch = "wasm32", not(feature = "empty")))]
mod worker;
