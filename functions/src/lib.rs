//! The HTTP API and the event-driven functions, as a library.
//!
//! The same [`router`] is served by `axum::serve` on a laptop and behind API Gateway in the cloud; the
//! same [`ingest`] takes the bucket's events from the embedded server's outbox and from a queue. What
//! belongs to one host or another stays with the programs.

pub mod auth;
pub mod config;
pub mod dead_letter;
pub mod error;
mod extract;
mod health;
pub mod ingest;
pub mod playback;
mod routes;
pub mod state;
mod times;
pub mod uploads;
pub mod videos;
pub mod webhooks;

pub use config::ApiConfig;
pub use error::ApiError;
pub use routes::router;
pub use state::ApiState;
