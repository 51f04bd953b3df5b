//! The HTTP API and the event-driven functions, as a library.
//!
//! The same [`router`] is served by `axum::serve` on any host and behind API Gateway in the cloud. The same [`ingest`]
//! processes bucket events from the embedded server's outbox and from a queue. Code for a specific host is in the
//! programs.

mod api_keys;
pub mod arrivals;
pub mod auth;
pub mod batch;
pub mod config;
mod cors;
pub mod dead_letter;
mod dead_letters;
pub mod edge_list;
pub mod error;
mod events;
mod extract;
pub mod gateway;
mod health;
mod idempotency;
pub mod ingest;
pub mod installation;
mod key_in_path;
pub mod limits;
mod metrics;
pub mod openapi;
mod paging;
pub mod playback;
pub mod problem;
mod random;
pub mod rebuild;
mod request_log;
pub mod rewrap;
mod routes;
pub mod settings;
mod share_page;
mod shares;
pub mod state;
pub mod sweeper;
mod times;
pub mod upload_cors;
pub mod uploads;
pub mod videos;
pub mod webhooks;

pub use config::ApiConfig;
pub use error::ApiError;
pub use routes::{Route, route_table, router};
pub use state::ApiState;
