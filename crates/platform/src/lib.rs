//! Adapters to external services behind small traits.
//!
//! No SDK type crosses a trait. Each trait has a conformance suite that every implementation
//! passes. `catalog::connect` opens the database and the queue that the settings name.

pub mod clock;
mod conformance;
pub mod edge_list;
pub mod job_queue;
pub mod launch;
pub mod net;
pub mod object_store;
pub mod secret;
pub mod signals;
#[cfg(any(test, feature = "conformance"))]
pub mod testing;
