//! The edge as a Cloudflare Worker: playback decided and signed at the viewer's nearest place, and the bucket's
//! events carried to where work begins.
//!
//! A thin shell. What may be played, and how, is decided by `domain::playback`; what an event means, by
//! `domain::event`. The local twin of the first half is `cli/src/edge.rs`, and one table of cases tests both.
//!
//! - `worker` (WebAssembly only): the handlers, over R2, KV, the cache and `fetch`.
//! - [`settings`]: what the Worker is told by its variables and secrets.
//! - [`relay`]: which messages of a batch become which jobs, and what becomes of each message.
//! - [`sqs`], [`signature`]: requests to Amazon SQS, and how they are signed.
//!
//! Nothing here may panic, since a panic in WebAssembly ends every request that the isolate is serving: the lints of
//! this crate forbid what could.

pub mod relay;
pub mod settings;
pub mod signature;
pub mod sqs;
pub mod url;

#[cfg(all(target_arch = "wasm32", feature = "empty"))]
mod empty;
#[cfg(all(target_arch = "wasm32", not(feature = "empty")))]
mod worker;
