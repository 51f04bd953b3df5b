//! The HTTP API and the event-driven functions, as a library.
//!
//! The same [`router`] is served by `axum::serve` on a laptop and behind API Gateway in the cloud. The same [`Ingest`](services::ingest::Ingest)
//! processes bucket events from the embedded server's outbox and from a queue. Code for a specific host is in the
//! programs.

mod api_keys;
pub mod auth;
pub mod config;
mod cors;
mod costs;
mod dead_letters;
pub mod edge_list;
pub mod error;
mod events;
mod extract;
mod health;
mod idempotency;
mod jobs;
mod key_in_path;
pub mod limits;
pub mod live;
pub mod metrics;
mod objects;
pub mod openapi;
mod pages;
mod paging;
pub mod playback;
pub mod problem;
mod random;
mod request_log;
mod revocations;
mod routes;
pub mod services;
pub mod session;
mod shares;
pub mod state;
pub mod upload_cors;
pub mod uploads;
pub mod videos;
pub mod webhooks;

pub use config::{ApiConfig, ApiSettings};
pub use error::ApiError;
pub use routes::{Route, route_table, router};
pub use state::ApiState;
