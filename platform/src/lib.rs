//! The outside world behind small traits.
//!
//! No SDK type crosses a trait. Each trait has a conformance suite that every implementation passes.

pub mod catalog;
pub mod database;
pub mod job_queue;
pub mod net;
pub mod object_store;
pub mod s3_server;
pub mod secret;
pub mod webhooks;
