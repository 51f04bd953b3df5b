//! Real servers for tests, each with its own directory and port, removed when the test ends, however
//! it ends.
//!
//! They are not part of the checkout: `scripts/setup.sh --services` installs them. Where one is missing, `start` reports it
//! and returns `None`, and the test passes without having tested anything. `make test` lists the skipped tests at its end.
//! With `EDGEREEL_REQUIRE_SERVICES=1`, as in CI, the test fails instead. All functions panic with a message where something
//! else is wrong.
//!
//! [`MuxStandIn`] and [`StreamStandIn`] take the place of services on the internet.
//!
//! [`closed_captions`] writes captions into the frames of a video, which FFmpeg cannot do.

mod cases;
pub mod closed_captions;
mod ecs;
mod localstack;
mod postgres;
mod server;
mod services;
mod skip;

use std::path::PathBuf;

pub use cases::{Case, together};
pub use ecs::{EcsStandIn, EcsTrouble};
pub use localstack::LocalStack;
pub use postgres::Postgres;
pub use services::{MuxStandIn, ServiceTrouble, StreamStandIn};
pub use skip::{missing, skipped};

/// Installs the servers of this crate.
const INSTALL: &str = "scripts/setup.sh --services";

/// A program in a Python environment that `scripts/setup.sh --services` creates; prints a note if
/// it is missing.
pub fn tool(environment: &str, program: &str) -> Option<PathBuf> {
    let found = in_cache(environment, program).filter(|it| it.is_file());
    if found.is_none() {
        missing(environment, INSTALL);
    }
    found
}

/// `promtool` of Prometheus, on the path or where `scripts/setup.sh --services` puts it; prints a note if it is missing.
pub fn promtool() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .map(|it| it.join("promtool"))
        .chain(in_cache("promtool", "promtool"))
        .find(|it| it.is_file());
    if found.is_none() {
        missing("promtool", INSTALL);
    }
    found
}

fn in_cache(environment: &str, program: &str) -> Option<PathBuf> {
    let of_home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .filter(|it| !it.is_empty())
        .map(PathBuf::from)
        .or_else(of_home)?;
    Some(
        cache
            .join("edgereel")
            .join(environment)
            .join("bin")
            .join(program),
    )
}
