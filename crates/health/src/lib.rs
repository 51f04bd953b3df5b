//! Health, readiness and metrics of a program, on a port of their own: for supervisors, load balancers and Prometheus.
//!
//! The port has no authentication, so it is off by default: open it only to the network of the operator. Servers have
//! `/healthz` and `/readyz` on their own port too.

mod server;
mod services;

pub use server::{Health, HealthArgs, HealthServer, PortError, routes, text_response};
pub use services::Services;
